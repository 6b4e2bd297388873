"""Questions from the web process to the engine, over a socket both inherit.

A question is one JSON datagram; an answer is JSON in one datagram or several, because a
script may be part of it. Many questions may be under way, answers come in any order. The
supervisor keeps both ends open, so either process may be started again without the other
noticing more than questions without an answer.
"""

import asyncio
import itertools
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from service.errors import GenexecError, NeverAgain, SourceUnavailable

_LARGEST = 64 * 1024
_PIECE = 32 * 1024
_HEAD = struct.Struct("!QII")
"""Number of the question, which piece this is, how many there are."""
_AT_ONCE = 64
"""Questions that are answered at once; beyond, they are dropped and time out."""
_LOOK = 0.25
_PATIENCE = 5.0
"""Seconds in which somebody must begin to read an answer."""

Answer = Mapping[str, Any]


class _Waiting:
    """A question that has no answer yet."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.answer: Answer = {}
        self.failure = ""
        self._pieces: dict[int, bytes] = {}

    def take(self, index: int, count: int, piece: bytes) -> None:
        self._pieces[index] = piece
        if len(self._pieces) == count:
            self.answer = json.loads(b"".join(self._pieces[i] for i in range(count)))
            self.answered.set()


class Asker:
    """Asks the engine; used by several threads of the web process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._numbers = itertools.count(time.monotonic_ns())
        self._reader: threading.Thread | None = None

    def ask(
        self,
        question: str,
        *,
        seconds: float,
        unless: Callable[[], bool] = lambda: False,
        **details: str,
    ) -> Answer:
        """Return the engine's answer. Raises `SourceUnavailable` when there is none in time.

        Once *unless* says so, no answer is waited for any more.
        """
        deadline = time.monotonic() + seconds
        number = next(self._numbers)
        waiting = self._waiting[number] = _Waiting()
        text = json.dumps({"number": number, "question": question, **details})
        try:
            self._send(text.encode(), deadline)
            while not waiting.answered.wait(min(_LOOK, max(0.0, deadline - time.monotonic()))):
                if unless() or time.monotonic() >= deadline:
                    raise SourceUnavailable("the engine does not answer")
        finally:
            del self._waiting[number]
        if waiting.failure:
            raise SourceUnavailable(f"the engine does not answer: {waiting.failure}")
        return waiting.answer

    def _send(self, text: bytes, deadline: float) -> None:
        with self._sending:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._read, name="talk", daemon=True)
                self._reader.start()
            while True:
                try:
                    self._connection.send(text, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                    return
                except BlockingIOError as error:
                    poll = select.poll()
                    poll.register(self._connection, select.POLLOUT)
                    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                        raise SourceUnavailable("the engine does not answer") from error
                except OSError as error:
                    raise SourceUnavailable(f"the engine does not answer: {error}") from error

    def _read(self) -> None:
        """Hand out answers until the socket is closed; those nobody waits for are dropped."""
        poll = select.poll()
        try:
            poll.register(self._connection, select.POLLIN)
            while poll.poll():
                said = self._connection.recv(_LARGEST, socket.MSG_DONTWAIT)
                if not said:
                    raise ConnectionError("its end is closed")
                number, index, count = _HEAD.unpack_from(said)
                if waiting := self._waiting.get(number):
                    waiting.take(index, count, said[_HEAD.size :])
        except (OSError, ValueError) as error:  # ValueError: our end is closed
            for waiting in list(self._waiting.values()):
                waiting.failure = str(error)
                waiting.answered.set()


class Answerer:
    """Answers on the engine's event loop, each question in a task of its own."""

    def __init__(
        self, connection: socket.socket, answers: Mapping[str, Callable[..., Awaitable[Answer]]]
    ) -> None:
        self._connection = connection
        self._answers = answers
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
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
        if len(self._tasks) >= _AT_ONCE:
            return
        task = asyncio.create_task(self._answer(**json.loads(said)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, *, number: int, question: str, **details: str) -> None:
        try:
            answer = await self._answers[question](**details)
        except NeverAgain as error:
            answer = {"refused": str(error), "kind": type(error).__name__}
        except GenexecError as error:
            answer = {"unavailable": str(error)}
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE), self._sending:
                for piece in _pieces(number, json.dumps(answer).encode()):
                    await loop.sock_sendall(self._connection, piece)
        except (TimeoutError, OSError):
            return  # nobody reads: the web process is away, and asks again


def _pieces(number: int, text: bytes) -> Iterator[bytes]:
    count = max(1, -(-len(text) // _PIECE))
    for index in range(count):
        piece = text[index * _PIECE : (index + 1) * _PIECE]
        yield _HEAD.pack(number, index, count) + piece
