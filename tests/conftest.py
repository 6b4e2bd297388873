"""What every test starts from: a sealed surrounding and makers with defaults."""

import base64
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from service.event import Acceptance, read_event

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

MACHINE = "this machine cannot: "
"""How the reason of a skip begins that is accepted in CI: a kernel or a user that lacks
something. What can be installed is never such a reason."""

_KEPT = {"PATH", "LANG", "LC_ALL", "CI", "TMPDIR", "PYTEST_CURRENT_TEST", "COVERAGE_PROCESS_START"}


def pytest_addoption(parser):
    said = "only the tests that hold this promise (docs/guarantees.md)"
    parser.addoption("--promise", metavar="R4", help=said)


def pytest_collection_modifyitems(config, items):
    """Leave out what does not hold the promise that was asked for."""
    wanted = config.getoption("--promise")
    if wanted:
        holding = [
            item
            for item in items
            if wanted in {mark.args[0] for mark in item.iter_markers("promise")}
        ]
        config.hook.pytest_deselected(items=[item for item in items if item not in holding])
        items[:] = holding


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


@pytest.fixture(scope="session")
def needs():
    """Ask for a program; without it the test is skipped, which fails in CI."""

    def ask(program, package=""):
        if shutil.which(program) is None:
            pytest.skip(
                f"{program} is not installed" + f" (Debian package {package})" * bool(package)
            )

    return ask


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail what is skipped in CI, unless the machine itself is the reason."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(MACHINE):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not be skipped in CI: {reason}"
    return report


@pytest.fixture(scope="session")
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


class ScriptedKeptn:
    """What a test says to the program `tests/keptn/scripted_keptn.py`."""

    def __init__(self, url):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def commit(self, files, *, project="sockshop", branch="main"):
        """Add files to the project (`main`) or to a stage; return the commit."""
        encoded = {
            path: None if content is None else base64.b64encode(content).decode()
            for path, content in files.items()
        }
        return self._say(commit={"project": project, "branch": branch, "files": encoded})["commit"]

    def set(self, **what):
        self._say(set=what)

    def asked(self):
        """Return path, token and host of every request so far."""
        return self._session.get(f"{self.url}/_control", timeout=10).json()

    def reset(self):
        self._say(reset={})

    def close(self):
        self._session.close()

    def _say(self, **orders):
        answer = self._session.post(f"{self.url}/_control", json=orders, timeout=10)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def _keptn_program():
    program = Path(__file__).parent / "keptn" / "scripted_keptn.py"
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        keptn = ScriptedKeptn(process.stdout.readline().strip())
        yield keptn
        keptn.close()
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def keptn(_keptn_program):
    """A Keptn 1.4 with an empty project sockshop, asked directly, until the test changes it."""
    _keptn_program.reset()
    _keptn_program.commit({"shipyard.yaml": b"apiVersion: spec.keptn.sh/0.2.4\n"})
    yield _keptn_program
    _keptn_program.reset()
