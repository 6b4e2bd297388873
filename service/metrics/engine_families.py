"""The metrics of the engine: what runs, how it went, what was sent.

`page` asks for them, and shows none of them while the engine is away.
"""

from collections.abc import Iterator

from prometheus_client.core import Metric

from service.figures import EngineFigures
from service.metrics.families import counter, counters, gauge, histograms, info


def engine_families(figures: EngineFigures) -> Iterator[Metric]:
    """Yield how the engine is doing."""
    yield info(
        "genexec_isolation",
        "How far scripts are kept from the service (docs/isolation.md).",
        level=figures.isolation,
    )
    yield from _runs(figures)
    yield from _delivery(figures)
    yield gauge(
        "genexec_source_up",
        "1 if everything that scripts come from was reached when last tried.",
        figures.source,
    )


def _runs(figures: EngineFigures) -> Iterator[Metric]:
    yield gauge("genexec_running_events", "Events that are being handled.", figures.running)
    yield gauge(
        "genexec_running_events_limit",
        "Events that may be handled at once (GENEXEC_AT_ONCE).",
        figures.at_once,
    )
    yield gauge(
        "genexec_queued_events",
        "Events that wait for a free place or for their next attempt.",
        figures.waiting,
    )
    yield counters(
        "genexec_runs_ended",
        "Runs that are over since the engine started, by the state they ended in.",
        ("state",),
        {(state,): count for state, count in figures.ended.items()},
    )
    yield counters(
        "genexec_scripts_ended",
        "Scripts that ended since the engine started, by kind and by what ended them.",
        ("kind", "ending"),
        {
            (kind, ending): count
            for kind, endings in figures.scripts.items()
            for ending, count in endings.items()
        },
    )
    yield histograms("genexec_script_seconds", "How long scripts ran.", "kind", figures.seconds)


def _delivery(figures: EngineFigures) -> Iterator[Metric]:
    yield counter("genexec_events_sent", "Events that the sink has taken.", figures.sent)
    yield counter(
        "genexec_delivery_failures",
        "Attempts to deliver an event that are made again later.",
        figures.failed,
    )
    yield counter("genexec_dead_letters", "Events that became dead letters.", figures.dead)
    if figures.sink is not None:
        yield gauge("genexec_sink_up", "1 if the sink takes events.", figures.sink)
