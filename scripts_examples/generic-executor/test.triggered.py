#!/usr/bin/env python3
"""test.triggered: do the task "test" and return what was found.

Keptn hands out a task with `….triggered` and waits for `….finished`; the service sends both
answers. A script that prints one JSON object returns data: here it becomes `data.test` of the
answer, where Keptn looks for `start` and `end`.
"""

import json
import os
import sys
from datetime import UTC, datetime

import requests

STRATEGIES = {"", "functional", "performance", "healthcheck", "real-user"}


def answers(url: str) -> bool:
    """Say whether the deployed service can be reached; true when it has no public address."""
    try:
        return not url or requests.get(url, timeout=10).ok
    except requests.RequestException as error:
        print(f"{url}: {error}", file=sys.stderr)  # for people; only standard output is read
        return False


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


start = now()
checks = {
    "image has a tag": ":" in os.environ["IMAGE"].rpartition("/")[2],
    "strategy is known": os.environ["TESTSTRATEGY"] in STRATEGIES,
    "service answers": answers(os.environ["DEPLOYMENTURIPUBLIC"]),
}
result = "pass" if all(checks.values()) else "fail"
print(json.dumps({"start": start, "end": now(), "result": result, "checks": checks}))
