"""What the engine answers when the web process asks it, see `talk`."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from service.config.settings import Settings
from service.delivery.outbox import Outbox
from service.desk import Asker
from service.engine.protocol import Ready
from service.engine.warm.ways import WarmPython
from service.errors import JournalUnavailable
from service.event import Acceptance, read_event
from service.journal.record import SqliteRecord
from service.keptn_events import Belonging
from service.ports import Source
from service.strict_json import Json, parse
from service.wiring.counted import ScriptCounts
from service.wiring.figures import engine_figures, told
from service.wiring.inquiries import Inquiries
from service.wiring.isolation import isolation_status
from service.wiring.talk import Answer
from service.wiring.upkeep import Resender
from service.worker import Worker

_PIECE = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the web process may ask."""

    source: Source
    worker: Worker
    inquiries: Inquiries
    outbox: Outbox
    journal: SqliteRecord
    resender: Resender
    damage: asyncio.Event
    """Set when intake has met damage in its file."""
    scripts: Mapping[str, ScriptCounts]
    ready: Ready
    warm_python: WarmPython
    settings: Settings

    def table(self) -> Mapping[str, Callable[..., Awaitable[Answer]]]:
        return {
            "refresh": self._refresh,
            "status": self._status,
            "figures": self._figures,
            "resend": self._resend,
            "damaged": self._damaged,
            "explain": self._explain,
            "scripts": self._scripts,
            "script": self._script,
            "cancel": self._cancel,
            "live": self._live,
        }

    async def _explain(self, document: str) -> Answer:
        event = read_event(
            parse(document.encode()), accept=Acceptance.LENIENT, now=datetime.now(UTC)
        )
        return await self.inquiries.explain(event)

    async def _scripts(self, **place: str) -> Answer:
        return {"scripts": [asdict(one) for one in await self.inquiries.scripts(_place(**place))]}

    async def _script(self, name: str, **place: str) -> Answer:
        return asdict(await self.inquiries.script(name, _place(**place)))

    async def _cancel(self, run: str, by: str) -> Answer:
        return {"cancelled": await self.inquiries.cancel(run, Asker(name=by))}

    async def _live(self, run: str, position: str, attempt: str, start: str) -> Answer:
        seen = (int(position), int(attempt))
        piece = self.inquiries.live.piece(run, attempt=seen, start=int(start), limit=_PIECE)
        if piece is None:
            return {}
        content = base64.b64encode(piece.content).decode("ascii")
        return asdict(piece) | {"content": content}

    async def _refresh(self, project: str) -> Answer:
        return {"said": await self.source.refresh(project)}

    async def _resend(self, event: str) -> Answer:
        try:
            return {"sent": await self.resender.resend(event)}
        except JournalUnavailable as error:
            return {"unavailable": str(error)}

    async def _damaged(self) -> Answer:
        self.damage.set()
        return {}

    async def _status(self) -> Answer:
        return status_of_engine(
            worker=self.worker,
            outbox=self.outbox,
            journal=self.journal,
            source=self.source,
            ready=self.ready,
            warm_python=self.warm_python,
            at_once=self.settings.at_once,
        )

    async def _figures(self) -> Answer:
        return told(
            engine_figures(
                worker=self.worker,
                outbox=self.outbox,
                scripts=self.scripts,
                isolation=self.ready.level,
                writable=not self.journal.trouble,
                at_once=self.settings.at_once,
                sink=bool(self.settings.sink),
                source=not self.source.troubles(),
            )
        )


def status_of_engine(
    *,
    worker: Worker,
    outbox: Outbox,
    journal: SqliteRecord,
    source: Source,
    ready: Ready,
    warm_python: WarmPython,
    at_once: int,
) -> Mapping[str, Json]:
    """Return what an operator asks first about an engine."""
    return {
        "running": worker.running,
        "waiting": worker.waiting,
        "at_once": at_once,
        "undelivered": outbox.pending,
        "journal": journal.trouble,
        "isolation": isolation_status(ready),
        "warm_python": warm_python.status(),
        "troubles": list(source.troubles()),
    }


def _place(project: str, stage: str, service: str) -> Belonging:
    return Belonging(project=project, stage=stage, service=service)
