"""What is counted while the service runs, as plain numbers.

Intake, engine and journal count on their own and hand out these frozen values; `metrics`
shows them. Nothing here says what a sender or a script said: no event types, no projects,
no ids. Counts begin anew with the process that keeps them; times are seconds.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """How long things took."""

    bounds: Sequence[float]
    """The longest that counts in each place, rising; one place more is for what is longer."""
    counts: Sequence[int]
    total: float
    """All of them together."""


class Durations:
    """Counts durations; one thread adds, any thread may look."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Count one; costs less than a microsecond."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def distribution(self) -> Distribution:
        """Return what was counted so far."""
        return Distribution(bounds=self._bounds, counts=tuple(self._counts), total=self._total)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessFigures:
    """What a process of the service takes from the machine."""

    cpu: float
    """Seconds of processor time since its start."""
    memory: int
    """Resident bytes."""
    files: int
    """Open file descriptors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeFigures:
    """What came in since the web process started."""

    requests: Mapping[tuple[int, str], int]
    """Answers by HTTP status and reason."""
    events: Mapping[str, int]
    """Events in requests that were answered with 202: `accepted` or `duplicate`."""
    seconds: Distribution
    """From the end of a request's body to its 202."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFigures:
    """How the engine is doing, and what it did since its start."""

    process: ProcessFigures
    isolation: str
    writable: bool
    """Whether results can be written down."""
    running: int
    at_once: int
    waiting: int
    ended: Mapping[str, int]
    """Runs by the state they ended in."""
    scripts: Mapping[str, Mapping[str, int]]
    """Executions by kind (`sh`, `py`, `http`) and ending."""
    seconds: Mapping[str, Distribution]
    """How long scripts ran, by kind."""
    sent: int
    failed: int
    dead: int
    sink: bool | None
    """Whether the sink takes events; None when there is no sink."""
    source: bool
    """Whether everything scripts come from was reached when last tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalFigures:
    """What the journal holds."""

    runs: Mapping[str, int]
    """Runs that are remembered, by state."""
    outgoing: Mapping[str, int]
    """Outgoing events that are remembered, by state."""
    unfinished: int
    """Accepted events that are not over: what the queue limit is about."""
    oldest_unfinished: datetime | None
    """When the oldest of them was accepted; None when all are over."""
    oldest_pending: datetime | None
    """When the first event to be sent was made; None when none is pending."""
    size: int
    """Bytes of all its files."""
