"""Whole messages, kept in files that are changed by hand: per command and kind of platform."""

import json
from pathlib import Path

import pytest

from service.states import State

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = {
    "run": "script run test.triggered shop/dev/carts",
    "running": "script status r-8",
    "list": "script list",
    "show": "script show test.triggered.sh",
    "explain": "script explain test.triggered",
    "runs": "script runs",
    "logs": "script logs r-1",
    "status": "script status",
    "whoami": "script whoami",
    "help": "script help",
    "refused": "script cancel r-8",
    "form": "script run",
    "mistyped": "script rnu test.triggered",
}
CASES = [(name, platform) for name in COMMANDS for platform in ("slack", "text")]


@pytest.mark.parametrize(("name", "platform"), CASES)
def test_a_message_looks_as_kept(type_in, desk, make_run, name, platform):
    desk.known["r-8"] = make_run("r-8", state=State.RUNNING, result="", message="")
    rules = {"allow": [{"users": ["*"], "commands": ["run"]}]}

    message = type_in(COMMANDS[name], platform=platform, config=rules)

    kept = GOLDEN / f"{name}.{platform}.json"
    assert message == json.loads(kept.read_text())


def test_every_kept_message_is_compared():
    kept = {path.name for path in GOLDEN.iterdir()}

    assert kept == {f"{name}.{platform}.json" for name, platform in CASES}
