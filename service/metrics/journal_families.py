"""The metrics of the journal: its contents, their age, its health.

`page` asks for them. They are read from the files, so they are there without the engine.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import Metric

from service.figures import JournalFigures
from service.metrics.families import gauge, gauges


def journal_families(
    figures: JournalFigures | None,
    *,
    writable: Mapping[str, bool],
    room: bool,
    queue_limit: int,
    now: datetime,
) -> Iterator[Metric]:
    """Yield how the journal is; without *figures* it cannot be read."""
    yield gauge("genexec_journal_readable", "1 if the journal can be read.", figures is not None)
    yield gauges(
        "genexec_journal_writable",
        "1 if a process of the service can write to its file of the journal.",
        "process",
        writable,
    )
    yield gauge(
        "genexec_journal_reserve_held",
        "1 if the disk has room for results; otherwise new events are refused.",
        room,
    )
    yield gauge(
        "genexec_unfinished_events_limit",
        "Events that may be unfinished at once (GENEXEC_QUEUE); beyond it they get 429.",
        queue_limit,
    )
    if figures:
        yield from _contents(figures, now)


def _contents(figures: JournalFigures, now: datetime) -> Iterator[Metric]:
    yield gauge("genexec_journal_size_bytes", "Size of the journal's files.", figures.size)
    yield gauges(
        "genexec_runs",
        "Runs that are remembered, by state; those that were forgotten do not count.",
        "state",
        figures.runs,
    )
    yield gauge(
        "genexec_unfinished_events", "Accepted events that are not over.", figures.unfinished
    )
    yield gauge(
        "genexec_oldest_unfinished_event_age_seconds",
        "How long ago the oldest event that is not over was accepted; 0 without one.",
        _age(figures.oldest_unfinished, now),
    )
    yield gauges(
        "genexec_outgoing_events",
        "Outgoing events that are remembered, by state; `dead` are the dead letters.",
        "state",
        figures.outgoing,
    )
    yield gauge(
        "genexec_oldest_pending_event_age_seconds",
        "How long ago the first event that waits to be sent was made; 0 without one.",
        _age(figures.oldest_pending, now),
    )


def _age(time: datetime | None, now: datetime) -> float:
    return max(0.0, (now - time).total_seconds()) if time else 0.0
