"""The worker of the web server: its start, signs of life and orderly end.

gunicorn's ASGI worker, with `Connection` for what it holds. At the end only requests being
answered are waited for. `server` starts it.

It relies on gunicorn's inner methods (of 27.0: those overridden here with a leading
underscore); `tests/intake` notices when they change.
"""

import asyncio
import gc
import os
import re
from contextlib import suppress
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.lifespan import LifespanManager
from gunicorn.workers.gasgi import ASGIWorker

from service.intake.asgi import Direct
from service.intake.connection import CLOSED_WITHIN, Connection
from service.intake.refusals import Refusals

_BODY_GRACE = 2.0
"""Seconds that a body still arriving gets after TERM; its sender has no answer and retries."""
_TICK = 0.2
_TICKS_PER_LOOK = 5
_FINISH_TICK = 0.05
_SPARE = 0.5
"""Seconds of the grace kept for ending: the arbiter kills when the grace is over."""
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._~-]*")


class IntakeWorker(ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """The one process that answers requests."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's business
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.refusals: Refusals = self.app.refusals
        self.direct: Direct | None = None
        """The application, when it answers some requests directly."""
        self.direct_paths: dict[bytes, str] = {}
        """The request lines of these, and their paths."""

    async def _serve(self) -> None:
        self.lifespan = LifespanManager(self.asgi, self.log, self.state)
        try:
            await self.lifespan.startup()
        except RuntimeError as error:  # raised for whatever the application raised
            self.log.critical("the web application does not start, the server ends: %s", error)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error
        if isinstance(self.asgi, Direct):
            self.direct = self.asgi
            plain = [path for path in self.asgi.paths if _PLAIN_PATH.fullmatch(path)]
            self.direct_paths = {b"POST %b HTTP/1.1" % path.encode(): path for path in plain}
        gc.freeze()  # what is there now stays, and need not be looked at again and again
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
                "ssl_shutdown_timeout": CLOSED_WITHIN,
            }
        )

    async def _live(self) -> None:
        """Show signs of life until the end; every second have a look around."""
        ticks = 0
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            ticks += 1
            if ticks % _TICKS_PER_LOOK == 0:
                self._look_around()
            await asyncio.sleep(_TICK)

    def _look_around(self) -> None:
        """Take up a new certificate; close connections on which nothing comes any more."""
        if self.app.tls is not None:
            self.app.tls.renew()
        now = self.loop.time()
        for connection in tuple(self.connections):
            connection.close_when_idle(now)

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
