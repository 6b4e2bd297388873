"""One scrape: asks for the figures of the moment and writes them down.

`wiring` makes one page per web process, and the API serves it. A part that cannot be asked
is left out and reported as away; the others are shown all the same.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from service.figures import EngineFigures, IntakeFigures, JournalFigures, ProcessFigures
from service.metrics.engine_families import engine_families
from service.metrics.families import gauge, info
from service.metrics.journal_families import journal_families
from service.metrics.web_families import intake_families, process_families

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class MetricsPage(Collector):
    """Shows figures as metrics; used by several threads."""

    def __init__(
        self,
        *,
        version: str,
        process: Callable[[], ProcessFigures],
        intake: Callable[[], IntakeFigures],
        fetching: Callable[[], bool | None],
        writable: Callable[[], bool],
        engine: Callable[[], EngineFigures | None],
        journal: Callable[[], JournalFigures | None],
        room: Callable[[], bool],
        queue_limit: int,
        now: Callable[[], datetime],
    ) -> None:
        """*process* is the web process, *writable* says whether it can write events down.

        *fetching* says whether events come that we fetch ourselves, None when we fetch none.
        *engine* and *journal* give None when they cannot be asked; *room* says whether the
        disk has room for new events.
        """
        self._version = version
        self._process = process
        self._intake = intake
        self._fetching = fetching
        self._writable = writable
        self._engine = engine
        self._journal = journal
        self._room = room
        self._queue_limit = queue_limit
        self._now = now
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the metrics of this moment; their media type is `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment, as the library asks for them."""
        engine, journal = self._engine(), self._journal()
        yield info("genexec_build", "The program that runs.", version=self._version)
        yield gauge("genexec_engine_up", "1 if the engine process answers.", engine is not None)
        processes = {"web": self._process()} | ({"engine": engine.process} if engine else {})
        yield from process_families(processes)
        writable = {"web": self._writable()} | ({"engine": engine.writable} if engine else {})
        yield from intake_families(self._intake(), fetching=self._fetching())
        yield from journal_families(
            journal,
            writable=writable,
            room=self._room(),
            queue_limit=self._queue_limit,
            now=self._now(),
        )
        if engine:
            yield from engine_families(engine)
