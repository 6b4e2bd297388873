"""The gate: every request passes here first.

It knows which paths are open to everybody and what the others need, asks `browsers` and the
`guard`, reads the body within limits, and passes on to `http` (events) or to the API. What
nobody may do is refused before the body is read.
"""

import re
from collections.abc import Collection, Coroutine
from typing import Any

from service.errors import EventTooLarge
from service.intake.asgi import (
    Answer,
    Application,
    Receive,
    Request,
    RequestBody,
    Scope,
    Send,
    replayed,
)
from service.intake.browsers import Browsers
from service.intake.guard import Guard
from service.intake.http import EventIntake
from service.intake.refusals import CLOSE, Denial, Refusals
from service.intake.senders import Scope as Allowed
from service.intake.senders import Sender

SENDER = "genexec.sender"
"""The key in the ASGI scope under which the API finds who asks."""

_OPEN = ("/healthz", "/readyz")
_EVENTS = "/api/v1/events"
"""Takes events, too, whatever path is set for them."""
_SENDING = re.compile(r"/api/v1/runs(?:/[^/]+/rerun)?")
_LOOKING = "/api/v1/explain"
"""Is asked with a body and changes nothing."""
_READING = ("GET", "HEAD", "OPTIONS")


class Gate:
    """The application of the web process.

    *path* belongs to *events*, every other one to *other*. A body may have *max_body* bytes
    and take *body_timeout* seconds, whatever the path.
    """

    def __init__(
        self,
        *,
        path: str,
        events: EventIntake,
        other: Application,
        guard: Guard,
        browsers: Browsers,
        refusals: Refusals,
        max_body: int,
        body_timeout: float,
    ) -> None:
        self._paths = ({"/", ""} if path == "/" else {path}) | {_EVENTS}
        self._events = events
        self._other = other
        self._guard = guard
        self._browsers = browsers
        self._refusals = refusals
        self._max_body = max_body
        self._body_timeout = body_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    @property
    def paths(self) -> Collection[str]:
        """Where events are sent; see `asgi.Direct`."""
        return self._paths

    def direct(
        self, request: Request, body: bytes, answer: Answer
    ) -> Coroutine[Any, Any, None] | None:
        """Return what takes an event whose sender is known at sight; see `asgi.Direct`."""
        if len(body) > self._max_body or self._browsers.denial(request, Allowed.SEND):
            return None
        sender = self._guard.known(request, Allowed.SEND)
        if sender is None:
            return None
        return self._events.serve(request, body, sender=sender, answer=answer)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request.of(scope)
        needed = self._needed(request)
        incoming = RequestBody(receive)
        sender = self._at_sight(request, needed)
        if isinstance(sender, Denial):
            await self._deny(sender, request, send, CLOSE)
            await incoming.discard()
            return
        body = await self._body(request, incoming, send)
        if body is None:
            return
        if needed is None:
            await self._other(scope, replayed(body, receive), send)
            return
        if sender is None:
            sender = self._guard.by_signature(request, body, needed)
        if isinstance(sender, Denial):
            await self._deny(sender, request, send)
        elif request.path in self._paths:
            head = request.method == "HEAD"
            await self._events.serve(
                request, body, sender=sender, answer=lambda answer: answer.send(send, head=head)
            )
        else:
            scope[SENDER] = sender
            await self._other(scope, replayed(body, receive), send)

    async def _deny(
        self, denial: Denial, request: Request, send: Send, *headers: tuple[bytes, bytes]
    ) -> None:
        answer = self._refusals.deny(denial, sender=request.peer, headers=headers)
        await answer.send(send, head=request.method == "HEAD")

    async def _body(self, request: Request, incoming: RequestBody, send: Send) -> bytes | None:
        """Return the body; None when there is none to be had and that was answered."""
        limit, seconds = self._max_body, self._body_timeout
        try:
            body = await incoming.read(dict(request.headers), limit=limit, seconds=seconds)
        except EventTooLarge as error:
            refusal = self._refusals.refuse(error, sender=request.peer, headers=(CLOSE,))
            await refusal.send(send)
            await incoming.discard()
            return None
        if body is None:
            message = "the request body did not arrive in time"
            await self._refusals.answer(
                408, "request-timeout", message, sender=request.peer, headers=(CLOSE,)
            ).send(send)
        return body

    def _needed(self, request: Request) -> Allowed | None:
        """Return what a sender must be allowed to do; None for what is open to everybody."""
        if request.path in self._paths:
            return Allowed.SEND
        if request.path in _OPEN:
            return None
        if request.method in _READING or request.path == _LOOKING:
            return Allowed.READ
        return Allowed.SEND if _SENDING.fullmatch(request.path) else Allowed.OPERATE

    def _at_sight(self, request: Request, needed: Allowed | None) -> Sender | Denial | None:
        if needed is None:
            return None
        return self._browsers.denial(request, needed) or self._guard.at_sight(request, needed)


async def _live(receive: Receive, send: Send) -> None:
    """Answer the lifespan messages: there is nothing of its own to start or stop."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
