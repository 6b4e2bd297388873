"""A good sender: repeats what was not accepted, with the same id, until it is.

An event counts as accepted when it was answered with 202, and only then.
"""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from urllib.parse import urlsplit

from campaign.neighbours import Line
from campaign.plan import Planned

_PAUSE = 0.15
_TIMEOUT = 10.0
_AGAIN = {408, 429, 500, 502, 503, 504}


class Sender:
    """Posts events of one chapter and remembers every answer that counts."""

    def __init__(self, address: str, file: Line, random: Random, *, threads: int = 4) -> None:
        self._address = urlsplit(address)
        self._file = file
        self._random = random
        self._pool = ThreadPoolExecutor(threads)
        self._lock = threading.Lock()
        self._local = threading.local()
        self._open = 0
        self.stopping = threading.Event()
        self.accepted: dict[str, float] = {}
        """When the first 202 came, by event id."""
        self.repeated: set[str] = set()
        self.refused: dict[str, str] = {}
        """Answers that no good sender repeats."""
        self.tries = 0
        self.failures: dict[str, int] = {}
        """What came instead of a 202, and how often."""

    def send(self, event: Planned) -> None:
        """Send it, now and as often as planned, in the background."""
        with self._lock:
            self._open += 1
        with suppress(RuntimeError):  # the chapter is over
            self._pool.submit(self._deliver, event)

    def send_all(self, events: list[Planned]) -> None:
        """Send events at their times; returns when the last has been handed over."""
        begun = time.monotonic()
        for event in events:
            self.stopping.wait(max(0.0, begun + event.at - time.monotonic()))
            self.send(event)

    @property
    def open(self) -> int:
        """How many events are still to be accepted, or to be sent again."""
        return self._open

    def close(self) -> None:
        """Give up what is still open."""
        self.stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _deliver(self, event: Planned) -> None:
        timers = []
        try:
            if self._until_accepted(event) and event.again:
                timers = [threading.Timer(s, self._repeat, (event,)) for s in event.again]
        finally:
            with self._lock:
                self._open += len(timers) - 1
            for timer in timers:
                timer.daemon = True
                timer.start()

    def _repeat(self, event: Planned) -> None:
        try:
            self._pool.submit(self._planned_repetition, event)
        except RuntimeError:  # the chapter is over
            with self._lock:
                self._open -= 1

    def once_more(self, event: Planned) -> None:
        """Send an event again that was accepted before."""
        if self._until_accepted(event):
            self.repeated.add(event.id)

    def _planned_repetition(self, event: Planned) -> None:
        self.once_more(event)
        with self._lock:
            self._open -= 1

    def _until_accepted(self, event: Planned) -> bool:
        body = json.dumps(event.document)
        while not self.stopping.is_set():
            said = self._post(body)
            self.tries += 1
            if said == "202":
                if event.id not in self.accepted:
                    self.accepted[event.id] = time.time()
                    self._file.write(event.id)
                return True
            with self._lock:
                self.failures[said] = self.failures.get(said, 0) + 1
            if said.isdecimal() and int(said) not in _AGAIN:
                self.refused[event.id] = said
                return False
            self.stopping.wait(_PAUSE * self._random.uniform(0.5, 1.5))
        return False

    def _post(self, body: str) -> str:
        """Return the status of the answer, or why there was none."""
        connection = http.client.HTTPConnection(
            str(self._address.hostname), self._address.port, timeout=_TIMEOUT
        )
        try:
            headers = {"content-type": "application/cloudevents+json"}
            connection.request("POST", "/", body=body, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
