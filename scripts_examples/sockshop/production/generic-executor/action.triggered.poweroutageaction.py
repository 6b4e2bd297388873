#!/usr/bin/env python3
"""action.triggered.poweroutageaction, for sockshop in production: wake somebody up.

Shadows the file of the same name in sockshop/generic-executor: the more specific place wins.
"""

import os
import sys

contact = os.environ.get("ENV_ON_CALL", "the person on call")
message = os.environ.get("VALUE_MESSAGE")
if message is None:
    sys.exit("the action in remediation.yaml has no Message")  # exit code 1: result is fail

print(f"Calling {contact}: power outage at {os.environ['SERVICE']}. {message}")
