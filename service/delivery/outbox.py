"""Events leave in order: one at a time per context, many contexts at once.

`handling` offers what it has just written to the journal; nothing is kept here that the
journal does not have. `run` first reads what an earlier process left. This module decides
which line's turn it is, `courier` makes the attempt. A context that waits for its next
attempt holds no place; a sink that is away for all is tested by one attempt at a time,
and the first event it takes sets everything going again.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf

from service.delivery.condition import Condition
from service.delivery.courier import Courier, Patience
from service.delivery.lines import Line, Lines
from service.errors import JournalUnavailable
from service.ports import Clock, Journal, Sender
from service.runs import Outgoing

log = logging.getLogger(__name__)

_PAGE = 500
_ROOM = 8 * 1024 * 1024
"""Bytes of bodies that are held; the others are read again when their turn comes."""
_JOURNAL_PAUSE = 5.0
_LATE_OFFERS = 5.0
"""Seconds in which an event that was read at the start may still be offered."""
_SWEEP = 60.0
"""Seconds between two looks for expired events while the sink is away."""


class Outbox:
    """Delivers each event until the sink has taken or refused it, or it is too old.

    Pauses, in seconds, double from *first_pause* to *longest_pause* and vary by half. An
    event that is older than *give_up* seconds is tried once more at most. Without a
    *sender* every event becomes a dead letter.
    """

    def __init__(
        self,
        journal: Journal,
        sender: Sender | None,
        *,
        clock: Clock,
        first_pause: float = 0.5,
        longest_pause: float = 60,
        give_up: float = 24 * 3600,
        at_once: int = 16,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._give_up = give_up
        self._at_once = at_once
        self._lines = Lines(room=_ROOM)
        self._condition = Condition(pause=first_pause)
        self._courier = Courier(
            journal,
            sender,
            clock=clock,
            lines=self._lines,
            condition=self._condition,
            patience=Patience(
                first_pause=first_pause, longest_pause=longest_pause, give_up=give_up
            ),
        )
        self._group: asyncio.TaskGroup | None = None
        self._loading = True
        self._just_read: set[str] = set()
        self._under_way = 0
        self._moved = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = inf
        self._swept = -inf

    @property
    def pending(self) -> int:
        """How many events are known to wait, those under way included."""
        return len(self._lines)

    @property
    def sent(self) -> int:
        """How many events the sink has taken since the start."""
        return self._courier.sent

    @property
    def failed(self) -> int:
        """How many attempts the sink has not answered, or has asked to repeat, since the start."""
        return self._courier.failed

    @property
    def dead(self) -> int:
        """How many events became dead letters since the start."""
        return self._courier.dead

    @property
    def oldest(self) -> float:
        """The age in seconds of the oldest waiting event; 0 when none waits."""
        born = self._lines.first_expiry - self._give_up
        return max(0.0, self._clock.monotonic() - born)

    @property
    def trouble(self) -> str:
        """Why the sink takes no events at present; empty when it does."""
        return self._condition.trouble if self._condition.down else ""

    def offer(self, outgoing: Sequence[Outgoing]) -> None:
        """Take over events that were just written to the journal, in their order.

        Called in the loop of `run`. While older events are still being read from the
        journal, these are left to that reading: they must not overtake.
        """
        if not self._loading:
            self._add(event for event in outgoing if event.id not in self._just_read)
            self._go_on()

    async def run(self) -> None:
        """Deliver what the journal has and what is offered, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._load()
        finally:
            self._group = None
            self._courier.marks.write()

    async def drain(self, seconds: float) -> None:
        """Wait until all that can go within *seconds* is gone; the rest stays pending."""
        until = self._clock.monotonic() + seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._group and self._can_move(until):
                    self._moved.clear()
                    await self._moved.wait()
        self._courier.marks.write()

    def _can_move(self, until: float) -> bool:
        going = self._loading or self._under_way > 0 or self._lines.ready > 0
        return going or self._lines.next_due <= until

    async def _load(self) -> None:
        """Read all that is pending, then wait for ever.

        Whether an event is read here or offered is settled without giving up the loop
        between the last look, which finds nothing, and the end of loading.
        """
        after, previous = 0, set[str]()
        while self._loading:
            try:
                page = self._journal.pending(after=after, limit=_PAGE)
            except JournalUnavailable as error:
                log.warning("pending events are read in %g s: %s", _JOURNAL_PAUSE, error)
                await self._clock.sleep(_JOURNAL_PAUSE)
                continue
            self._loading = bool(page)
            if page:
                after = page[-1][0]
                ids = {delivery.outgoing.id for _, delivery in page}
                self._just_read, previous = previous | ids, ids
            self._add(delivery.outgoing for _, delivery in page)
            self._go_on()
            await asyncio.sleep(0)
        self._moved.set()
        await self._clock.sleep(_LATE_OFFERS)
        self._just_read.clear()
        await asyncio.Event().wait()

    def _add(self, outgoing: Iterable[Outgoing]) -> None:
        now, moment = self._clock.now(), self._clock.monotonic()
        for event in outgoing:
            # From here on the wall clock may jump.
            age = max(0.0, (now - event.created_at).total_seconds())
            expires = moment + self._give_up - age
            self._lines.add(event.context, event.id, expires=expires, body=event.body)

    def _go_on(self) -> None:
        """Start as many attempts as can be made now, and the timer for the others."""
        if self._group is None:
            return
        now = self._clock.monotonic()
        self._lines.rise(now)
        if self._condition.shut and now >= self._swept + _SWEEP:
            self._swept = now
            self._group.create_task(self._sweep(self._lines.take_expired(now)))
        while self._lines.ready and self._has_place(now):
            self._under_way += 1
            self._group.create_task(self._deliver(self._lines.take()))
        self._set_timer(self._group)

    def _has_place(self, now: float) -> bool:
        if self._condition.shut:
            return self._under_way == 0 and now >= self._condition.test_at
        return self._under_way < self._at_once

    async def _deliver(self, line: Line) -> None:
        await self._courier.deliver(line)
        self._under_way -= 1
        self._moved.set()
        self._go_on()

    async def _sweep(self, expired: list[Line]) -> None:
        await self._courier.bury_expired(expired)
        self._go_on()

    def _set_timer(self, group: asyncio.TaskGroup) -> None:
        due = self._lines.next_due
        if self._lines.ready and self._condition.shut and self._under_way == 0:
            due = min(due, self._condition.test_at)
        if due < self._timer_due:
            if self._timer:
                self._timer.cancel()
            self._timer_due = due
            self._timer = group.create_task(self._ring(due))

    async def _ring(self, due: float) -> None:
        await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
        self._timer, self._timer_due = None, inf
        self._go_on()
