"""A target that misbehaves on demand, and a runner that may reach it."""

import asyncio
import contextlib
import socket
import threading

import pytest

from service.engine.request import RequestRunner
from service.ports import Order

PATIENCE = 10


class Target:
    """Listens on loopback, keeps what it was sent, lets *behave* answer on the socket."""

    def __init__(self, behave, address="127.0.0.1", port=0, tls=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.requests = []
        self.over = threading.Event()
        self._behave = behave
        self._tls = tls
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def close(self):
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, line):
        line.settimeout(PATIENCE)
        with line, contextlib.suppress(OSError):
            if self._tls:
                line = self._tls.wrap_socket(line, server_side=True)
            with line:
                request = _whole_request(line)
                if request:
                    self.requests.append(request)
                    self._behave(line, self.over)


def _whole_request(line):
    text = b""
    while b"\r\n\r\n" not in text:
        piece = line.recv(65536)
        if not piece:
            return None
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    lengths = [int(it[15:]) for it in head.lower().split(b"\r\n") if it[:15] == b"content-length:"]
    while len(body) < sum(lengths):
        body += line.recv(65536)
    return head.decode("latin-1"), body


@pytest.fixture
def serve():
    """Start targets; *answer* is bytes to send, or a function of the socket and an end event."""
    targets = []

    def start(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", **settings):
        behave = answer if callable(answer) else lambda line, over: line.sendall(answer)
        targets.append(Target(behave, **settings))
        return targets[-1]

    yield start
    for target in targets:
        target.close()


@pytest.fixture
def make_runner():
    """Make runners that may reach 127.0.0.1."""
    runners = []

    def make(**settings):
        runners.append(RequestRunner(**{"allow_hosts": ["127.0.0.1"], "workers": 4} | settings))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture
def make_order(make_event):
    def make(content, timeout=PATIENCE, run="r-1", **variables):
        return Order(
            run=run,
            name="test.triggered.http",
            blob="0" * 40,
            content=content if isinstance(content, bytes) else content.encode(),
            event=make_event(),
            variables={"PROJECT": "sockshop"} | variables,
            timeout=timeout,
        )

    return make


@pytest.fixture
def send(make_runner, make_order):
    """Run one `.http` file to its end; settings of the runner in *runner*."""

    def run(content, *, runner=None, **order):
        return asyncio.run(make_runner(**runner or {}).run(make_order(content, **order)))

    return run
