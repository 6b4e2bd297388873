"""Scripts are counted where they are run, by kind and by what ended them.

`engine` puts a `CountedRunner` before every runner; the figures go to the web process with
the others, see `figures`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import RunnerLost
from service.figures import Distribution, Durations
from service.outcome import Ending, Execution
from service.ports import Order, Runner

_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0,
)  # fmt: skip


class ScriptCounts:
    """What became of the scripts of one kind since the engine started."""

    def __init__(self) -> None:
        self._endings = Counter[str]({ending.value: 0 for ending in Ending})
        self._durations = Durations(_BOUNDS)

    def lost(self) -> None:
        """Count a script whose runner went away under it."""
        self._endings[Ending.INTERRUPTED.value] += 1

    def add(self, execution: Execution) -> None:
        """Count a script, and the time it took if it was started."""
        self._endings[execution.ending.value] += 1
        if execution.ending is not Ending.NOT_RUN:
            self._durations.add(execution.seconds)

    def endings(self) -> Mapping[str, int]:
        """Return how many ended in which way."""
        return dict(self._endings)

    def seconds(self) -> Distribution:
        """Return how long they ran."""
        return self._durations.distribution()


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedRunner:
    """Runs as another runner does, and counts."""

    runner: Runner
    counts: ScriptCounts

    async def run(self, order: Order) -> Execution:
        """Run to the end. Raises `RunnerLost` as the other runner does."""
        try:
            execution = await self.runner.run(order)
        except RunnerLost:
            self.counts.lost()
            raise
        self.counts.add(execution)
        return execution

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""
        return await self.runner.cancel(run)


def counted(
    runners: Mapping[str, Runner],
) -> tuple[Mapping[str, Runner], Mapping[str, ScriptCounts]]:
    """Return runners that count, and their counts, both by the suffix of the file."""
    counts = {suffix: ScriptCounts() for suffix in runners}
    counting: dict[str, Runner] = {
        suffix: CountedRunner(runner=runner, counts=counts[suffix])
        for suffix, runner in runners.items()
    }
    return counting, counts
