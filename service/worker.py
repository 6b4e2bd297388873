"""The loop of the engine: take up events, give each a place, end in order.

At most so many runs at once, and so many per project; first come, first served among the
projects that have a free place. What an event goes through is told in `handling`. `wiring`
starts one worker per engine process and stops it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from service.errors import JournalUnavailable, JournalUnreadable
from service.handling import Handling
from service.places import Places
from service.ports import Journal, Runner
from service.queues import Job, Queues
from service.runs import Accepted, Run
from service.states import State
from service.story import Handled

log = logging.getLogger(__name__)

_PAGE = 1000
_JOURNAL_PAUSE = 1.0
_CANCEL_PAUSE = 0.2
_CANCEL_SECONDS = 4.0
"""How long a run is asked to end that has no script running at the moment."""
_SAFETY_LOOK = 1.0
"""Seconds until the journal is looked at although nobody called."""
_SWEEP = 60.0
"""Seconds between two looks for what nobody looks after."""
_SWEEP_AFTER_FAULT = 5.0
_LOST = "what was written of this run is not complete; what its scripts did is unknown"


class Worker:
    """Runs accepted events until it is stopped."""

    def __init__(
        self,
        *,
        journal: Journal,
        handling: Handling,
        runners: Mapping[str, Runner],
        at_once: int,
        per_project: int,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """*has_room* says whether the disk has room for more results: if not, nothing starts."""
        self._journal = journal
        self._handling = handling
        self._runners = runners
        self._has_room = has_room
        self._queues = Queues(per_project=per_project, rested=self.wake)
        self._running: dict[asyncio.Task[None], Job] = {}
        self._seen = 0
        self._sweep_due = self._look_due = 0.0
        self._damage: JournalUnreadable | None = None
        self.ended = Counter[State]({state: 0 for state in State if state.ended})
        """Runs that are over since the start, by the state they ended in."""
        self._called = asyncio.Event()
        self._places = Places(at_once, freed=self._called.set)
        handling.done = self._places.free
        self._stopping = False

    def wake(self) -> None:
        """Look at the journal now: something was accepted."""
        self._look_due = 0.0
        self._called.set()

    @property
    def running(self) -> int:
        """How many events are being handled."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many events wait for a place, or for their next attempt."""
        return len(self._queues)

    async def run(self) -> None:
        """Take up what an earlier process left, then everything that is accepted.

        A journal that cannot be read now is looked at again; what runs is not disturbed.
        Raises `JournalUnreadable` when it is damaged.
        """
        loop = asyncio.get_running_loop()
        self._tick()
        while not self._stopping:
            self._called.clear()
            try:
                if loop.time() >= self._sweep_due:
                    self._sweep()
                    self._sweep_due = loop.time() + _SWEEP
                if loop.time() >= self._look_due:
                    self._look()
                    self._look_due = loop.time() + _SAFETY_LOOK
            except JournalUnavailable as error:
                log.warning("%s; looked at again in %g s", error, _SAFETY_LOOK)
            self._start()
            await self._called.wait()
            if self._damage is not None:
                raise self._damage

    def _tick(self) -> None:
        """Call ourselves from time to time, although nobody else does."""
        self._called.set()
        if not self._stopping:
            asyncio.get_running_loop().call_later(_SAFETY_LOOK, self._tick)

    async def stop(self, grace: float) -> None:
        """Start nothing more, wait *grace* seconds for what runs, then interrupt it."""
        self._stopping = True
        self._called.set()
        tasks = set(self._running)
        if tasks:
            log.info("waiting up to %.0f s for %d running events", grace, len(tasks))
            await asyncio.wait(tasks, timeout=grace)
        self._handling.stop()
        while self._running:  # again and again: a run may be between two scripts
            for job in tuple(self._running.values()):
                for runner in set(self._runners.values()):
                    await runner.cancel(job.run)
            await asyncio.wait(set(self._running), timeout=_CANCEL_PAUSE)

    async def cancel(self, run: str, reason: str) -> bool:
        """End a run that is not over; False when it is. Its scripts get their grace.

        A run that waits, for its turn or its next attempt, is ended at once and answered: that
        starts no script, so it needs no place. Raises `JournalUnavailable`.
        """
        self._look()
        asked = False
        deadline = asyncio.get_running_loop().time() + _CANCEL_SECONDS
        while True:
            job = self._queues.withdraw(run)
            if job is None and not self._is_running(run):
                self._handling.forget(run)
                return asked
            asked = True
            self._handling.cancel(run, reason)
            if job is not None:
                self._launch(job)
                return True
            found = [await runner.cancel(run) for runner in set(self._runners.values())]
            if any(found) or asyncio.get_running_loop().time() >= deadline:
                return True
            await asyncio.sleep(_CANCEL_PAUSE)  # it is between two steps

    def _is_running(self, run: str) -> bool:
        return any(job.run == run for job in self._running.values())

    def _sweep(self) -> None:
        """Take up what an earlier process left, and what a fault of ours made nobody's."""
        known = {*self._queues.runs(), *(job.run for job in self._running.values())}
        for run, accepted, attempts in self._journal.abandoned():
            if run.id not in known:
                go = partial(self._handling.resume, run, accepted, attempts)
                if run.started_at is not None and not attempts:
                    go = partial(self._end_unknown, run, accepted)
                project = accepted.belonging.project
                self._queues.put(Job(seq=accepted.seq, run=run.id, project=project, go=go))
        self._seen = 0
        self._look(known)

    def _look(self, known: Collection[str] = ()) -> None:
        """Note down what has been accepted since the last look; a place in a queue is small."""
        while page := self._journal.waiting(after=self._seen, limit=_PAGE):
            for waiting in page:
                if waiting.run not in known:
                    go = partial(self._take_up, waiting.seq)
                    job = Job(seq=waiting.seq, run=waiting.run, project=waiting.project, go=go)
                    self._queues.put(job)
            self._seen = page[-1].seq
            if len(page) < _PAGE:
                break

    def _start(self) -> None:
        while self._places.left and not self._stopping and self._has_room():
            job = self._queues.next(self._places.by_project)
            if job is None:
                return
            self._launch(job)

    def _launch(self, job: Job) -> None:
        task = asyncio.create_task(self._do(job))
        self._running[task] = job
        self._places.take(job.run, job.project)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        run = self._running.pop(task).run
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a fault of ours; the event is taken up again", exc_info=error)
            self._sweep_due = asyncio.get_running_loop().time() + _SWEEP_AFTER_FAULT
        self._places.free(run)
        self._called.set()

    async def _take_up(self, seq: int) -> Handled | None:
        """Handle an event from its beginning; None when the journal has closed its run itself."""
        try:
            accepted = self._journal.accepted(seq)
        except JournalUnreadable as error:
            log.error("%s", error, extra={"seq": seq})  # noqa: TRY400  # the sentence says it all
            return None
        return await self._handling.handle(accepted)

    async def _do(self, job: Job) -> None:
        """Handle one event; a fault of ours ends it as errored instead of leaving it for ever."""
        try:
            handled = await job.go()
        except JournalUnavailable as error:
            log.warning("%s; the event is taken up again", error, extra={"run": job.run})
            self._queues.put_later(_JOURNAL_PAUSE, job)
            return
        except JournalUnreadable as error:  # nothing can be remembered: the next start salvages
            self._damage = error
            self._called.set()
            return
        except Exception:
            log.exception("a fault of ours; the event ends as errored", extra={"run": job.run})
            handled = await self._break_off(job)
        if handled is None:
            return
        run = handled.run
        log.info(
            "%s: %s%s",
            run.type,
            run.state,
            f" ({run.reason})" if run.reason else "",
            extra={"run": run.id, "event": run.event_id, "state": run.state},
        )
        if run.ended_at is not None:
            self.ended[run.state] += 1
            self._handling.forget(run.id)
        if handled.again is not None:
            self._queues.put_later(handled.again.seconds, replace(job, go=handled.again.go))

    async def _break_off(self, job: Job) -> Handled:
        reason = "internal error of generic-executor-service; see its log"
        run = await self._handling.break_off(self._journal.accepted(job.seq), reason)
        return Handled(run=run)

    async def _end_unknown(self, run: Run, accepted: Accepted) -> Handled:
        """End a run of which is known that scripts were started, and not which."""
        return Handled(run=await self._handling.break_off(accepted, run.reason or _LOST))
