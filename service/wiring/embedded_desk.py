"""The engine in this process as its caller sees it, and the desks at it.

`embedded` opens and closes it. Questions about runs are answered from the record, in threads.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from service.config.settings import Settings
from service.desk import Asker, Listed, Ran, Shown, Wish, ran_of
from service.errors import EngineUnavailable
from service.event import Event
from service.journal.inbox import SqliteInbox
from service.journal.origins import Origins
from service.journal.reading import Reader
from service.keptn_events import Belonging, belonging_of
from service.outcome import readable
from service.runs import Arrival, new_run_id
from service.strict_json import Json
from service.wiring.answers import status_of_engine
from service.wiring.assembly import Parts
from service.wiring.given import GIVEN, GivenFiles
from service.wishes import event_of, repeated

_LOOK = 0.05
_MOST_RUNS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedEngine:
    """A running engine; any number of desks stand at it."""

    settings: Settings
    parts: Parts
    inbox: SqliteInbox
    given: GivenFiles
    loops: Sequence["asyncio.Task[None]"]

    def desk(self, files: Mapping[str, bytes] | None = None) -> "EmbeddedDesk":
        """Return a desk; runs asked for at it get *files*, by the variables that name them."""
        return EmbeddedDesk(engine=self, files=files or {})

    def check(self) -> None:
        """Raise `EngineUnavailable` when nothing can be run any more."""
        if self.parts.processes.gone.is_set():
            raise EngineUnavailable("the process that runs scripts has ended; ask again")
        if any(loop.done() for loop in self.loops):
            raise EngineUnavailable("the engine has ended because of a fault; see its log")

    @property
    def reader(self) -> Reader:
        """Return a view of the record."""
        return Reader(self.settings.state_dir)

    @property
    def origins(self) -> Origins:
        """Return the other view of the record."""
        return Origins(self.settings.state_dir)

    def status(self) -> Mapping[str, Json]:
        """Return how the engine is; reads the record."""
        parts = self.parts
        engine = status_of_engine(
            worker=parts.worker,
            outbox=parts.outbox,
            journal=parts.journal,
            source=parts.source,
            ready=parts.ready,
            warm_python=parts.processes.ways,
            at_once=self.settings.at_once,
        )
        return {"engine": engine, "runs": dict(self.reader.counts())}


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedDesk:
    """Implements `desk.Desk` at an engine in this process."""

    engine: EmbeddedEngine
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return "embedded"

    async def scripts(self, place: Belonging) -> Sequence[Listed]:
        self.engine.check()
        return await self.engine.parts.inquiries.scripts(place)

    async def script(self, name: str, place: Belonging) -> Shown:
        self.engine.check()
        return await self.engine.parts.inquiries.script(name, place)

    async def explain(self, wish: Wish) -> Mapping[str, Json]:
        self.engine.check()
        event = event_of(wish, Asker(name=""), new_id=_new_id, now=_now())
        return await self.engine.parts.inquiries.explain(event)

    async def run(self, wish: Wish, asker: Asker) -> str:
        return await self._take(event_of(wish, asker, new_id=_new_id, now=_now()))

    async def rerun(self, run: str, asker: Asker) -> str:
        found = await self.found(run)
        event = await asyncio.to_thread(self.engine.origins.event, found.id)
        again = repeated(event, found.id, asker, new_id=_new_id, now=_now())
        return await self._take(again)

    async def cancel(self, run: str, asker: Asker) -> bool:
        self.engine.check()
        found = await self.found(run)
        return await self.engine.parts.inquiries.cancel(found.id, asker)

    async def found(self, run: str) -> Ran:
        ran = await asyncio.to_thread(self._found, run)
        if ran.state.ended:
            self.engine.given.take_back(ran.id)
        return ran

    async def wait(self, run: str, *, seconds: float) -> Ran:
        deadline = time.monotonic() + seconds
        ran = await self.found(run)
        while not ran.state.ended and (left := deadline - time.monotonic()) > 0:
            await asyncio.sleep(min(_LOOK, left))
            ran = await self.found(ran.id)
        return ran

    async def runs(self, *, limit: int, place: Belonging) -> Sequence[Ran]:
        return await asyncio.to_thread(self._runs, limit, place)

    async def output(self, run: str) -> Sequence[tuple[str, str]]:
        return await asyncio.to_thread(self._output, run)

    async def status(self) -> Mapping[str, Json]:
        return await asyncio.to_thread(self.engine.status)

    async def _take(self, event: Event) -> str:
        self.engine.check()
        now = _now()
        if self.files:
            event = replace(event, extensions={**event.extensions, GIVEN: "yes"})
        arrival = Arrival(
            run=new_run_id(now),
            event=event,
            belonging=belonging_of(event, self.engine.settings.default),
            at=now,
        )
        self.engine.given.give(arrival.run, self.files)
        try:
            (receipt,) = await self.engine.inbox.accept([arrival])
        except BaseException:
            self.engine.given.take_back(arrival.run)
            raise
        self.engine.parts.worker.wake()
        return receipt.run

    def _found(self, run: str) -> Ran:
        detail = self.engine.reader.run(run)
        (summary,) = self.engine.origins.summaries([detail.run])
        return ran_of(summary, now=_now())

    def _runs(self, limit: int, place: Belonging) -> Sequence[Ran]:
        runs = self.engine.reader.runs(
            limit=max(1, min(limit, _MOST_RUNS)),
            project=place.project or None,
            stage=place.stage or None,
            service=place.service or None,
        )
        return [ran_of(one, now=_now()) for one in self.engine.origins.summaries(runs)]

    def _output(self, run: str) -> Sequence[tuple[str, str]]:
        reader = self.engine.reader
        detail = reader.run(run)
        return [
            (one.script, readable(reader.output(detail.run.id, one.position, one.number)))
            for one in detail.attempts
            if one.started_at is not None
        ]


def _new_id() -> str:
    return str(uuid4())


def _now() -> datetime:
    return datetime.now(UTC)
