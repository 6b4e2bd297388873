"""Who has a place: so many runs at once, and so many of one project.

`worker` gives places to runs that `queues` hands out.
"""

from collections import Counter
from collections.abc import Callable, Mapping


class Places:
    """The places there are, and who has them."""

    def __init__(self, at_once: int, *, freed: Callable[[], None]) -> None:
        """*freed* is called when there is one more."""
        self._at_once = at_once
        self._freed = freed
        self._project_of: dict[str, str] = {}
        self._taken: Counter[str] = Counter()

    @property
    def left(self) -> bool:
        """Whether there is one for another run."""
        return len(self._project_of) < self._at_once

    @property
    def by_project(self) -> Mapping[str, int]:
        """How many each project has."""
        return self._taken

    def take(self, run: str, project: str) -> None:
        """Give one to *run*, also when none is left: what starts no script needs none."""
        self._project_of[run] = project
        self._taken[project] += 1

    def free(self, run: str) -> None:
        """Take back the one of *run*, if it has one.

        That is when it starts nothing more: so its end and the beginning of the next run can
        be written down together.
        """
        project = self._project_of.pop(run, None)
        if project is None:
            return
        self._taken[project] -= 1
        if not self._taken[project]:
            del self._taken[project]
        self._freed()
