"""What every test starts from: a sealed surrounding and makers with defaults."""

import os
from datetime import UTC, datetime

import pytest

from service.event import Acceptance, read_event

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

_KEPT = {"PATH", "LANG", "LC_ALL", "CI", "TMPDIR", "PYTEST_CURRENT_TEST", "COVERAGE_PROCESS_START"}


@pytest.fixture(autouse=True)
def _sealed(monkeypatch, tmp_path_factory):
    """No test sees the home directory, the Git configuration or the environment of its user."""
    for name in set(os.environ) - _KEPT:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.invalid")


@pytest.fixture
def make_event():
    """Make an event from attributes; `data` and the rest have sensible defaults."""

    def make(type_="sh.keptn.event.test.triggered", *, accept=Acceptance.LEGACY, **attributes):
        document = {
            "specversion": "1.0",
            "id": "e-1",
            "source": "test",
            "type": type_,
            "time": "2026-11-21T11:59:58.123Z",
            "shkeptncontext": "08735340-6f9e-4b32-97ff-3b6c292bc509",
            "data": {"project": "sockshop", "stage": "dev", "service": "carts"},
        } | attributes
        document = {name: value for name, value in document.items() if value is not ...}
        return read_event(document, accept=accept, now=NOW)

    return make
