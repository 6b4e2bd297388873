"""Jobs that wait for a place or for a pause to pass, fair among projects.

`worker` puts them in and takes them out, and counts who has a place.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from service.story import Handled


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A run that is to be taken a step further."""

    seq: int
    run: str
    project: str
    go: Callable[[], Awaitable[Handled | None]]


class Queues:
    """A queue per project."""

    def __init__(self, *, per_project: int, rested: Callable[[], None]) -> None:
        """*per_project* is how many places one may have; *rested* is called after a pause."""
        self._per_project = per_project
        self._rested = rested
        self._queues: dict[str, deque[Job]] = {}
        self._resting: dict[str, tuple[asyncio.TimerHandle, Job]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values())) + len(self._resting)

    def runs(self) -> Iterator[str]:
        """Yield the runs that wait."""
        yield from (job.run for queue in self._queues.values() for job in queue)
        yield from self._resting

    def put(self, job: Job) -> None:
        """Let *job* wait behind those of its project."""
        self._queues.setdefault(job.project, deque()).append(job)

    def put_later(self, seconds: float, job: Job) -> None:
        """Let *job* wait *seconds*, then before those of its project: it has had its turn."""
        timer = asyncio.get_running_loop().call_later(seconds, self._put_back, job)
        self._resting[job.run] = (timer, job)

    def next(self, places: Mapping[str, int]) -> Job | None:
        """Take the job that came first among the projects that have a free place.

        *places* says how many each project has taken.
        """
        free = (
            queue
            for project, queue in self._queues.items()
            if places.get(project, 0) < self._per_project
        )
        queue = min(free, key=lambda queue: queue[0].seq, default=None)
        return None if queue is None else self._taken(queue, queue[0])

    def withdraw(self, run: str) -> Job | None:
        """Take the job of this run, wherever it stands; None when it does not wait."""
        if run in self._resting:
            timer, job = self._resting.pop(run)
            timer.cancel()
            return job
        for queue in self._queues.values():
            for job in queue:
                if job.run == run:
                    return self._taken(queue, job)
        return None

    def _put_back(self, job: Job) -> None:
        del self._resting[job.run]
        self._queues.setdefault(job.project, deque()).appendleft(job)
        self._rested()

    def _taken(self, queue: deque[Job], job: Job) -> Job:
        queue.remove(job)
        if not queue:
            del self._queues[job.project]
        return job
