"""CloudEvents over HTTP: read strictly, written down, answered, passed on.

A small ASGI application without a framework, because every event passes here. A 202 says
that the event is on disk; whoever runs it is woken afterwards. What a request must look like
is decided in `http_binding`; requests for any other path go to another application (the API),
under the same limits.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from service.errors import Draining, EventTooLarge, GenexecError
from service.event import Acceptance, Event
from service.http_binding import BATCH, code_of, read_message, status_of
from service.intake.asgi import (
    Application,
    Receive,
    RequestBody,
    Response,
    Scope,
    Send,
    replayed,
)
from service.intake.refusals import JSON_HEADERS, Refusals
from service.keptn_events import Belonging, belonging_of
from service.ports import Clock, Inbox
from service.runs import Arrival, Receipt, new_run_id

_RUNS = "/api/v1/runs"
_ALLOW = (b"allow", b"POST, OPTIONS")
_CLOSE = (b"connection", b"close")

_log = logging.getLogger(__name__)


class EventIntake:
    """The application of the web process.

    *path* takes events, every other path belongs to *other*. A body may have *max_body* bytes
    and take *body_timeout* seconds, whatever the path. *arrived* is told how many new events
    were written down; it runs on the event loop and must not block. While *draining* says so,
    events are refused.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        accept: Acceptance,
        default: Belonging,
        path: str,
        max_body: int,
        body_timeout: float,
        clock: Clock,
        arrived: Callable[[int], None],
        draining: Callable[[], bool],
        other: Application,
    ) -> None:
        self._inbox = inbox
        self._acceptance = accept
        self._default = default
        self._paths = {"/", ""} if path == "/" else {path}
        self._max_body = max_body
        self._body_timeout = body_timeout
        self._clock = clock
        self._arrived = arrived
        self._draining = draining
        self._other = other
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = _sender(scope)
        headers = dict(scope["headers"])
        incoming = RequestBody(receive)
        try:
            body = await incoming.read(headers, limit=self._max_body, seconds=self._body_timeout)
        except EventTooLarge as error:
            await self._refuse(error, sender=sender, headers=(_CLOSE,)).send(send)
            await incoming.discard()
            return
        if body is None:
            message = "the request body did not arrive in time"
            await self._refusals.answer(
                408, "request-timeout", message, sender=sender, headers=(_CLOSE,)
            ).send(send)
        elif scope["path"] not in self._paths:
            await self._other(scope, replayed(body, receive), send)
        else:
            await self._serve_event(scope, headers, body, send=send, sender=sender)

    async def _serve_event(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        body: bytes,
        *,
        send: Send,
        sender: str,
    ) -> None:
        method = scope["method"]
        if method == "POST":
            await self._take(scope["headers"], body, send=send, sender=sender)
        elif method == "OPTIONS":
            await _permission(headers).send(send)
        else:
            message = "events are sent with POST"
            await self._refusals.answer(
                405, "method-not-allowed", message, sender=sender, headers=(_ALLOW,)
            ).send(send, head=method == "HEAD")

    async def _take(
        self, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, send: Send, sender: str
    ) -> None:
        try:
            receipts = await self._write_down(headers, body)
        except GenexecError as error:
            await self._refuse(error, sender=sender).send(send)
            return
        except Exception as error:  # noqa: BLE001  # the next request is served all the same
            await self._refusals.failure(error, sender=sender).send(send)
            return
        new = sum(not receipt.duplicate for _, receipt in receipts)
        try:
            await _welcome([receipt for _, receipt in receipts], batch=_is_batch(headers)).send(
                send
            )
        finally:
            if new:
                self._arrived(new)
        for event, receipt in receipts:
            _record(event, receipt, sender=sender)

    async def _write_down(
        self, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> list[tuple[Event, Receipt]]:
        if self._draining():
            raise Draining
        now = self._clock.now()
        events = read_message(headers, body, accept=self._acceptance, now=now)
        arrivals = [
            Arrival(run=run, event=event, belonging=belonging_of(event, self._default), at=now)
            for run, event in zip(_run_ids(now, len(events)), events, strict=True)
        ]
        receipts = await self._inbox.accept(arrivals) if arrivals else ()
        return list(zip(events, receipts, strict=True))

    def _refuse(
        self,
        error: GenexecError,
        *,
        sender: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Response:
        status = status_of(error)
        if status == 500:
            return self._refusals.failure(error, sender=sender)
        return self._refusals.answer(
            status, code_of(error), str(error), sender=sender, headers=headers
        )


async def _live(receive: Receive, send: Send) -> None:
    """Answer the lifespan messages: there is nothing of its own to start or stop."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _welcome(receipts: Sequence[Receipt], *, batch: bool) -> Response:
    duplicates = sum(receipt.duplicate for receipt in receipts)
    answer: dict[str, object] = {"runs": [receipt.run for receipt in receipts]}
    if duplicates:
        answer["duplicates"] = duplicates
    location = _RUNS if batch else f"{_RUNS}/{receipts[0].run}"
    return Response(
        status=202,
        headers=(*JSON_HEADERS, (b"location", location.encode("ascii"))),
        body=json.dumps(answer).encode("ascii") + b"\n",
    )


def _permission(headers: Mapping[bytes, bytes]) -> Response:
    """Agree to deliveries, as the CloudEvents web hook specification asks (section 4)."""
    granted: tuple[tuple[bytes, bytes], ...] = (_ALLOW, (b"webhook-allowed-rate", b"*"))
    if b"webhook-request-origin" in headers:
        granted += ((b"webhook-allowed-origin", b"*"),)
    return Response(status=200, headers=granted)


def _record(event: Event, receipt: Receipt, *, sender: str) -> None:
    what = "was accepted before; nothing new is run" if receipt.duplicate else "accepted, runs next"
    _log.info(
        "%s %s",
        event.type,
        what,
        extra={"run": receipt.run, "event": event.id, "sender": sender},
    )


def _run_ids(now: datetime, count: int) -> list[str]:
    """Return ids that differ, in their order: a batch comes in within one millisecond."""
    ids: set[str] = set()
    while len(ids) < count:
        ids.add(new_run_id(now))
    return sorted(ids)


def _is_batch(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    content_type = next((value for name, value in headers if name == b"content-type"), b"")
    return content_type.partition(b";")[0].strip().lower() == BATCH.encode("ascii")


def _sender(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
