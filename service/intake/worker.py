"""The worker of the web server, with the deadlines gunicorn's own lacks.

gunicorn reads requests, keeps connections and answers what is not HTTP; this subclass of its
ASGI worker adds that a connection has a limited time to send its header and to take its
answer, that only so many connections are held, that every refusal has our shape, and that at
the end only requests being answered are waited for. `server` starts it.

It relies on gunicorn's inner methods (of 27.0: those overridden here with a leading
underscore); `tests/intake` notices when they change.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.lifespan import LifespanManager
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers.gasgi import ASGIWorker

from service.intake.asgi import Response
from service.intake.refusals import Refusals

_ANSWER_TAKEN_WITHIN = 30.0
"""Seconds a connection may leave an answer unread before it is cut."""
_CLOSED_WITHIN = 5.0
_BODY_GRACE = 2.0
"""Seconds that a body still arriving gets after TERM; its sender has no answer and retries."""
_TICK = 0.2
_TICKS_PER_LOOK = 5
_FINISH_TICK = 0.05
_SPARE = 0.5
"""Seconds of the grace kept for ending: the arbiter kills when the grace is over."""

_REASONS = {
    400: ("Bad Request", "bad-request", "the request is not well-formed HTTP/1.1"),
    408: ("Request Timeout", "request-timeout", "the request header did not arrive in time"),
    414: ("URI Too Long", "uri-too-long", "the request line is too long"),
    426: ("Upgrade Required", "upgrade-required", "this upgrade is not offered"),
    431: (
        "Request Header Fields Too Large",
        "header-too-large",
        "the request header has too many lines, or one that is too long",
    ),
    500: ("Internal Server Error", "internal-error", "see the log"),
    501: ("Not Implemented", "not-implemented", "this transfer coding is not understood"),
    503: ("Service Unavailable", "unavailable", "try again later"),
}


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One connection: gunicorn's HTTP/1.1, with deadlines."""

    def __init__(self, worker: "IntakeWorker") -> None:
        super().__init__(worker)
        self._header_timer: asyncio.TimerHandle | None = None
        self._cut_timer: asyncio.TimerHandle | None = None
        self._last_answer = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time for the header; refuse the connection when there are too many."""
        super().connection_made(transport)
        self.worker.connections.add(self)
        if len(self.worker.connections) > self.cfg.worker_connections:
            self.refuse(503)
        else:
            self._expect_header()

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
        self._close_transport()
        self._request_ready.set()

    def finish(self, *, hurry: bool) -> None:
        """Close unless a request is being answered; with *hurry* its body must be complete."""
        if self._closed:
            return
        if self._current_request is None:
            self._close_transport()
            self._request_ready.set()
        elif hurry and not self._body_receiver._complete:  # noqa: SLF001
            self.refuse(503)

    def cut(self) -> None:
        """End the connection without waiting for its peer."""
        self.transport.abort()

    def _feed_callback_parser(self, data: bytes) -> bool:
        try:
            going_on: bool = super()._feed_callback_parser(data)
        except ValueError:  # a Content-Length of more than 4,300 digits
            self.refuse(400)
            return False
        if self._current_request is not None:
            self._forget_header_timer()
        elif self._header_timer is None and not self._closed:
            self._expect_header()
        return going_on

    def _send_error_response(
        self, status: int, message: str, extra_headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        if self._closed:
            return
        del message  # may quote the request
        reason, code, sentence = _REASONS.get(status, _REASONS[500])
        peer = self.transport.get_extra_info("peername")
        refusal: Response = self.worker.refusals.answer(
            status, code, sentence, sender=peer[0] if peer else ""
        )
        lines = [b"HTTP/1.1 %d %s" % (status, reason.encode("ascii"))]
        lines += [b"%s: %s" % header for header in refusal.headers]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in extra_headers]
        lines += [b"content-length: %d" % len(refusal.body), b"connection: close", b"", b""]
        self._safe_write(b"\r\n".join(lines) + refusal.body)

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
            self._cut_after(_CLOSED_WITHIN)

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


class IntakeWorker(ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """The one process that answers requests."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's business
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.refusals: Refusals = self.app.refusals

    async def _serve(self) -> None:
        self.lifespan = LifespanManager(self.asgi, self.log, self.state)
        try:
            await self.lifespan.startup()
        except RuntimeError as error:  # raised for whatever the application raised
            self.log.critical("the web application does not start, the server ends: %s", error)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error
        for listener in self.sockets:
            server = await self.loop.create_server(
                lambda: Connection(self),
                sock=listener.sock,
                backlog=self.cfg.backlog,
                **self._encryption(),
            )
            self.servers.append(server)
        await self._live()
        self.alive = False
        await self._shutdown()

    def _encryption(self) -> dict[str, Any]:
        """Return how connections are encrypted; a handshake has the time of a header."""
        tls = self.app.tls
        return (
            {}
            if tls is None
            else {
                "ssl": tls.context,
                "ssl_handshake_timeout": self.app.header_timeout,
                "ssl_shutdown_timeout": _CLOSED_WITHIN,
            }
        )

    async def _live(self) -> None:
        """Show signs of life until the end; every second have a look at the certificate."""
        ticks = 0
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            ticks += 1
            if self.app.tls is not None and ticks % _TICKS_PER_LOOK == 0:
                self.app.tls.renew()
            await asyncio.sleep(_TICK)

    async def _shutdown(self) -> None:
        for server in self.servers:
            server.close()
        start = self.loop.time()
        end = start + self.cfg.graceful_timeout - _SPARE
        while self.connections and self.loop.time() < end and not self._quick_shutdown:
            hurry = self.loop.time() > start + _BODY_GRACE
            for connection in tuple(self.connections):
                connection.finish(hurry=hurry)
            await asyncio.sleep(_FINISH_TICK)
        for connection in tuple(self.connections):
            connection.cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SPARE):
                await self.lifespan.shutdown()
