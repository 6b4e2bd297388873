"""The story of one event, readable from top to bottom.

`worker` hands in what was accepted and gets back how it ended, or when to try again. Here
the stations are called in order: what does the event mean, which scripts are there, write
down what will run, run it, read what it said, write down the result and the answers. A
script is started only after the journal has promised to remember it, and an event leaves
only after the same promise.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from service.answers import Answering
from service.choice import Choices
from service.errors import JournalUnavailable, RunnerLost, SourceMisconfigured, SourceUnavailable
from service.keptn_events import Meaning, meaning_of
from service.outcome import Ending, Execution, Outcome, worst
from service.ports import Clock, Journal, Runner, Source
from service.preparation import Prepared, prepare_again
from service.runs import Accepted, Attempt, Outgoing, Run, opened, pause_before
from service.states import State
from service.story import (
    Again,
    Handled,
    Rules,
    Story,
    begun_story,
    broken_off,
    interrupted,
    judged,
    latest,
    planned,
    remembered,
)
from service.variables import Environment

MAX_HOPS = 8
LOOP_STOPPED = "loop stopped"
GIVE_UP_LOOKING = 9 * 60.0
"""Seconds until an event whose scripts cannot be looked up is given up."""
_LONGEST_LOOK_PAUSE = 30.0
_JOURNAL_PAUSE = 1.0
_MAX_RECORDED_MESSAGE = 4096
_NOT_REPEATED = {State.PASSED, State.WARNED, State.CANCELLED}


class Handling:
    """Handles events, any number at a time, on one event loop."""

    def __init__(
        self,
        *,
        source: Source,
        runners: Mapping[str, Runner],
        journal: Journal,
        rules: Rules,
        clock: Clock,
        new_id: Callable[[], str],
        leaving: Callable[[Sequence[Outgoing]], None],
    ) -> None:
        """*runners* are chosen by file suffix; *leaving* is told of events once they are safe."""
        self._source = source
        self._choices = Choices(source, rules.layout)
        self._runners = runners
        self._journal = journal
        self._rules = rules
        self._exposed = Environment.of(rules.exposed)
        self._clock = clock
        self._new_id = new_id
        self._leaving = leaving
        self.done: Callable[[str], None] = lambda _: None
        """Told of a run that starts nothing more, before its result is written down."""
        self._stopping = False
        self._cancelled: dict[str, str] = {}
        """Runs that start no further script, and the reason."""

    def cancel(self, run: str, reason: str) -> None:
        """From now on this run, which is not over, starts no script; what runs is not ended."""
        self._cancelled.setdefault(run, reason)

    def forget(self, run: str) -> None:
        """Let go of what is known about a run: it is over."""
        self._cancelled.pop(run, None)

    def stop(self) -> None:
        """From now on a script that is ended was interrupted, and none is started again."""
        self._stopping = True

    async def handle(
        self, accepted: Accepted, *, looking_since: float | None = None, tries: int = 0
    ) -> Handled:
        """Handle an event that has no script started yet."""
        run = opened(accepted)
        hops = self._journal.hops(accepted.event)
        if hops is None:
            return await self._ignore(run, "an answer of our own")
        if hops > MAX_HOPS:
            return await self._ignore(run, f"{LOOP_STOPPED} after {MAX_HOPS} hops")
        try:
            choice = await self._choices.of(accepted.event, accepted.belonging)
        except SourceUnavailable as error:
            return await self._hold(run, accepted, str(error), looking_since, tries)
        except SourceMisconfigured as error:
            return await self._ignore(run, str(error), state=State.ERRORED)
        decision = choice.decision
        if decision.ignored or decision.listing is None:
            return await self._ignore(run, decision.ignored)
        commit = choice.scripts[0].found.commit
        run = replace(run, commit=commit, note=decision.listing.note)
        story = self._story(run, accepted, decision.meaning, choice.scripts, hops)
        return await self._perform(story, position=0, number=1)

    async def resume(self, run: Run, accepted: Accepted, attempts: Sequence[Attempt]) -> Handled:
        """Go on with a run that an earlier process left, without starting a script twice."""
        entries = latest(attempts)
        if not entries:
            return await self.handle(accepted)
        layout = self._rules.layout
        scripts = [
            await prepare_again(self._source, entry, accepted.belonging, layout)
            for entry in entries
        ]
        hops = self._journal.hops(accepted.event) or 0
        story = self._story(run, accepted, meaning_of(accepted.event), scripts, hops)
        for entry, script in zip(entries, scripts, strict=True):
            attempt = entry
            if attempt.state is State.QUEUED:
                return await self._perform(story, position=attempt.position, number=attempt.number)
            if attempt.state is State.RUNNING:
                attempt = interrupted(attempt, now=self._clock.now())
                story.unwritten.append(attempt)
            outcome = remembered(attempt)
            again = await self._again(story, script, attempt, outcome)
            if again is not None:
                return again
            story.outcomes[script.found.name] = outcome
        return await self._finish(story)

    async def _perform(self, story: Story, *, position: int, number: int) -> Handled:
        """Run the scripts from *position* on, one after another, and finish."""
        for index in range(position, len(story.scripts)):
            if reason := self._cancelled.get(story.run.id):
                first = number if index == position else 1
                story.call_off(index, first, reason, now=self._clock.now())
                break
            if self._stopping:  # the next process starts what waits
                if story.unwritten:
                    await self._stroke(story, self._journal.begin)
                return Handled(run=story.run)
            script = story.scripts[index]
            attempt = planned(script, index, number if index == position else 1)
            attempt = await self._begin(story, attempt)
            outcome, attempt = await self._execute(story, script, attempt)
            story.tell(attempt, outcome, now=self._clock.now())
            again = await self._again(story, script, attempt, outcome)
            if again is not None:
                return again
            story.outcomes[script.found.name] = outcome
        return await self._finish(story)

    async def _begin(self, story: Story, attempt: Attempt) -> Attempt:
        """Write down what is about to be started; the first time with the `started` event."""
        now = self._clock.now()
        begun = story.run.started_at
        story.run = replace(story.run, state=State.RUNNING, reason="", started_at=begun or now)
        attempt = replace(attempt, state=State.RUNNING, started_at=now)
        if attempt.position == 0 and attempt.number == 1:
            started = story.answering.started(attempt.script, now=now)
            story.unsent += [started] if started else []
            story.unwritten += story.first_entries(attempt)
        else:
            story.unwritten.append(attempt)
        await self._stroke(story, self._journal.begin)
        return attempt

    async def _execute(
        self, story: Story, script: Prepared, attempt: Attempt
    ) -> tuple[Outcome, Attempt]:
        if script.problem:
            execution = Execution(ending=Ending.NOT_RUN, detail=script.problem)
        else:
            runner = self._runners[PurePosixPath(attempt.script).suffix]
            order = story.order(script, attempt, timeout=self._rules.timeout)
            try:
                execution = await runner.run(order)
            except RunnerLost as error:
                execution = Execution(ending=Ending.INTERRUPTED, detail=str(error))
        if execution.ending is Ending.CANCELLED and story.run.id in self._cancelled:
            execution = replace(execution, detail=self._cancelled[story.run.id])
        elif self._stopping and execution.ending is Ending.CANCELLED:
            detail = "the service was shut down"
            execution = replace(execution, ending=Ending.INTERRUPTED, detail=detail)
        return judged(
            attempt, execution, self._rules, story.answering.answer_type(), now=self._clock.now()
        )

    async def _again(
        self, story: Story, script: Prepared, attempt: Attempt, outcome: Outcome
    ) -> Handled | None:
        """Arrange the next attempt of a repeatable script, None when there is none."""
        if outcome.state in _NOT_REPEATED or script.problem:
            return None
        if not script.directives.repeatable or attempt.number >= script.directives.max_attempts:
            return None
        number = attempt.number + 1
        ended = attempt.ended_at or self._clock.now()
        waited = (self._clock.now() - ended).total_seconds()
        seconds = max(pause_before(number) - waited, 0.0)
        reason = f"attempt {attempt.number}: {outcome.reason}; attempt {number} follows"
        story.run = replace(story.run, state=State.QUEUED, reason=reason)
        await self._stroke(story, self._journal.begin)
        go = partial(self._perform, story, position=attempt.position, number=number)
        return Handled(run=story.run, again=Again(seconds=seconds, go=go))

    async def _finish(self, story: Story) -> Handled:
        """Write down the result and the answers in one stroke, then let them leave."""
        self.done(story.run.id)
        now = self._clock.now()
        state = worst([outcome.state for outcome in story.outcomes.values()])
        decisive = next(o for o in story.outcomes.values() if o.state is state)
        if story.run.started_at is None:  # called off before its first script
            started = story.answering.started(story.scripts[0].found.name, now=now)
            story.unsent += [started] if started else []
        finished = story.answering.finished(story.outcomes, state, now=now)
        story.unsent += [finished] if finished else []
        story.run = replace(
            story.run,
            state=state,
            reason=decisive.reason,
            ended_at=now,
            result=decisive.result,
            status=decisive.status,
            message=decisive.output[:_MAX_RECORDED_MESSAGE],
        )
        await self._stroke(story, self._journal.end)
        return Handled(run=story.run)

    async def _stroke(self, story: Story, write: Callable[..., Awaitable[None]]) -> None:
        """Write down what happened since the last time; then the events may leave."""
        leaving = tuple(story.unsent)
        await self._written(write, story.run, tuple(story.unwritten), leaving)
        story.unwritten.clear()
        story.unsent.clear()
        self._leaving(leaving)

    async def _ignore(self, run: Run, reason: str, state: State = State.IGNORED) -> Handled:
        ended = replace(run, state=state, reason=reason, ended_at=self._clock.now())
        await self._written(self._journal.ignore, ended)
        return Handled(run=ended)

    async def _hold(
        self, run: Run, accepted: Accepted, reason: str, since: float | None, tries: int
    ) -> Handled:
        """Keep an event whose scripts could not be looked up; silence when given up.

        Another service may own the task: a failure to look never answers for it.
        """
        now = self._clock.monotonic()
        since = now if since is None else since
        if run.id in self._cancelled:
            return await self._ignore(run, self._cancelled[run.id], state=State.CANCELLED)
        held = replace(run, state=State.UNRESOLVED, reason=reason)
        if now - since >= GIVE_UP_LOOKING:
            held = replace(held, reason=f"given up: {reason}", ended_at=self._clock.now())
            await self._written(self._journal.hold, held)
            return Handled(run=held)
        if tries == 0:
            await self._written(self._journal.hold, held)
        go = partial(self.handle, accepted, looking_since=since, tries=tries + 1)
        pause = min(2.0**tries, _LONGEST_LOOK_PAUSE)
        return Handled(run=held, again=Again(seconds=pause, go=go))

    async def break_off(self, accepted: Accepted, reason: str) -> Run:
        """End an event that could not be handled because of a fault of ours.

        Who was told `started` is told `finished`; before that, silence: nobody waits for us.
        """
        left = next((one for one in self._journal.abandoned() if one[0].id == accepted.run), None)
        if left is None or left[0].started_at is None:
            return (await self._ignore(opened(accepted), reason, state=State.ERRORED)).run
        run, _, attempts = left
        story = self._story(run, accepted, meaning_of(accepted.event), (), 0)
        outcome = Outcome(state=State.ERRORED, output="", reason=reason)
        for entry in latest(attempts):
            if not entry.state.ended:
                story.unwritten.append(broken_off(entry, reason, now=self._clock.now()))
                story.outcomes[entry.script] = outcome
            else:
                story.outcomes[entry.script] = remembered(entry)
        if outcome not in story.outcomes.values():
            story.outcomes[""] = outcome
        return (await self._finish(story)).run

    async def _written(self, stroke: Callable[..., Awaitable[None]], *entries: object) -> None:
        """Do not go on before the journal has it; a full disk may take a while to be emptied."""
        while True:
            try:
                return await stroke(*entries)
            except JournalUnavailable:
                if self._stopping:
                    raise
                await self._clock.sleep(_JOURNAL_PAUSE)

    def _story(
        self,
        run: Run,
        accepted: Accepted,
        meaning: Meaning,
        scripts: Sequence[Prepared],
        hops: int,
    ) -> Story:
        answering = Answering(
            event=accepted.event,
            meaning=meaning,
            belonging=accepted.belonging,
            run=run.id,
            hops=hops,
            new_id=self._new_id,
        )
        return begun_story(run, answering, scripts, exposed=self._exposed)
