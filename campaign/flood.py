"""Senders that nobody wants: more than can be run, and some that never finish a sentence."""

import http.client
import json
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from campaign.plan import Planned

_THREADS = 24
_PATIENCE = 10.0
_HALVES = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-",
    (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/cloudevents+json\r\n"
        b"Content-Length: 500\r\n\r\n{"
    ),
)
_HEADERS = {"content-type": "application/cloudevents+json", "connection": "keep-alive"}


class Flood:
    """Sends every event once, at its time, whatever was said to the ones before."""

    def __init__(self, port: int, events: Sequence[Planned]) -> None:
        self._port = port
        self._events = events
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self.said: dict[str, str] = {}
        """A status, or why there was none, by event id."""
        self.seconds: dict[str, float] = {}
        """From the time an event was due to its answer."""
        self.accepted: dict[str, float] = {}

    def run(self) -> None:
        """Send; returns when everything is answered."""
        begun = time.monotonic()
        with ThreadPoolExecutor(_THREADS) as pool:
            for event in self._events:
                time.sleep(max(0.0, begun + event.at - time.monotonic()))
                pool.submit(self._send, event, begun + event.at)
        for connection in self._opened:
            connection.close()

    def answers(self) -> dict[str, int]:
        """Return how often which answer came."""
        return dict(Counter(self.said.values()).most_common())

    def _send(self, event: Planned, due: float) -> None:
        said = self._post(json.dumps(event.document))
        self.seconds[event.id] = time.monotonic() - due
        self.said[event.id] = said
        if said == "202":
            self.accepted[event.id] = time.time()

    def _post(self, body: str) -> str:
        """Return the answer; a connection that was closed meanwhile is opened anew, once."""
        for fresh in (False, True):
            connection = getattr(self._local, "connection", None)
            if fresh or connection is None:
                connection = self._local.connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=_PATIENCE
                )
                self._opened.append(connection)
            try:
                connection.request("POST", "/", body=body, headers=_HEADERS)
                answer = connection.getresponse()
                answer.read()
                return str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                said = type(error).__name__
                if isinstance(error, TimeoutError):
                    return said
        return said


class Stalled:
    """So many connections on which half a request was sent, again and again."""

    def __init__(self, port: int, *, count: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._closed: list[float | None] = []
        self._threads = [
            threading.Thread(target=self._stall, args=(_HALVES[number % 2],), daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[float | None]:
        """Return after how many seconds each was closed; None when it was not."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self._closed

    def _stall(self, half: bytes) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            closed = True
            with suppress(ConnectionError), self._connected() as connection:
                connection.sendall(half)
                closed = _is_closed(connection)
            self._closed.append(time.monotonic() - begun if closed else None)

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)


def _is_closed(connection: socket.socket) -> bool:
    """Read until the other side closes; False when it does not."""
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    return True


def seconds_of(url: str) -> float:
    """Return the seconds until *url* answered well; a large number when it did not."""
    begun = time.monotonic()
    with suppress(OSError), urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        if answer.status == 200:
            return time.monotonic() - begun
    return 2 * _PATIENCE
