#!/usr/bin/env python3
"""action.triggered.myaction: do "myaction", an action of some remediation.yaml.

Keptn asks for an action when something is wrong in production. The last part of the file name
is the `action` of remediation.yaml. What is printed becomes a comment on the problem.
"""

import json
import os
import sys
from pathlib import Path

# Variables: the usual way to the facts. Documented names are always set, perhaps to "".
print(f"{os.environ['ACTION']} for {os.environ['SERVICE']} in {os.environ['STAGE']}")
print(f"problem: {os.environ['PROBLEMTITLE']} ({os.environ['PID'] or 'no id'})")

# Entries of the action's `value` are VALUE_<name>, as written and in capitals.
# They exist only when the event has them.
print(f"replicas: {os.environ.get('VALUE_REPLICAS', 'not said')}")

# The whole event is a JSON file, named by the first argument.
event = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
print(f"asked for by {event['source']} at {event.get('time', 'an unknown time')}")
