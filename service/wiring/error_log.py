"""Keptn's error log: what an operator should see in the Bridge.

`engine` opens it and puts `Telling` in front of the journal and of the sink. Told are runs
that were given up without an answer, loops that were stopped and dead letters; beside the
sidecar that is all, because it shows every `finished` that says `errored` itself. Telling
never waits and never fails: at most eight entries are under way, what cannot be told is lost.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from service.answers import SOURCE, SPEC_VERSION
from service.config.settings import Settings
from service.config.values import Events
from service.errors import GenexecError
from service.handling import LOOP_STOPPED
from service.intake.keptn.control_plane import ControlPlane
from service.ports import Journal, Sender
from service.runs import Attempt, Outgoing, Run
from service.states import State
from service.strict_json import Json
from service.times import time_string
from service.wiring.keptn import INTEGRATION_FILE, control_plane_of

_AT_ONCE = 8
_LONGEST_MESSAGE = 4096
_LAST_ENTRIES = 2.0
_ABOUT = ("shkeptncontext", "triggeredid", "gitcommitid")

log = logging.getLogger(__name__)


class Place(Protocol):
    """Where an entry is written to. Raises `GenexecError`."""

    async def write(self, entry: Mapping[str, str]) -> None:
        """Write one entry: message, task, time, and the event it is about."""


class ErrorLog:
    """Writes entries beside the work; without a *place* it writes none."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, message: str, *, type_: str, **about: str) -> None:
        """Begin to write an entry about an event of this type; returns at once."""
        if self._place is None or len(self._tasks) >= _AT_ONCE:
            return
        entry = {name: about.get(name, "") for name in _ABOUT} | {
            "message": message[:_LONGEST_MESSAGE],
            "time": time_string(datetime.now(UTC)),
            "task": (type_.split(".")[-2:] or [type_])[0],
        }
        task = asyncio.create_task(self._write(self._place, entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait a moment for what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_ENTRIES)
        for task in tuple(self._tasks):
            task.cancel()

    async def _write(self, place: Place, entry: Mapping[str, str]) -> None:
        try:
            await place.write(entry)
        except GenexecError as error:
            log.warning("Keptn's error log was not told: %s", error)


class _AtTheApi:
    def __init__(self, control_plane: ControlPlane, integration: Path) -> None:
        self._control_plane = control_plane
        self._integration = integration

    async def write(self, entry: Mapping[str, str]) -> None:
        id_ = ""
        with suppress(OSError):
            id_ = self._integration.read_text(encoding="utf-8").strip()
        await self._control_plane.log({**entry, "integrationid": id_})


class _AtTheSink:
    """The sidecar makes an entry of it, and knows our integration."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def write(self, entry: Mapping[str, str]) -> None:
        attributes = {name: entry[name] for name in _ABOUT if entry[name]}
        event: dict[str, Json] = {
            "specversion": "1.0",
            "type": "sh.keptn.log.error",
            "source": SOURCE,
            "id": str(uuid4()),
            "time": entry["time"],
            "datacontenttype": "application/json",
            "shkeptnspecversion": SPEC_VERSION,
            **attributes,
            "data": {"message": entry["message"], "task": entry["task"]},
        }
        await self._sender.send(json.dumps(event).encode("ascii"))


@asynccontextmanager
async def opened_error_log(settings: Settings, sink: Sender | None) -> AsyncIterator[ErrorLog]:
    """Open the error log that fits the settings; one that writes nothing is one, too."""
    control_plane = control_plane_of(settings) if settings.events is not Events.HTTP else None
    place: Place | None = None
    if control_plane is not None:
        place = _AtTheApi(control_plane, settings.state_dir / INTEGRATION_FILE)
    elif settings.keptn_error_log and sink is not None:
        place = _AtTheSink(sink)
    error_log = ErrorLog(place)
    try:
        yield error_log
    finally:
        await error_log.close()


def told(journal: Journal, error_log: ErrorLog, *, answers: bool) -> Journal:
    """Return *journal*, telling of what will never be answered or delivered.

    With *answers* it also tells of each `finished` that says `errored`.
    """
    return _Telling(journal, error_log, answers=answers)


class _Telling:
    def __init__(self, inner: Journal, error_log: ErrorLog, *, answers: bool) -> None:
        self._inner = inner
        self._error_log = error_log
        self._answers = answers
        self.waiting = inner.waiting
        self.accepted = inner.accepted
        self.abandoned = inner.abandoned
        self.begin = inner.begin
        self.hops = inner.hops
        self.pending = inner.pending
        self.outgoing = inner.outgoing
        self.sent = inner.sent
        self.attempted = inner.attempted

    async def ignore(self, run: Run) -> None:
        await self._inner.ignore(run)
        if run.state is State.ERRORED or run.reason.startswith(LOOP_STOPPED):
            self._tell_of(run)

    async def hold(self, run: Run) -> None:
        await self._inner.hold(run)
        if run.ended_at is not None:
            self._tell_of(run)

    async def end(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        await self._inner.end(run, attempts, outgoing)
        for event in outgoing if self._answers else ():
            said = _document(event.body)
            data = said.get("data")
            if event.kind != "finished" or not isinstance(data, Mapping):
                continue
            if data.get("status") == "errored":
                self._tell_about(said, str(data.get("message") or "the script could not be run"))

    async def bury(self, event_id: str, *, error: str) -> None:
        outgoing = self._inner.outgoing(event_id)
        await self._inner.bury(event_id, error=error)
        if outgoing is not None:
            said = _document(outgoing.body)
            self._tell_about(said, f"the event {outgoing.type} was not delivered: {error}")

    def _tell_of(self, run: Run) -> None:
        message = f"{run.type} gets no answer: {run.reason}"
        self._error_log.tell(
            message, type_=run.type, shkeptncontext=run.context, triggeredid=run.event_id
        )

    def _tell_about(self, event: Mapping[str, Json], message: str) -> None:
        about = {name: str(event.get(name) or "") for name in _ABOUT}
        self._error_log.tell(message, type_=str(event.get("type")), **about)


def _document(body: bytes) -> Mapping[str, Json]:
    document: Mapping[str, Json] = json.loads(body)
    return document
