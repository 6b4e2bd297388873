"""What a person may ask of an engine, whichever way: list, explain, run, look.

`botkube` turns chat into these questions and the answers into messages. One implementation
asks a running service over its API (`remote`), one carries the engine itself (`wiring`); both
pass the same contract suite, so a chat command means the same with either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.keptn_events import Belonging
from service.runs import Summary
from service.states import State
from service.strict_json import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks; part of the record of everything that was started for them."""

    name: str
    """As the chat shows it; not unique, and people may change it."""
    url: str = ""
    """The message in which it was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """An event that a person wants to be answered."""

    type: str
    place: Belonging
    values: Mapping[str, str] = field(default_factory=dict)
    """`k=v` of the command: labels of the event, or values of an action."""
    action: str = ""
    """The action of a remediation (`data.action.action`); the type is `action.triggered` then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A script that some event could run."""

    name: str
    level: str
    path: str
    branch: str = ""
    commit: str = ""
    about: str = ""
    """The first comment of the script, one line."""
    shadowed: bool = False
    """An inner level has a script of the same name, which runs instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A script with its text."""

    listed: Listed
    text: str
    """Decoded, unreadable bytes replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A run, as far as it got."""

    id: str
    type: str
    state: State
    reason: str
    place: Belonging
    asked_by: str
    """Who wanted it: a person, or the sender of the event."""
    script: str
    """Names of its scripts, in order, separated by commas."""
    commit: str
    accepted_at: datetime
    seconds: float | None
    """How long its scripts took so far; None before the first started."""
    result: str = ""
    message: str = ""
    """What it said, shortened."""
    next: tuple[str, ...] = ()
    """Commands that its scripts propose, as somebody would type them."""


def ran_of(summary: Summary, *, now: datetime) -> Ran:
    """Return a run as a person sees it; *now* is for those that are not over."""
    run = summary.run
    lasted = (run.ended_at or now) - run.started_at if run.started_at else None
    return Ran(
        id=run.id,
        type=run.type,
        state=run.state,
        reason=run.reason,
        place=Belonging(project=run.project, stage=run.stage, service=run.service),
        asked_by=summary.asked_by,
        script=", ".join(summary.scripts),
        commit=run.commit,
        accepted_at=run.accepted_at,
        seconds=None if lasted is None else max(0.0, lasted.total_seconds()),
        result=run.result,
        message=run.message,
        next=summary.next,
    )


class Desk(Protocol):
    """Answers a person; every method may raise `TryAgainLater` or `NeverAgain`."""

    @property
    def name(self) -> str:
        """Which engine answers: `embedded`, or the address of a service."""

    async def scripts(self, place: Belonging) -> Sequence[Listed]:
        """Return the scripts that events of *place* could run, those of inner levels first."""

    async def script(self, name: str, place: Belonging) -> Shown:
        """Return the script of this file name that would run at *place*."""

    async def explain(self, wish: Wish) -> Mapping[str, Json]:
        """Return which scripts would run and why; the shape of `genexec explain --json`."""

    async def run(self, wish: Wish, asker: Asker) -> str:
        """Have the event answered; return the id of its run, which is on disk then."""

    async def rerun(self, run: str, asker: Asker) -> str:
        """Have the event of a run answered once more, as a new event; return the new run."""

    async def cancel(self, run: str, asker: Asker) -> bool:
        """End a run that is not over, with its scripts; False when it was over already."""

    async def found(self, run: str) -> Ran:
        """Return one run."""

    async def wait(self, run: str, *, seconds: float) -> Ran:
        """Return one run when it has ended, or as it is after *seconds*."""

    async def runs(self, *, limit: int, place: Belonging) -> Sequence[Ran]:
        """Return the latest runs, newest first; empty names in *place* stand for all."""

    async def output(self, run: str) -> Sequence[tuple[str, str]]:
        """Return script names and what they wrote, masked, in order."""

    async def status(self) -> Mapping[str, Json]:
        """Return how the engine is; the shape of `GET /api/v1/status`."""
