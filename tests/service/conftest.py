"""The program as its user starts it, a sink that may fail, a witness that scripts write to."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
import requests

PATIENCE = 20.0
GENEXEC = str(Path(sys.executable).parent / "genexec")
SETPRIV = shutil.which("setpriv")
DIE_WITH_US = [SETPRIV, "--pdeathsig", "KILL", "--"] if SETPRIV else []
"""A test run that is killed leaves no service behind."""
PARTS = {"service.engine.runner": "keeper", "engine": "engine", "web": "arbiter"}
BELOW = {"keeper": "runner", "arbiter": "worker"}


def wait_until(ask, *, seconds=PATIENCE, what="it did not come true"):
    """Return the first true answer of *ask*; fail with *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        said = what() if callable(what) else what
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
    return answer


@dataclass(frozen=True)
class Sign:
    """One line of the witness."""

    what: str
    event: str
    attempt: int
    pid: int
    at: float


class Sink:
    """Stands for Keptn: keeps what is posted to it, and fails as *answer* says.

    *answer* gets the event and returns a status; None is silence.
    """

    def __init__(self):
        self.taken = []
        self.refused = []
        self.answer = lambda event: 202
        self._loud = threading.Event()
        self._port = 0
        self.up()

    def up(self):
        handler = partial(_SinkHandler, self)
        self._server = _SinkServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._port}/event"

    def down(self):
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def close(self):
        self._loud.set()
        self.down()

    def take(self, event):
        status = self.answer(event)
        kept = self.taken if status and status < 300 else self.refused
        kept.append(event)
        if status is None:
            self._loud.wait(PATIENCE)
        return status

    def of(self, *, trigger="", context="", type_=""):
        """Return the events taken so far; a repeated one, same id, counts once."""
        first = {event["id"]: event for event in reversed(self.taken)}
        return [
            event
            for event in sorted(first.values(), key=self.taken.index)
            if (not trigger or event.get("triggeredid") == trigger)
            and (not context or event.get("shkeptncontext") == context)
            and event["type"].endswith(type_)
        ]

    def wait_for(self, count, **which):
        """Return the events once there are *count* of them."""
        wait_until(
            lambda: len(self.of(**which)) >= count,
            what=lambda: f"{len(self.of(**which))} of {count} events came: {self.of(**which)}",
        )
        return self.of(**which)


class _SinkServer(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """A service that was killed went away in the middle."""


class _SinkHandler(BaseHTTPRequestHandler):
    def __init__(self, sink, *arguments):
        self.sink = sink
        super().__init__(*arguments)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.sink.take(json.loads(body))
        if status is not None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *_):
        pass


class Service:
    """One state directory, and `genexec serve` on it, started and ended any number of times."""

    def __init__(self, folder, scripts, *, sink=True, **settings):
        self.folder = folder
        self.state = folder / "state"
        self.log = folder / "log"
        self._shared = TemporaryDirectory(dir="/dev/shm")
        self.witness = Path(self._shared.name, "witness")
        """Where scripts may write also when they are kept from the neighbours of the journal."""
        self.sink = Sink() if sink else None
        self.where = None
        """The folder it is started in; None is ours."""
        self.process = None
        self._seen = {}
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "WITNESS": str(self.witness),
            "GENEXEC_STATE_DIR": str(self.state),
            "GENEXEC_PORT": "0",
            "GENEXEC_SCRIPTS": str(scripts),
            **({"GENEXEC_SINK": self.sink.url} if sink else {}),
            **{name.upper(): str(value) for name, value in settings.items()},
        }

    def launch(self):
        """Start it and do not wait."""
        (self.state / "address").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_US, GENEXEC, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.where,
                start_new_session=True,
            )
        return self

    def start(self):
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        wait_until(self.ready, what=lambda: f"not ready:\n{self.log.read_text()}")
        self.processes()

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/readyz").ok
        except (OSError, requests.RequestException):
            return False

    @property
    def address(self):
        return (self.state / "address").read_text().strip()

    def get(self, path):
        return requests.get(self.address + path, timeout=10)

    def post(self, event, path="/"):
        batch = "-batch" if isinstance(event, list) else ""
        headers = {"content-type": f"application/cloudevents{batch}+json"}
        return requests.post(
            self.address + path, data=json.dumps(event), headers=headers, timeout=10
        )

    def send(self, event):
        """Post an event that is accepted; return the id of its run."""
        answer = self.post(event)
        assert answer.status_code == 202, answer.text
        return answer.json()["runs"][0]

    def run(self, run):
        """Return everything about a run."""
        return self.get(f"/api/v1/runs/{run}").json()

    def runs(self):
        return self.get("/api/v1/runs?limit=500").json()["runs"]

    def wait_for(self, run, *states):
        """Return the record of a run once it is in one of *states*, by default once it ended."""

        def there():
            record = self.run(run)
            reached = record["state"] in states if states else record["ended_at"]
            return record if reached else None

        return wait_until(there, what=lambda: f"{self.run(run)}\n{self.log.read_text()}")

    def signs(self, event=""):
        """Return what scripts wrote down, of all or of one event."""
        text = self.witness.read_text() if self.witness.exists() else ""
        signs = [
            Sign(what, about, int(attempt), int(pid), float(at))
            for what, about, attempt, pid, at in map(str.split, text.splitlines())
        ]
        return [sign for sign in signs if event in ("", sign.event)]

    def wait_for_signs(self, count, event=""):
        return wait_until(
            lambda: found if len(found := self.signs(event)) >= count else None,
            what=lambda: f"{self.signs(event)}\n{self.log.read_text()}",
        )

    def records(self):
        """Return the log records so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def command(self, *words, **environment):
        """Run `genexec` beside the service, as its user would."""
        return subprocess.run(
            [GENEXEC, *map(str, words)],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def processes(self):
        """Return the process ids of the service by name."""
        found = {"supervisor": self.process.pid}
        for pid, parent, words in _processes():
            name = next((name for word, name in PARTS.items() if word in words), "")
            if parent == self.process.pid and name:
                found[name] = pid
        for pid, parent, _ in _processes():
            above = next((name for name in BELOW if found.get(name) == parent), None)
            if above and self._is_ours(pid, above):
                found[BELOW[above]] = pid
        self._seen |= {pid: started for pid in found.values() if (started := _started(pid))}
        return found

    def _is_ours(self, pid, above):
        """Tell the runner from an orphan that fell to its keeper."""
        return above == "arbiter" or f"ENV_WITNESS={self.witness}" not in _environment(pid)

    def scripts(self):
        """Return the living processes that scripts of this service are, or have started."""
        mark = f"ENV_WITNESS={self.witness}"
        return [pid for pid, _, _ in _processes() if mark in _environment(pid)]

    def living(self):
        """Return the processes seen so far that still live, and those of scripts."""
        seen = [pid for pid, started in self._seen.items() if _started(pid) == started]
        return seen + self.scripts()

    def kill(self, *names):
        """Kill processes of the service at once; all of them when none is named."""
        found = self.processes()
        for name in names or found:
            with suppress(ProcessLookupError):  # it went with the one before
                os.kill(found[name], signal.SIGKILL)

    def end_scripts(self):
        for pid in self.scripts():
            os.kill(pid, signal.SIGKILL)

    def stop(self, number=signal.SIGTERM):
        """End it in order; return its exit code."""
        self.processes()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self):
        """End it, whatever is left of it; return what had to be ended by hand."""
        if self.process and self.process.poll() is None:
            self.processes()
            self.process.kill()
        if self.process:
            self.process.wait(PATIENCE)
        deadline = time.monotonic() + 5
        while (left := self.living()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        if self.sink:
            self.sink.close()
        self._shared.cleanup()
        return left


def _processes():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                words = (entry / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if state not in "ZX":
                yield int(entry.name), int(parent), words


def _started(pid):
    """Return when a living process was started, in ticks since boot; 0 when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _environment(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:
        return []


def _serve(tmp_path_factory):
    services = []

    def make(scripts=None, **settings):
        """Return a service for *scripts*: an address, or the files of a directory by name."""
        folder = tmp_path_factory.mktemp("service")
        address = scripts
        if isinstance(scripts, dict):
            address = folder / "scripts"
            for name, content in scripts.items():
                path = address / ("generic-executor" if "/" not in name else "") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        services.append(Service(folder, address, **settings))
        return services[-1]

    yield make
    left = [pid for service in services for pid in service.close()]
    assert left == []


serve = pytest.fixture(_serve)
serve_all = pytest.fixture(scope="module")(_serve)
"""The same for a whole module."""


@pytest.fixture(scope="session")
def until():
    return wait_until


@pytest.fixture(scope="session")
def signing():
    """Make a line of Bash that writes down what happens, in one stroke."""

    def line(what):
        return f'echo "{what} $ID $GENEXEC_ATTEMPT $$ $EPOCHREALTIME" >> "$ENV_WITNESS"\n'

    return line


@pytest.fixture(scope="session")
def event():
    """Make an event with an id and a context of its own."""

    def make(type_, *, project="sockshop", data=None, **attributes):
        where = {"project": project, "stage": "dev", "service": "carts"}
        return {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "test",
            "type": type_,
            "shkeptncontext": str(uuid4()),
            "data": where | (data or {}),
        } | attributes

    return make
