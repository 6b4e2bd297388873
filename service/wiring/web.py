"""The web process: gunicorn with the intake in front and the API behind it."""

import logging
import os
import select
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from flask import Flask

from service.api.app import make_api
from service.config.settings import Settings
from service.errors import SourceUnavailable
from service.intake.asgi import Application
from service.intake.http import EventIntake
from service.intake.server import serve_http
from service.journal.inbox import SqliteInbox
from service.journal.reading import Reader
from service.strict_json import Json
from service.wiring.parts import SystemClock
from service.wiring.talk import Asker

log = logging.getLogger(__name__)

ADDRESS_FILE = "address"
"""In the state directory: where the service listens, for programs that chose port 0."""
_READY_SECONDS = 0.8
_API_THREADS = 8


def run_web(settings: Settings, *, talk: socket.socket, wake: int, draining: int) -> None:
    """Serve until SIGTERM; ends the process."""

    def ready(address: str) -> None:
        file = settings.state_dir / ADDRESS_FILE
        beside = file.with_suffix(".new")
        beside.write_text(f"{address}\n", encoding="utf-8")
        beside.replace(file)
        log.info("listening on %s%s", address, settings.path)

    serve_http(
        lambda: _Web(settings, Asker(talk), wake=wake, draining=draining).intake(),
        host=settings.host,
        port=settings.port,
        header_timeout=settings.header_timeout,
        grace=3,
        ready=ready,
    )


class _Web:
    """What the worker process of gunicorn serves."""

    def __init__(self, settings: Settings, asker: Asker, *, wake: int, draining: int) -> None:
        self._settings = settings
        self._asker = asker
        self._wake = wake
        self._draining = select.poll()
        self._draining.register(draining, select.POLLIN)

    def intake(self) -> EventIntake:
        """Return the application."""
        state_dir = self._settings.state_dir
        api = make_api(
            Reader(state_dir), refresh=self._refresh, ready=self._unready, status=self._status
        )
        return EventIntake(
            SqliteInbox(
                state_dir / "inbox.db",
                record_path=state_dir / "record.db",
                queue_limit=self._settings.queue,
            ),
            accept=self._settings.accept,
            default=self._settings.default,
            path=self._settings.path,
            max_body=self._settings.max_body,
            body_timeout=self._settings.body_timeout,
            clock=SystemClock(),
            arrived=lambda count: os.eventfd_write(self._wake, count),
            draining=self._is_draining,
            other=_behind(api),
        )

    def _is_draining(self) -> bool:
        return bool(self._draining.poll(0))

    def _refresh(self, project: str) -> str:
        seconds = self._settings.git_timeout + 1
        answer = self._asker.ask("refresh", seconds=seconds, project=project)
        if "unavailable" in answer:
            raise SourceUnavailable(answer["unavailable"])
        return str(answer["said"])

    def _unready(self) -> Sequence[str]:
        if self._is_draining():
            return ["the service is shutting down"]
        try:
            self._asker.ask("status", seconds=_READY_SECONDS)
        except SourceUnavailable as error:
            return [str(error)]
        return []

    def _status(self) -> Mapping[str, Json]:
        try:
            engine: Mapping[str, Json] = self._asker.ask("status", seconds=_READY_SECONDS)
        except SourceUnavailable as error:
            engine = {"problem": str(error)}
        return {"engine": {k: v for k, v in engine.items() if k != "number"}}


def _behind(api: Flask) -> Application:
    """Return the API as ASGI; the two packages describe the same call with other types."""
    wsgi: Any = api
    application: Any = WSGIMiddleware(wsgi, workers=_API_THREADS)
    return cast("Application", application)


def address_of(state_dir: Path) -> str:
    """Return where the service of this state directory listens. Raises `OSError`."""
    return (state_dir / ADDRESS_FILE).read_text(encoding="utf-8").strip()
