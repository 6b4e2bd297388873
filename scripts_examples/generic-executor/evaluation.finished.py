#!/usr/bin/env python3
# genexec: timeout=5m repeatable max-attempts=3
"""evaluation.finished: print which indicators were not good enough.

The second line is a directive. `repeatable` says that running this twice does no harm, so the
service may start it again, three times at most, after it was interrupted.
"""

import json
import os
import sys
from pathlib import Path

event = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
evaluation = event["data"].get("evaluation", {})

print(f"attempt {os.environ.get('GENEXEC_ATTEMPT', '1')}: score {evaluation.get('score', '?')}")
for indicator in evaluation.get("indicatorResults") or []:
    if indicator["status"] != "pass":
        measured = indicator["value"]
        print(f"{indicator['status']}: {measured['metric']} = {measured['value']}")
