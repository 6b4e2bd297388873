"""What the API asks of the engine and of the door, as promises.

Calls come from several threads at once, and each ends within some seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.api.visitor import Visitor
from service.event import Event
from service.keptn_events import Belonging
from service.runs import Run, Summary
from service.strict_json import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some masked output of an attempt that is under way."""

    position: int
    number: int
    start: int
    """How many bytes of it come before."""
    content: bytes


class Engine(Protocol):
    """Every method raises `SourceUnavailable` when the engine does not answer."""

    def explain(self, document: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return which scripts an event would run and why."""

    def scripts(self, place: Belonging) -> Sequence[Mapping[str, Json]]:
        """Return the scripts that events of *place* could run, see `desk.Listed`."""

    def script(self, name: str, place: Belonging) -> Mapping[str, Json]:
        """Return a script with its text, see `desk.Shown`. Raises `UnknownScript`."""

    def cancel(self, run: str, by: str) -> bool:
        """End a run that is not over; False when it is."""

    def live(self, run: str, *, attempt: tuple[int, int], start: int) -> Piece | None:
        """Return what the script of a run wrote so far, see `engine.live`; None when none runs."""


class Door(Protocol):
    """Takes events that were made here."""

    def take(self, event: Event, visitor: Visitor) -> str:
        """Write *event* down as intake does, and return its run.

        Raises `NotPermitted` when it is not for *visitor* to send, and what intake raises.
        """


class Origins(Protocol):
    """Reads the journal, beside `reading.Reader`."""

    def summaries(self, runs: Sequence[Run]) -> Sequence[Summary]:
        """Return *runs* with what a list shows beside them."""

    def event(self, run: str) -> Event:
        """Return the event of a run. Raises `EventForgotten`."""
