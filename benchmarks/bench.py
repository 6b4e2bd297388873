"""What every row gets and gives: sizes, a folder, a quiet machine; a row of the table."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import Quiet
from benchmarks.rounds import taking_turns
from benchmarks.service import Service, running


@dataclass(frozen=True, kw_only=True)
class Size:
    """How long and how much; seconds are those of one round."""

    rounds: int
    seconds: float
    finished_runs: int
    """Runs in the record that is compared with an empty one."""
    queue: int
    """Events in the queue that is compared with a short one."""
    short_queue: int
    output: int
    """Bytes that one script writes."""
    patience: float
    """Seconds to wait for a quiet machine, all rounds together."""
    sharing: bool = False
    """Whether rows may use the same service when it has default settings."""


SIZES = {
    "full": Size(
        rounds=5, seconds=4.0, finished_runs=1_000_000, queue=100_000, short_queue=2_000,
        output=100_000_000, patience=60.0,
    ),
    "quick": Size(
        rounds=2, seconds=0.7, finished_runs=10_000, queue=2_000, short_queue=200,
        output=20_000_000, patience=5.0,
    ),
    "smoke": Size(
        rounds=1, seconds=0.3, finished_runs=500, queue=120, short_queue=30,
        output=2_000_000, patience=0.0, sharing=True,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    value: float | None
    """None when it could not be measured; *how* says why."""
    how: str
    """What was measured, with its numbers."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        """Say what it should be."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else "—"

    @property
    def reached(self) -> bool | None:
        """Say whether it is; None when there is no goal or no value."""
        if self.value is None or self.goal == "—":
            return None
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is not None and self.value <= self.at_most


@dataclass(kw_only=True)
class Bench:
    """One run of the benchmark."""

    size: Size
    folder: Path
    quiet: Quiet
    known: dict[str, float] = field(default_factory=dict)
    """Figures that later rows build on, such as the events per second."""
    costs: list[dict[str, float]] = field(default_factory=list)
    """Microseconds of CPU per event by part, one entry per round end to end."""
    remarks: list[str] = field(default_factory=list)

    _shared: ExitStack = field(default_factory=ExitStack)
    _plain: Service | None = None

    def close(self) -> None:
        """End the service that rows shared."""
        self._shared.close()

    @contextmanager
    def running(self, name: str, **settings: str) -> Iterator[Service]:
        """Start a service for a row, and end it whatever happens."""
        if self.size.sharing and not settings:
            if self._plain is None:
                self._plain = self._shared.enter_context(running(self.folder / "shared"))
            yield self._plain
        else:
            with running(self.folder / name, **settings) as service:
                yield service

    @property
    def tools(self) -> Path:
        """Where compiled programs and witness files are."""
        return self.folder / "tools"

    def turns(
        self, variants: Mapping[str, Callable[[], float]], *, rounds: int | None = None
    ) -> dict[str, list[float]]:
        """Measure the variants in turns, as often as the size says."""
        return taking_turns(variants, rounds=rounds or self.size.rounds, quiet=self.quiet)
