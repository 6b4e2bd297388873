"""The web process of the tests: the real server and API around an inbox kept in memory.

Started by the `serve` fixture with its settings as JSON; prints its address, writes log records
as JSON lines to standard error and appends what it accepted to a file.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from a2wsgi import WSGIMiddleware

from service.api.app import make_api
from service.errors import ContentConflict, JournalUnavailable, QueueFull, UnknownRun
from service.event import Acceptance
from service.intake.browsers import Browsers
from service.intake.gate import Gate
from service.intake.guard import Guard
from service.intake.http import EventIntake
from service.intake.refusals import Refusals
from service.intake.roll import open_roll
from service.intake.senders_file import SendersFile
from service.intake.server import serve_http
from service.intake.tally import Tally
from service.intake.tls import TlsFiles
from service.keptn_events import Belonging
from service.runs import Receipt

log = logging.getLogger("engine")


class MemoryInbox:
    """Keeps the promises of `ports.Inbox`, except that nothing survives."""

    def __init__(self, journal, *, limit, seconds):
        self.journal = Path(journal)
        self.limit = limit
        self.seconds = seconds
        self.known = {}

    async def accept(self, arrivals):
        await asyncio.sleep(self.seconds)
        for arrival in arrivals:
            self._check(arrival)
        return [self._receipt(arrival) for arrival in arrivals]

    def _check(self, arrival):
        event = arrival.event
        if event.id == "unexpected":
            raise ZeroDivisionError("secret detail")
        if event.id == "unavailable":
            raise JournalUnavailable
        first = self.known.get((event.source, event.id))
        if first is not None and first[1] != event.digest():
            raise ContentConflict
        if first is None and len(self.known) >= self.limit:
            raise QueueFull

    def _receipt(self, arrival):
        event = arrival.event
        run, digest = self.known.setdefault((event.source, event.id), (arrival.run, event.digest()))
        if run != arrival.run:
            return Receipt(run=run, duplicate=True)
        assert digest
        line = {
            "run": arrival.run,
            "project": arrival.belonging.project,
            "sender": arrival.sender,
            "document": dict(event.document),
            "extensions": dict(event.extensions),
        }
        with self.journal.open("a") as journal:
            journal.write(json.dumps(line) + "\n")
        return Receipt(run=run)


class EmptyReader:
    def runs(self, **_wanted):
        return []

    def run(self, _id_or_prefix):
        raise UnknownRun

    def output(self, _run_id, _position, _number):
        raise UnknownRun

    def counts(self):
        return {}


class WallClock:
    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()


class JsonLines(logging.Formatter):
    def format(self, record):
        extra = {name: getattr(record, name, None) for name in ("run", "event", "sender")}
        line = {"level": record.levelname, "message": record.getMessage()} | extra
        line |= {"trace": self.formatException(record.exc_info) if record.exc_info else None}
        line |= {"reference": getattr(record, "reference", None)}
        return json.dumps(line)


def roll_of(file):
    if file is None:
        return open_roll
    return SendersFile(Path(file), monotonic=time.monotonic).current


def announce(address):
    sys.stdout.write(address + "\n")
    sys.stdout.flush()


class NoOrigins:
    """Keeps the promises of `api.engine.Origins` for a journal without runs."""

    def summaries(self, runs):
        return []


def main(settings):
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])

    tally = Tally()
    refusals = Refusals(tally)

    def make_app():
        api = make_api(
            EmptyReader(),
            origins=NoOrigins(),
            engine=None,  # nothing here is asked of it, nor of the door
            door=None,
            default=Belonging(),
            accept=Acceptance.LEGACY,
            now=WallClock().now,
            refresh=lambda project: f"{project}: up to date",
            ready=list,
            status=dict,
            metrics=lambda: (b"", "text/plain"),
        )
        events = EventIntake(
            MemoryInbox(
                settings["journal"], limit=settings["queue"], seconds=settings["accept_seconds"]
            ),
            accept=Acceptance(settings["accept"]),
            default=Belonging(project="default"),
            clock=WallClock(),
            arrived=lambda count: log.info("woken for %d", count),
            draining=Path(settings["draining"]).exists,
            refusals=refusals,
            tally=tally,
        )
        return Gate(
            path=settings["path"],
            events=events,
            other=WSGIMiddleware(api),
            guard=Guard(roll_of(settings["senders"]), tolerance=300, clock=WallClock()),
            browsers=Browsers(
                names=settings["host_names"], any_name=settings["senders"] is not None
            ),
            refusals=refusals,
            max_body=settings["max_body"],
            body_timeout=settings["body_timeout"],
        )

    serve_http(
        make_app,
        bind="127.0.0.1:0",
        header_timeout=settings["header_timeout"],
        grace=settings["grace"],
        ready=announce,
        refusals=refusals,
        tls=TlsFiles(**{name: Path(file) for name, file in settings["tls"].items()})
        if settings["tls"]
        else None,
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
