"""Questions from the web process to the engine, over a socket both inherit.

One JSON datagram each way. The supervisor keeps both ends open, so either process may be
started again without the other noticing more than one unanswered question.
"""

import asyncio
import itertools
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from service.errors import SourceUnavailable

_LARGEST = 64 * 1024

Answer = Mapping[str, Any]


class Asker:
    """Asks the engine; used by several threads of the web process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = itertools.count(time.monotonic_ns())

    def ask(self, question: str, *, seconds: float, **details: str) -> Answer:
        """Return the engine's answer. Raises `SourceUnavailable` when there is none in time."""
        deadline = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise SourceUnavailable("the engine is busy with another question")
        try:
            number = next(self._numbers)
            text = json.dumps({"number": number, "question": question, **details})
            self._connection.settimeout(max(0.0, deadline - time.monotonic()))
            try:
                self._connection.send(text.encode())
                while (left := deadline - time.monotonic()) > 0:
                    self._connection.settimeout(left)
                    answer: Answer = json.loads(self._connection.recv(_LARGEST))
                    if answer["number"] == number:  # else one that came too late
                        return answer
            except OSError as error:
                raise SourceUnavailable(f"the engine does not answer: {error}") from error
        finally:
            self._lock.release()
        raise SourceUnavailable("the engine does not answer")


class Answerer:
    """Answers on the engine's event loop, each question in a task of its own."""

    def __init__(
        self, connection: socket.socket, answers: Mapping[str, Callable[..., Awaitable[Answer]]]
    ) -> None:
        self._connection = connection
        self._answers = answers
        self._tasks: set[asyncio.Task[None]] = set()
        connection.settimeout(0)

    def start(self) -> None:
        """Begin to listen on the running loop."""
        asyncio.get_running_loop().add_reader(self._connection, self._question)

    def close(self) -> None:
        """Stop listening; questions being answered are dropped."""
        asyncio.get_running_loop().remove_reader(self._connection)
        for task in self._tasks:
            task.cancel()

    def _question(self) -> None:
        try:
            said = self._connection.recv(_LARGEST)
        except BlockingIOError:
            return
        if not said:  # the supervisor is dead, and this process will be in a moment
            self.close()
            return
        asked = json.loads(said)
        task = asyncio.create_task(self._answer(**asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, *, number: int, question: str, **details: str) -> None:
        try:
            answer = await self._answers[question](**details)
        except SourceUnavailable as error:
            answer = {"unavailable": str(error)}
        try:
            self._connection.send(json.dumps({"number": number, **answer}).encode())
        except BlockingIOError:
            return  # nobody reads: the web process is away, and asks again
