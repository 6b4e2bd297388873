"""What the story of an event needs from outside, as promises.

`handling` and `worker` know these and nothing behind them. Every implementation passes the
contract suite of its port (`tests/contracts/`). Times are aware, durations are seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.event import Event
from service.outcome import Execution
from service.requirements import Requirements
from service.runs import (
    Accepted,
    Arrival,
    Attempt,
    Delivery,
    Outgoing,
    Receipt,
    Run,
    Waiting,
)
from service.scripts import Found, Listing, LookUp, Place

MOST_NAMES = 1000
"""Scripts of one project that are listed."""


class Source(Protocol):
    """Where scripts are kept."""

    async def look_up(self, question: LookUp) -> Listing:
        """Answer which of the names exist in which of the places, all at one moment.

        An empty file, a folder and a submodule count as absent; so does everything at a
        place whose branch does not exist. Raises `SourceUnavailable` when nothing can be
        said, `SourceMisconfigured` when nothing ever can.
        """

    async def names(self, project: str, places: Sequence[Place]) -> Sequence[str]:
        """Return the names of the scripts in any of the places, sorted, each once.

        Those that end with one of `SUFFIXES`, at most `MOST_NAMES`; for listing them to a
        person, not for the way of an event. Raises as `look_up` does.
        """

    async def read(self, found: Found) -> bytes:
        """Return the content of *found* as it was when it was looked up.

        Raises `SourceUnavailable`, or `BadScript` when it may not be run (*found.problem*).
        """

    async def refresh(self, project: str) -> str:
        """Look for new commits now; say in words what was found. Raises `SourceUnavailable`."""

    def troubles(self) -> Sequence[str]:
        """Return a sentence for everything that could not be reached when last tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Everything a runner needs to run one script."""

    run: str
    name: str
    """The file name; its suffix chooses the runner."""
    blob: str
    content: bytes
    event: Event
    variables: Mapping[str, str]
    """Of the event; the runner adds `PATH`, `HOME`, `TMPDIR`, `LANG` and the result file."""
    timeout: float
    position: int = 0
    """Which script of its run."""
    number: int = 1
    """Which attempt of it."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Content of files that only this run gets, by the variable that holds their path."""
    requirements: Requirements | None = None
    """What a Python script declares."""
    program: str = ""
    """Absolute path of what runs the file; empty for what always runs its kind."""
    project: str = ""
    """Scripts of one project may share what does no harm among friends; empty shares nothing."""
    cold: bool = False
    """The script asks for a program of its own, whatever that costs."""


class Runner(Protocol):
    """Runs scripts of some kind."""

    async def run(self, order: Order) -> Execution:
        """Run to the end, whatever the end is; a failing script is a value.

        Raises `RunnerLost` when the runner went away under the script.
        """

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""


class Sender(Protocol):
    """Takes events to the sink, one attempt at a time."""

    async def send(self, body: bytes) -> None:
        """Deliver one event. Raises `SinkUnavailable` or `SinkRefused`."""


class Inbox(Protocol):
    """Accepts events; one process writes it."""

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Receipt]:
        """Write all of them down, or none; return when they are safe from power loss.

        An event of a known source and id is a duplicate, answered with the run of the first.
        Raises `ContentConflict` when its content differs, `QueueFull`, `JournalUnavailable`.
        """


class Journal(Protocol):
    """Remembers runs and outgoing events; one process writes it."""

    def waiting(self, *, after: int, limit: int) -> Sequence[Waiting]:
        """Return what was accepted and has no run yet, in order of acceptance."""

    def accepted(self, seq: int) -> Accepted:
        """Return the accepted event at this position."""

    def abandoned(self) -> Sequence[tuple[Run, Accepted, Sequence[Attempt]]]:
        """Return the runs that an earlier process left `queued`, `running` or `unresolved`."""

    async def ignore(self, run: Run) -> None:
        """Remember that nothing is to be done for this event, and why."""

    async def hold(self, run: Run) -> None:
        """Remember that the scripts could not be looked up (`unresolved`), for now or for good."""

    async def begin(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        """Remember in one stroke what is about to run, at which commit, and the `started` event.

        When this returns it is on disk; only then a script may start or an event leave.
        """

    async def end(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        """Remember in one stroke how it went and the events that say so."""

    def hops(self, event: Event) -> int | None:
        """Return how many of our events led to *event*; 0 for a foreign one.

        None when it is an answer of ours (`started`, `finished`) coming back.
        """

    def pending(self, *, after: int, limit: int) -> Sequence[tuple[int, Delivery]]:
        """Return outgoing events still to be sent, in the order they were created."""

    def outgoing(self, event_id: str) -> Outgoing | None:
        """Return an outgoing event still to be sent, None when it is not to be sent any more."""

    def sent(self, ids: Sequence[str]) -> None:
        """Remember deliveries, lazily: losing this means sending the same id again."""

    def attempted(self, event_id: str, *, error: str) -> None:
        """Remember a delivery attempt that failed, lazily."""

    async def bury(self, event_id: str, *, error: str) -> None:
        """Move an outgoing event to the dead letters."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the aware wall-clock time."""

    def monotonic(self) -> float:
        """Return seconds that never jump."""

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
