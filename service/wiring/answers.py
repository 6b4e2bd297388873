"""What the engine answers when the web process asks it, see `talk`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from service.config.settings import Settings
from service.delivery.outbox import Outbox
from service.engine.protocol import Ready
from service.engine.warm.ways import WarmPython
from service.errors import JournalUnavailable
from service.journal.record import SqliteRecord
from service.ports import Source
from service.wiring.counted import ScriptCounts
from service.wiring.figures import engine_figures, told
from service.wiring.isolation import isolation_status
from service.wiring.talk import Answer
from service.wiring.upkeep import Resender
from service.worker import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the web process may ask."""

    source: Source
    worker: Worker
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
        }

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
        return {
            "running": self.worker.running,
            "at_once": self.settings.at_once,
            "undelivered": self.outbox.pending,
            "journal": self.journal.trouble,
            "isolation": isolation_status(self.ready),
            "warm_python": self.warm_python.status(),
            "troubles": list(self.source.troubles()),
        }

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
