"""What an ASGI server and an application say, and how a body is read.

`gate` and `http` build on this. Applications that are called from threads get the body whole,
so that a slow sender holds no thread.
"""

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from service.errors import EventTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_DISCARD_SECONDS = 2.0
_DISCARD_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is known about a request before its body is."""

    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case; a name may stand several times."""
    peer: str
    """The address it came from, empty when there is none."""

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """Return the request that an ASGI scope describes."""
        client = scope.get("client")
        return cls(
            method=scope["method"],
            path=scope["path"],
            headers=scope["headers"],
            peer=client[0] if client else "",
        )

    def values(self, name: bytes) -> list[bytes]:
        """Return what the header of this lower-case name says, once per line."""
        return [value for other, value in self.headers if other == name]

    def header(self, name: bytes) -> bytes:
        """Return the value of a header that stands exactly once, else nothing."""
        values = self.values(name)
        return values[0] if len(values) == 1 else b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A whole answer to one request."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Send it; without the body when the request was a HEAD."""
        length = (b"content-length", b"%d" % len(self.body))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, length],
            }
        )
        await send({"type": "http.response.body", "body": b"" if head else self.body})


Answer = Callable[[Response], Awaitable[None]]
"""Takes the one answer to a request."""


@runtime_checkable
class Direct(Protocol):
    """An application that answers some requests without the messages of ASGI."""

    @property
    def paths(self) -> Collection[str]:
        """Where such requests are sent, with POST."""

    def direct(
        self, request: Request, body: bytes, answer: Answer
    ) -> Coroutine[Any, Any, None] | None:
        """Return what answers a whole request, None when it has to come the other way."""


class RequestBody:
    """The body of one request, read within limits."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def read(
        self, headers: Mapping[bytes, bytes], *, limit: int, seconds: float
    ) -> bytes | None:
        """Return the whole body; None when the sender went away or took too long.

        Raises `EventTooLarge` as soon as it is known: with a declared length before anything
        is read, else with the first byte beyond *limit*.
        """
        declared = headers.get(b"content-length")
        too_large = EventTooLarge(f"the request body has more than {limit} bytes")
        if declared is not None and int(declared) > limit:
            raise too_large
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while not self._ended:
                    piece = await self._next()
                    if piece is None:
                        return None
                    size += len(piece)
                    if size > limit:
                        raise too_large
                    pieces.append(piece)
        except TimeoutError:
            return None
        return b"".join(pieces)

    async def discard(self) -> None:
        """Read on for a moment after a refusal.

        Closing a connection with unread bytes resets it, and a sender that is still writing
        would see the reset instead of the answer.
        """
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while size <= _DISCARD_BYTES and not self._ended:
                    size += len(await self._next() or b"")

    async def _next(self) -> bytes | None:
        message = await self._receive()
        here = message["type"] == "http.request"
        self._ended = not here or not message.get("more_body", False)
        return message.get("body", b"") if here else None


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives *body* first, then what really comes: a disconnect."""
    pending = [body]

    async def next_message() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return next_message
