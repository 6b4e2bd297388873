#!/usr/bin/env python3
"""action.triggered.poweroutageaction, for the project sockshop: say what to look at.

Runs instead of the shared .http variant: an action is done by one script, .sh before .py
before .http.
"""

import os

print(f"Power outage in {os.environ['STAGE']}: {os.environ['PROBLEMTITLE']}")
print(os.environ.get("VALUE_MESSAGE", "The action says nothing more."))
