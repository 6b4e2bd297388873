"""What contract tests start from: scripts on disk, the engine for one event."""

import asyncio

import pytest

from service.config.reading import read_settings
from service.event import Event
from service.wiring.foreground import run_once


@pytest.fixture
def write_scripts(tmp_path):
    """Write scripts by their paths and return the directory they are in."""

    def write(files):
        root = tmp_path / "scripts"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return root

    return write


@pytest.fixture
def run_event(tmp_path, make_event):
    """Run the scripts of an event, or of the document of one, as `genexec run` does.

    Keywords are variables of the service's container: `GENEXEC_…` are its settings, all
    others are what scripts see as `ENV_…`.
    """

    def run(event, scripts, **environment):
        if not isinstance(event, Event):
            event = make_event(event["type"], **event)
        environment = {
            "GENEXEC_STATE_DIR": str(tmp_path / "state"),
            "GENEXEC_SCRIPTS": str(scripts),
            "GENEXEC_LAYOUT": "folders",
            "GENEXEC_GIT_SCHEMES": "file,https,ssh",
        } | environment
        settings = {k: v for k, v in environment.items() if k.startswith("GENEXEC_")}
        return asyncio.run(run_once(event, read_settings(settings), environment))

    return run
