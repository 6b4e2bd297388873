"""The web process: gunicorn, told everything here, reading nothing else.

`wiring` hands in how to make the application; it is made in the worker, after the fork. The
arbiter holds the listening socket and starts a new worker when one ends. It is a parent with
one child and stays so: the signals by which an operator would have it reload, re-execute or
add workers are ignored, because two workers would both write the inbox.
"""

import logging
import math
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from service.intake.asgi import Application
from service.intake.refusals import Refusals
from service.intake.tls import Tls, TlsFiles
from service.intake.worker import IntakeWorker

_CONNECTIONS = 900
"""Held at once; with the listening socket and files this stays below the usual 1,024."""
_HANGS_AFTER = 60
"""Seconds without a sign of life after which the worker is replaced."""
_IDLE_SECONDS = 75
_LINE_LIMIT = 8190
_HEADER_LINES = 100
_IGNORED = (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGUSR2)
_MEMORY_FOLDER = "/dev/shm"  # noqa: S108  # where gunicorn keeps the worker's sign of life


def serve_http(
    make_app: Callable[[], Application],
    *,
    bind: str,
    header_timeout: float,
    grace: float,
    ready: Callable[[str], None],
    refusals: Refusals,
    tls: TlsFiles | None = None,
) -> NoReturn:
    """Serve until TERM; ends the process with `SystemExit`, 0 after an orderly end.

    *make_app* is called in the worker process; its lifespan is run there. *bind* is `host:port`
    (with port 0 the system chooses one), or `fd://7` for a socket that listens already. *ready*
    gets the address, such as `http://127.0.0.1:8080`, in the calling process as soon as
    connections are taken (the worker answers them when it is up). A header may take
    *header_timeout* seconds; TERM gives requests being answered *grace*. What never becomes a
    request is answered by *refusals*.
    With *tls* nothing but https is spoken. Raises `BadSettings` when its files cannot be used.
    """
    _Server(
        make_app,
        header_timeout=header_timeout,
        refusals=refusals,
        tls=Tls(tls) if tls else None,
        settings={
            "certfile": str(tls.certificate) if tls else None,
            "bind": [bind],
            "workers": 1,
            "worker_class": IntakeWorker,
            "worker_connections": _CONNECTIONS,
            "worker_tmp_dir": _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK) else None,
            "timeout": _HANGS_AFTER,
            "graceful_timeout": max(1, math.ceil(grace)),
            "keepalive": _IDLE_SECONDS,
            "limit_request_line": _LINE_LIMIT,
            "limit_request_fields": _HEADER_LINES,
            "limit_request_field_size": _LINE_LIMIT,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "logger_class": _StandardLog,
            "when_ready": lambda arbiter: ready(str(arbiter.LISTENERS[0])),
        },
    ).run()
    raise SystemExit(0)


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's view of an application and its settings."""

    def __init__(
        self,
        make_app: Callable[[], Application],
        *,
        header_timeout: float,
        refusals: Refusals,
        tls: Tls | None,
        settings: dict[str, Any],
    ) -> None:
        self.tls = tls
        self.refusals = refusals
        self._make_app = make_app
        self._settings = settings
        self.header_timeout = header_timeout
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._make_app()

    def run(self) -> None:
        _OneWorker(self).run()


class _OneWorker(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """An arbiter that never has two workers at a time."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)

    def init_signals(self) -> None:
        super().init_signals()
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)


class _StandardLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, handed to the standard logging; what goes well is not worth a line."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  # gunicorn's settings
        super().setup(cfg)
        for handler in tuple(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
