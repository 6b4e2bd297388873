"""What the API and the command line read from the journal, as promises.

The journal keeps runs by events (see `ports.Journal`); reading them back is nothing the story
of an event needs, so it is asked for here. Calls come from several threads at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from service.event import Event
from service.runs import Attempt, Delivery, Run
from service.states import State


class RunDetail(Protocol):
    """Everything that is known about one run."""

    @property
    def run(self) -> Run:
        """Return the run itself."""

    @property
    def event(self) -> Event:
        """Return the event as it was accepted."""

    @property
    def sender(self) -> str:
        """Return who brought the event, empty where nobody is asked."""

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Return every execution of its scripts, oldest first; outputs may be left out."""

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """Return the events it sent or is about to send, oldest first."""


class Reader(Protocol):
    """Reads the journal."""

    def runs(
        self,
        *,
        limit: int,
        before: int | None,
        state: State | None,
        project: str | None,
        stage: str | None,
        service: str | None,
    ) -> Sequence[Run]:
        """Return at most *limit* runs, newest first, of a `seq` below *before*."""

    def run(self, id_or_prefix: str, *, visible: Callable[[str], bool] = ...) -> RunDetail:
        """Return one run; only those of projects that are *visible* exist, by default all.

        Raises `UnknownRun` when none or several ids begin like this.
        """

    def output(self, run_id: str, position: int, number: int) -> bytes:
        """Return the masked output of one attempt. Raises `UnknownRun`."""

    def counts(self) -> Mapping[str, int]:
        """Return how many runs are in which state."""
