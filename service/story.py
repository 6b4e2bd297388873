"""What has happened to one event so far, and the entries made about it.

`handling` tells the story; here stand its scenes: a script with its content, the attempts
to run it, what they came to. The only mutable value of the engine lives here, one per
event that is being handled.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.answers import Answering
from service.masks import Masks
from service.outcome import Ending, Execution, Outcome, read_outcome, readable
from service.ports import Order
from service.preparation import Prepared
from service.runs import Attempt, Outgoing, Run
from service.scripts import Layout
from service.states import State
from service.variables import Environment, event_variables


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the operator decided about running scripts."""

    layout: Layout
    exposed: Mapping[str, str]
    """Variables of the container that scripts may see."""
    masks: Masks
    follow_up_types: Sequence[str]
    timeout: float
    """Seconds a script has when it does not say otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """What is to be called again, and when."""

    seconds: float
    go: "Callable[[], Awaitable[Handled]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Handled:
    """How an event stands after it was handled."""

    run: Run
    again: Again | None = None


@dataclass(kw_only=True, slots=True)
class Story:
    """What has happened to one event so far."""

    run: Run
    answering: Answering
    scripts: tuple[Prepared, ...]
    variables: dict[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwritten: list[Attempt] = field(default_factory=list)
    unsent: list[Outgoing] = field(default_factory=list)

    def tell(self, attempt: Attempt, outcome: Outcome, *, now: datetime) -> None:
        """Take in how an attempt ended, for the next stroke of the journal."""
        self.unwritten.append(attempt)
        notes = list(outcome.notes)
        if outcome.follow_up is not None:
            made = self.answering.follow_up(outcome.follow_up, now=now)
            if made is None:
                notes.append(f"follow-up event of {attempt.script} not sent: larger than 64 KiB")
            else:
                self.unsent.append(made)
        if notes:
            self.run = replace(self.run, note="; ".join(filter(None, (self.run.note, *notes))))

    def call_off(self, position: int, number: int, reason: str, *, now: datetime) -> None:
        """Enter that no script is started from *position* on, nor attempt *number* of that."""
        for index in range(position, len(self.scripts)):
            entry = planned(self.scripts[index], index, number if index == position else 1)
            entry = replace(entry, state=State.CANCELLED, ended_at=now, message=reason)
            self.unwritten.append(entry)
            self.outcomes[entry.script] = remembered(entry)

    def order(self, script: Prepared, attempt: Attempt, *, timeout: float) -> Order:
        """Return what a runner needs; *timeout* serves a script that names none."""
        about = {
            "GENEXEC_RUN_ID": self.run.id,
            "GENEXEC_ATTEMPT": str(attempt.number),
            "GENEXEC_SCRIPT": attempt.script,
            "GENEXEC_LEVEL": attempt.level,
            "GENEXEC_COMMIT": attempt.commit,
        }
        return Order(
            run=self.run.id,
            name=attempt.script,
            blob=attempt.blob,
            content=script.content,
            event=self.answering.event,
            variables=self.variables | about,
            timeout=script.directives.timeout or timeout,
            position=attempt.position,
            number=attempt.number,
            requirements=script.requirements,
            project=self.run.project,
            cold=script.directives.cold,
        )

    def first_entries(self, attempt: Attempt) -> list[Attempt]:
        """Return the entries of all scripts, of which *attempt* is about to start."""
        waiting = [
            planned(script, position, 1)
            for position, script in enumerate(self.scripts)
            if position != attempt.position
        ]
        return [attempt, *waiting]


def planned(script: Prepared, position: int, number: int) -> Attempt:
    """Return the entry of a script that waits for its turn."""
    return Attempt(
        position=position,
        number=number,
        script=script.found.name,
        level=script.found.place.level,
        path=script.found.path,
        commit=script.found.commit,
        blob=script.found.blob,
        state=State.QUEUED,
    )


def begun_story(
    run: Run, answering: Answering, scripts: Sequence[Prepared], *, exposed: Environment
) -> Story:
    """Return the story of an event of which nothing has been done yet."""
    variables = event_variables(answering.event, answering.belonging, exposed)
    return Story(
        run=run, answering=answering, scripts=tuple(scripts), variables=variables.mapping()
    )


def judged(
    attempt: Attempt, execution: Execution, rules: Rules, answer_type: str, *, now: datetime
) -> tuple[Outcome, Attempt]:
    """Return what an execution means, and its entry with all texts masked."""
    outcome = read_outcome(
        execution,
        masks=rules.masks,
        follow_up_types=rules.follow_up_types,
        answer_type=answer_type,
    )
    entry = replace(
        attempt,
        state=outcome.state,
        ended_at=now,
        exit_code=execution.exit_code,
        signal=execution.signal,
        http_status=execution.http_status,
        ending=execution.ending,
        detail=rules.masks.text(execution.detail),
        message=outcome.reason,
        output=rules.masks.bytes(execution.output),
        structured=outcome.structured,
        cut=execution.cut,
        leftovers=execution.leftovers,
    )
    return outcome, entry


def interrupted(attempt: Attempt, *, now: datetime) -> Attempt:
    """Return the entry of an attempt that was running when the service ended."""
    reason = "the service ended while the script was running; what it did is unknown"
    return replace(
        attempt,
        state=State.INTERRUPTED,
        ended_at=now,
        ending=Ending.INTERRUPTED,
        message=reason,
    )


def broken_off(attempt: Attempt, reason: str, *, now: datetime) -> Attempt:
    """Return the entry of an attempt that a fault of ours has ended."""
    return replace(attempt, state=State.ERRORED, ended_at=now, message=reason)


def latest(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the last attempt of each script, in the order of the scripts."""
    ordered = sorted(attempts, key=lambda attempt: (attempt.position, attempt.number))
    return list({attempt.position: attempt for attempt in ordered}.values())


def remembered(attempt: Attempt) -> Outcome:
    """Return the outcome of an ended attempt as far as the record tells it."""
    return Outcome(
        state=attempt.state,
        output=readable(attempt.output),
        reason=attempt.message,
        structured=attempt.structured,
    )
