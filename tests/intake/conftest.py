"""Real web processes to talk to, and how to talk to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest

STRUCTURED = {"Content-Type": "application/cloudevents+json"}

SETTINGS = {
    "accept": "legacy",
    "accept_seconds": 0,
    "body_timeout": 10.0,
    "grace": 5,
    "header_timeout": 10.0,
    "host_names": [],
    "max_body": 1 << 20,
    "path": "/",
    "queue": 10_000,
    "senders": None,
    "tls": None,
}


class Server:
    """A running web process."""

    def __init__(self, folder, settings):
        self.journal = folder / "accepted"
        self.drain_mark = folder / "draining"
        self.log_file = folder / "log"
        settings = settings | {"journal": str(self.journal), "draining": str(self.drain_mark)}
        program = Path(__file__).with_name("program.py")
        root = Path(__file__).parents[2]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", program, json.dumps(settings)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
            )
        self.address = self.process.stdout.readline().decode().strip()
        self.port = int(self.address.rpartition(":")[2])

    def request(self, method, path, body=None, headers=None):
        """Send one request on a new connection."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        kind = answer.headers.get_content_type()
        return SimpleNamespace(
            status=answer.status,
            headers=answer.headers,
            content=content,
            json=json.loads(content) if content and kind == "application/json" else None,
        )

    def post(self, body, headers=None, path="/"):
        """Send an event, given as bytes or as a document."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, content, STRUCTURED if headers is None else headers)

    def connect(self, data=b""):
        """Open a connection and send *data*."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(data)
        return connection

    def exchange(self, data):
        """Send *data* and return everything until the server closes."""
        with self.connect(data) as connection:
            return read_to_end(connection)

    def accepted(self, event_id=None):
        """Return what was written down (of one event id)."""
        if not self.journal.exists():
            return []
        entries = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [e for e in entries if event_id is None or e["document"]["id"] == event_id]

    def log(self):
        """Return the log records so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def worker(self):
        """Return the id of the worker process."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def terminate(self):
        """Ask it to end; return the exit code and the seconds that took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15), time.monotonic() - start

    def close(self):
        """Leave nothing behind."""
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.kill(self.worker(), signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def read_to_end(connection):
    """Read until the other side closes."""
    received = b""
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not data:
            return received
        received += data


@pytest.fixture(scope="session")
def start_server(tmp_path_factory):
    """Start a web process; its settings differ from `SETTINGS` where said."""
    servers = []

    def start(**settings):
        folder = tmp_path_factory.mktemp("server")
        servers.append(Server(folder, SETTINGS | settings))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.terminate()
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def server(start_server):
    """The web process that most tests share; they use event ids of their own."""
    return start_server()


@pytest.fixture
def wait_for():
    """Wait until something is true, at most five seconds."""

    def wait(condition):
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    return wait


@pytest.fixture
def document(request):
    """Make the document of an event whose id is the test's name."""

    def make(**attributes):
        made = {
            "specversion": "1.0",
            "id": request.node.name,
            "source": "test",
            "type": "sh.keptn.event.test.triggered",
            "time": "2026-11-21T11:59:58Z",
            "data": {"project": "sockshop", "stage": "dev", "service": "carts"},
        } | attributes
        return {name: value for name, value in made.items() if value is not ...}

    return make
