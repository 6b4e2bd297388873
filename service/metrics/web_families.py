"""The metrics of the web process, and the resources of both processes.

`page` asks for them. They are there whenever something answers at all.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from service.figures import IntakeFigures, ProcessFigures
from service.metrics.families import counters, gauge, gauges, histogram


def intake_families(figures: IntakeFigures, *, fetching: bool | None) -> Iterator[Metric]:
    """Yield what came in; *fetching* says whether events come that we fetch ourselves."""
    if fetching is not None:
        help_ = "1 if events come from NATS or Keptn's API: connected, or last answered."
        yield gauge("genexec_events_up", help_, fetching)
    yield counters(
        "genexec_intake_requests",
        "Requests that brought events, and all that were refused at the door, by what they were "
        "answered.",
        ("status", "reason"),
        {(str(status), reason): count for (status, reason), count in figures.requests.items()},
    )
    yield counters(
        "genexec_intake_events",
        "Events on disk, brought or fetched: accepted, or duplicate of an accepted one.",
        ("result",),
        {(result,): count for result, count in figures.events.items()},
    )
    yield histogram(
        "genexec_intake_accept_seconds",
        "Time from the end of a request's body to its 202, with the event on disk.",
        figures.seconds,
    )


def process_families(processes: Mapping[str, ProcessFigures]) -> Iterator[Metric]:
    """Yield what the processes take."""
    yield counters(
        "genexec_process_cpu_seconds",
        "Processor time of a process of the service, without its scripts.",
        ("process",),
        {(name,): figures.cpu for name, figures in processes.items()},
    )
    yield gauges(
        "genexec_process_resident_memory_bytes",
        "Memory of a process of the service that is in use.",
        "process",
        {name: figures.memory for name, figures in processes.items()},
    )
    yield gauges(
        "genexec_process_open_fds",
        "Open file descriptors of a process of the service.",
        "process",
        {name: figures.files for name, figures in processes.items()},
    )
