"""One connection of the web server: gunicorn's HTTP/1.1, with deadlines.

gunicorn reads requests, keeps connections and answers what is not HTTP; this subclass adds
that a connection has a limited time to send its header and to take its answer, that only so
many are held, and that every refusal has our shape. A request that came whole and beyond
doubt (`ordinary`) goes straight to an application that takes it so (`asgi.Direct`). `worker`
makes one per connection.

It relies on gunicorn's inner methods and fields (of 27.0: those with a leading underscore);
`tests/intake` notices when they change.
"""

import asyncio
import logging
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol

from service.intake.asgi import Response
from service.intake.ordinary import OrdinaryRequests
from service.intake.refusals import CLOSE
from service.intake.unread import refused

CLOSED_WITHIN = 5.0
"""Seconds that a connection we closed may take to be gone."""
_ANSWER_TAKEN_WITHIN = 30.0
"""Seconds a connection may leave an answer unread before it is cut."""
_HTTP_1_1 = SimpleNamespace(version=(1, 1))
"""As much of a request as gunicorn looks at for the head of an answer."""

_log = logging.getLogger(__name__)


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One connection; *worker* is the `IntakeWorker`."""

    def __init__(self, worker: Any) -> None:  # noqa: ANN401  # gunicorn's business
        super().__init__(worker)
        self._peer = ""
        self._ordinary = OrdinaryRequests({}, peer="")
        self._header_timer: asyncio.TimerHandle | None = None
        self._cut_timer: asyncio.TimerHandle | None = None
        self._last_answer = False
        self._head_begun = False
        """Whether gunicorn's parser holds a part of a header."""
        self._answering: asyncio.Task[None] | None = None
        """Answers a request that went straight to the application."""
        self._behind = b""
        """What came behind that request."""
        self._idle_from = 0.0
        """Since when nothing came after such a request; 0 when gunicorn watches it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time for the header; refuse the connection when there are too many."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._ordinary = OrdinaryRequests(self.worker.direct_paths, peer=self._peer)
        self.worker.connections.add(self)
        if len(self.worker.connections) > self.cfg.worker_connections:
            self.refuse(503)
        else:
            self._expect_header()

    def data_received(self, data: bytes) -> None:
        """Take what came: one ordinary request at a time, everything else as gunicorn does."""
        if self._answering is not None:
            self._behind += data
            self._pause_reading()
        elif not (self._is_between_requests() and self._take_ordinary(data)):
            self._idle_from = 0.0
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.worker.connections.discard(self)
        for timer in (self._header_timer, self._cut_timer):
            if timer is not None:
                timer.cancel()
        self._header_timer = self._cut_timer = None
        super().connection_lost(exc)
        self._request_ready.set()  # else an idle connection's task lives on for some seconds

    def pause_writing(self) -> None:
        """Give the reader of an answer a deadline: an unread answer keeps a thread busy."""
        super().pause_writing()
        self._cut_after(_ANSWER_TAKEN_WITHIN)

    def resume_writing(self) -> None:
        """Lift the deadline."""
        super().resume_writing()
        if self._cut_timer is not None and not self._closed:
            self._cut_timer.cancel()
            self._cut_timer = None

    def refuse(self, status: int) -> None:
        """Answer what never became a request, and close."""
        self._send_error_response(status, "")
        self._end()

    def finish(self, *, hurry: bool) -> None:
        """Close unless a request is being answered; with *hurry* its body must be complete."""
        if self._closed or self._answering is not None:
            return
        if self._current_request is None:
            self._end()
        elif hurry and not self._body_receiver._complete:  # noqa: SLF001  # no public way
            self.refuse(503)

    def close_when_idle(self, now: float) -> None:
        """Close when nothing came for too long since an ordinary request; gunicorn's way else."""
        if self._idle_from and now - self._idle_from > self.cfg.keepalive:
            self._end()

    def cut(self) -> None:
        """End the connection without waiting for its peer."""
        self.transport.abort()

    def _feed_callback_parser(self, data: bytes) -> bool:
        try:
            going_on: bool = super()._feed_callback_parser(data)
        except ValueError:  # a Content-Length of more than 4,300 digits
            self.refuse(400)
            return False
        self._head_begun = self._current_request is None
        if not self._head_begun:
            self._forget_header_timer()
        elif self._header_timer is None and not self._closed:
            self._expect_header()
        return going_on

    def _is_between_requests(self) -> bool:
        """Say whether gunicorn waits for a request, of which nothing has come yet."""
        return (
            self._awaiting_request
            and not self._head_begun
            and not self._request_ready.is_set()
            and not self._finishing_calls
            and not self._flow_control.write_paused
            and self.worker.alive
            and not self._closed
        )

    def _take_ordinary(self, data: bytes) -> bool:
        """Have *data* answered if it is an ordinary request that can be; say whether it is."""
        worker = self.worker
        found = self._ordinary.read(data)
        if found is None:
            return False
        answering = worker.direct.direct(*found, self._answer)
        if answering is None:
            return False
        self._forget_header_timer()
        self._cancel_keepalive_timer()
        self._idle_from = 0.0
        self._answering = worker.loop.create_task(self._answered(answering))
        return True

    async def _answered(self, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except Exception:  # noqa: BLE001  # the next connection is served all the same
            _log.exception("a request was not answered")
            self.cut()

    async def _answer(self, response: Response) -> None:
        """Send the answer to an ordinary request, and go on with what came behind it."""
        self._answering = None
        if self._closed:
            return
        length = (b"content-length", b"%d" % len(response.body))
        last = not self.worker.alive
        self._send_response_start(
            response.status, [*response.headers, length], _HTTP_1_1, close=last
        )
        self._send_body(response.body)
        if last or CLOSE in response.headers:
            self._end()
            return
        self._idle_from = self.worker.loop.time()
        behind, self._behind = self._behind, b""
        if behind:
            self._resume_reading()
            self.data_received(behind)

    def _end(self) -> None:
        """Close from our side; an idle connection's task must see it."""
        self._close_transport()
        self._request_ready.set()

    def _send_error_response(
        self, status: int, message: str, extra_headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        if self._closed:
            return
        del message  # may quote the request
        self._safe_write(
            refused(self.worker.refusals, status, sender=self._peer, lines=extra_headers)
        )

    def _send_response_start(
        self, status: int, headers: list[tuple[bytes, bytes]], *args: object, **kwargs: object
    ) -> None:
        self._last_answer = (b"connection", b"close") in headers
        super()._send_response_start(status, headers, *args, **kwargs)

    async def _serve_http_request(self, *args: object) -> bool:
        """Let an application that announces the end of the connection have it."""
        keep = await super()._serve_http_request(*args)
        return keep and not self._last_answer

    def _close_transport(self) -> None:
        if not self._closed:
            super()._close_transport()
            self._forget_header_timer()
            self._cut_after(CLOSED_WITHIN)

    def _expect_header(self) -> None:
        self._header_timer = self.worker.loop.call_later(
            self.worker.app.header_timeout, self.refuse, 408
        )

    def _forget_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _cut_after(self, seconds: float) -> None:
        if self._cut_timer is not None:
            self._cut_timer.cancel()
        self._cut_timer = self.worker.loop.call_later(seconds, self.cut)
