"""Files that come with a command and are for its run only: a KUBECONFIG.

`embedded` keeps them in memory until the run is over; the runner writes them into the run's
own directory. They do not survive the program: a run that was to have them and is taken up by
another program is not started without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from service.outcome import Ending, Execution
from service.ports import Order, Runner

GIVEN = "genexecgiven"
"""The extension attribute of an event whose run was to get files."""
_MOST = 200
"""Runs whose files are kept; of more, the oldest lose theirs."""


class GivenFiles:
    """The files of runs that are not over."""

    def __init__(self) -> None:
        self._files: dict[str, Mapping[str, bytes]] = {}

    def give(self, run: str, files: Mapping[str, bytes]) -> None:
        """Keep *files* for a run; they are replaced by nothing but time."""
        if files:
            self._files[run] = files
            while len(self._files) > _MOST:
                del self._files[next(iter(self._files))]

    def take_back(self, run: str) -> None:
        """Forget the files of a run that is over, or never was."""
        self._files.pop(run, None)

    def before(self, runners: Mapping[str, Runner]) -> Mapping[str, Runner]:
        """Return runners that get the files with the orders."""
        return {
            suffix: _WithFiles(runner=runner, files=self._files)
            for suffix, runner in runners.items()
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _WithFiles:
    runner: Runner
    files: Mapping[str, Mapping[str, bytes]]

    async def run(self, order: Order) -> Execution:
        """Run as the other runner does, with the files of the run."""
        files = self.files.get(order.run)
        if files is None and order.event.extension(GIVEN):
            lost = "the files that came with the command are gone; give the command again"
            return Execution(ending=Ending.NOT_RUN, detail=lost)
        return await self.runner.run(replace(order, files=files or {}))

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""
        return await self.runner.cancel(run)
