"""The web process: gunicorn with the intake in front and the API behind it."""

import atexit
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

from flask import Flask

from service import __version__
from service.api.app import make_api
from service.api.live import Live
from service.config.listening import tls_files
from service.config.settings import Settings
from service.config.values import Events
from service.errors import JournalUnavailable, JournalUnreadable, SourceUnavailable
from service.figures import EngineFigures, JournalFigures
from service.intake.asgi import Application
from service.intake.browsers import Browsers
from service.intake.gate import Gate
from service.intake.guard import Guard
from service.intake.http import EventIntake
from service.intake.refusals import Refusals
from service.intake.roll import open_roll
from service.intake.senders_file import SendersFile
from service.intake.server import serve_http
from service.intake.tally import Tally
from service.journal.inbox import SqliteInbox
from service.journal.origins import Origins
from service.journal.reading import Reader
from service.journal.reserve import Reserve
from service.journal.standing import Standing
from service.metrics.page import CONTENT_TYPE, MetricsPage
from service.ports import Inbox
from service.strict_json import Json
from service.wiring.asked import AskedEngine, InboxDoor
from service.wiring.crash_points import crash_point
from service.wiring.draining import Draining, DrainingLoop
from service.wiring.figures import heard, process_figures
from service.wiring.keptn import Fetching
from service.wiring.parts import SystemClock
from service.wiring.surface import behind_the_gate
from service.wiring.talk import Asker
from service.wiring.upkeep import start_inbox_upkeep

log = logging.getLogger(__name__)

ADDRESS_FILE = "address"
"""In the state directory: where the service listens, for programs that chose port 0."""
_READY_SECONDS = 0.8


def run_web(
    settings: Settings, *, listening: int, talk: socket.socket, wake: int, draining: int
) -> None:
    """Serve until SIGTERM; ends the process."""

    def ready(address: str) -> None:
        file = settings.state_dir / ADDRESS_FILE
        beside = file.with_suffix(".new")
        beside.write_text(f"{address}\n", encoding="utf-8")
        beside.replace(file)
        log.info("listening on %s%s", address, settings.path)

    tally = Tally()
    refusals = Refusals(tally)
    web = _Web(settings, Asker(talk), wake=wake, draining=draining)
    serve_http(
        lambda: web.intake(refusals, tally),
        bind=f"fd://{listening}",
        header_timeout=settings.header_timeout,
        grace=3,
        ready=ready,
        refusals=refusals,
        tls=tls_files(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file),
    )


class _Web:
    """What the worker process of gunicorn serves."""

    def __init__(self, settings: Settings, asker: Asker, *, wake: int, draining: int) -> None:
        self._settings = settings
        self._asker = asker
        self._draining_descriptor = draining
        self._draining = Draining(draining)
        self._engine = AskedEngine(
            asker=asker, fetching=settings.git_timeout, draining=self._draining
        )
        self._wake = wake
        self._inbox: SqliteInbox | None = None
        self._fetching: Fetching | None = None

    def intake(self, refusals: Refusals, tally: Tally) -> Application:
        """Return the application; *refusals* are counted by *tally*, too."""
        state_dir = self._settings.state_dir
        crash = crash_point(os.environ, state_dir)
        reserve = Reserve(state_dir)
        inbox = SqliteInbox(
            state_dir / "inbox.db",
            record_path=state_dir / "record.db",
            queue_limit=self._settings.queue,
            reserve=reserve,
        )
        atexit.register(inbox.close)
        start_inbox_upkeep(inbox, self._settings, damaged=self._damaged)
        self._inbox = inbox
        taking = crash.inbox(inbox)
        events = EventIntake(
            taking,
            accept=self._settings.accept,
            default=self._settings.default,
            clock=SystemClock(),
            arrived=self._call,
            draining=DrainingLoop(self._draining, self._draining_descriptor),
            refusals=refusals,
            tally=tally,
        )
        gate = Gate(
            path=self._settings.path,
            events=events,
            other=behind_the_gate(
                self._api(inbox, taking, reserve, tally),
                Live(Reader(state_dir), self._engine, draining=self._draining),
            ),
            guard=make_guard(self._settings),
            browsers=Browsers(
                names=self._settings.host_names,
                any_name=self._settings.senders_file is not None,
            ),
            refusals=refusals,
            max_body=self._settings.max_body,
            body_timeout=self._settings.body_timeout,
        )
        application = crash.application(gate)
        if self._settings.events is Events.HTTP:
            return application
        self._fetching = Fetching(
            self._settings,
            crash.inbox(inbox),
            arrived=self._call,
            draining=self._draining,
            tally=tally,
        )
        return self._fetching.around(application)

    def _call(self, count: int) -> None:
        os.eventfd_write(self._wake, count)

    def _api(self, inbox: SqliteInbox, taking: Inbox, reserve: Reserve, tally: Tally) -> Flask:
        page = MetricsPage(
            version=__version__,
            process=process_figures,
            intake=tally.figures,
            fetching=lambda: self._fetching.up if self._fetching else None,
            writable=lambda: not inbox.trouble,
            engine=self._engine_figures,
            journal=self._journal_figures,
            room=lambda: reserve.held,
            queue_limit=self._settings.queue,
            now=SystemClock().now,
        )
        return make_api(
            Reader(self._settings.state_dir),
            origins=Origins(self._settings.state_dir),
            engine=self._engine,
            door=InboxDoor(
                inbox=taking,
                default=self._settings.default,
                clock=SystemClock(),
                draining=self._draining,
                wake=self._wake,
                tally=tally,
            ),
            default=self._settings.default,
            accept=self._settings.accept,
            now=SystemClock().now,
            refresh=self._engine.refresh,
            ready=self._unready,
            status=self._status,
            metrics=lambda: (page.text(), CONTENT_TYPE),
        )

    def _unready(self) -> Sequence[str]:
        if self._draining():
            return ["the service is shutting down"]
        trouble = self._inbox.trouble if self._inbox else ""
        try:
            told = self._asker.ask("status", seconds=_READY_SECONDS).get("journal", "")
        except SourceUnavailable as error:
            told = str(error)
        return list(filter(None, (trouble, told)))

    def _damaged(self) -> None:
        """Let the engine end, so that the supervisor looks at the journal."""
        with suppress(SourceUnavailable):
            self._asker.ask("damaged", seconds=_READY_SECONDS)

    def _engine_figures(self) -> EngineFigures | None:
        try:
            return heard(self._asker.ask("figures", seconds=_READY_SECONDS))
        except SourceUnavailable:
            return None

    def _journal_figures(self) -> JournalFigures | None:
        try:
            return Standing(self._settings.state_dir).figures()
        except (JournalUnavailable, JournalUnreadable) as error:
            log.debug("no figures of the journal: %s", error)
            return None

    def _status(self) -> Mapping[str, Json]:
        try:
            engine: Mapping[str, Json] = self._asker.ask("status", seconds=_READY_SECONDS)
        except SourceUnavailable as error:
            engine = {"problem": str(error)}
        events = {
            "way": self._settings.events.value,
            "troubles": list(self._fetching.troubles) if self._fetching else [],
        }
        return {"events": events, "engine": {k: v for k, v in engine.items() if k != "number"}}


def make_guard(settings: Settings) -> Guard:
    """Return who watches the door. Raises `BadSettings` when the senders cannot be read."""
    clock = SystemClock()
    roll = open_roll()
    senders = settings.senders_file and SendersFile(
        settings.senders_file, monotonic=clock.monotonic
    )
    return Guard(
        senders.current if senders else lambda: roll,
        tolerance=settings.signature_tolerance,
        clock=clock,
    )
