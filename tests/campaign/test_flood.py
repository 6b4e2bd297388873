"""The senders nobody wants notice what is done to them."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import pytest

from campaign.flood import Flood, Stalled, seconds_of
from campaign.mutations import HUNG, is_wrong
from campaign.plan import planned_events


@pytest.fixture
def server():
    """Answer every other request with 429, all others with 202; serve until the end."""
    statuses = iter([202, 429] * 50)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(next(statuses))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as it:
        it.daemon_threads = True
        thread = threading.Thread(target=it.serve_forever, args=(0.02,))
        thread.start()
        yield it.server_port
        it.shutdown()
        thread.join()


@pytest.fixture
def nobody():
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def events(count):
    return planned_events(Random(1), count=count, seconds=0.1, prefix="f", only=("quick",))


def test_a_flood_remembers_every_answer(server):
    flood = Flood(server, events(20))

    flood.run()

    assert flood.answers() == {"202": 10, "429": 10}
    assert len(flood.accepted) == 10
    assert all(seconds > 0 for seconds in flood.seconds.values())


def test_a_flood_that_nobody_takes_says_why(nobody):
    flood = Flood(nobody, events(3))

    flood.run()

    assert flood.answers() == {"ConnectionRefusedError": 3}


@pytest.mark.parametrize("closes", [True, False])
def test_a_stalled_connection_is_told_from_one_that_was_dropped(monkeypatch, closes):
    monkeypatch.setattr("campaign.flood._PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stalled = Stalled(listening.getsockname()[1], count=1)
        stalled.start()
        held, _ = listening.accept()
        if closes:
            time.sleep(0.05)
            held.close()
            held, _ = listening.accept()

        dropped = stalled.stop()

        held.close()
    assert (dropped[0] is None) is not closes


def test_health_that_does_not_answer_is_late(nobody):
    assert seconds_of(f"http://127.0.0.1:{nobody}/healthz") > 1


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\r\n", False),
        (b"HTTP/1.1 501 Not Implemented\r\n\r\n", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"", False),
        (HUNG, True),
    ],
)
def test_an_answer_that_no_request_may_cause_is_told(answer, wrong):
    assert is_wrong(answer) is wrong
