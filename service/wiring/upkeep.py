"""What the processes do beside their work: forget, make room, resend.

Each file of the journal is kept by the process that writes it, see `journal.upkeep`.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from sqlite3 import Connection

from service.config.settings import Settings
from service.delivery.courier import NO_SINK
from service.delivery.outbox import Outbox
from service.errors import JournalUnavailable
from service.journal.dead_letters import last_dead, revive, revive_some
from service.journal.inbox import SqliteInbox
from service.journal.record import SqliteRecord
from service.journal.resend_orders import EVERY, ResendOrders
from service.journal.reserve import Reserve
from service.journal.retention import InboxRetention, Keeping, RecordRetention
from service.journal.upkeep import SteadyTime, keep_up
from service.runs import Outgoing
from service.wiring.parts import SystemClock

log = logging.getLogger(__name__)

_FORGETTING = 60.0
_MAKING_ROOM = 5.0
_LOOKING = 1.0


class Resender:
    """Sends dead letters after all."""

    def __init__(self, journal: SqliteRecord, outbox: Outbox) -> None:
        self._journal = journal
        self._outbox = outbox

    async def resend(self, event_id: str) -> int:
        """Send one event, or `EVERY` one; return how many. Raises `JournalUnavailable`."""
        if event_id != EVERY:
            return await self._offer(partial(revive, event_id=event_id))
        up_to = await self._journal.maintain(last_dead)
        total = 0
        while count := await self._offer(partial(revive_some, up_to=up_to)):
            total += count
        return total

    async def carry_out(self, orders: ResendOrders) -> None:
        """Carry out the orders that wait."""
        for order in orders.waiting():
            count = await self.resend(order.event)
            order.carried_out()
            log.info(
                "%d dead letters are sent again, as ordered", count, extra={"event": order.event}
            )

    async def _offer(self, work: Callable[[Connection], Sequence[Outgoing]]) -> int:
        revived = await self._journal.maintain(work)
        self._outbox.offer(revived)
        return len(revived)


def engine_upkeep(
    journal: SqliteRecord, resender: Resender, reserve: Reserve, settings: Settings
) -> list[Coroutine[None, None, None]]:
    """Return what the engine is to do beside its work, each until it is cancelled."""
    clock = SystemClock()
    retention = RecordRetention(
        keeping(settings), inbox_path=settings.state_dir / "inbox.db", now=SteadyTime(clock)
    )
    return [
        keep_up(journal.maintain, retention.step, clock=clock, every=_FORGETTING),
        _keep_room(reserve),
        _look_for_orders(resender, ResendOrders(settings.state_dir)),
    ]


def start_inbox_upkeep(
    inbox: SqliteInbox, settings: Settings, *, damaged: Callable[[], object]
) -> None:
    """Keep the inbox in a thread with an event loop of its own, as long as the process lives.

    *damaged* is called when writing has met damage in the file.
    """

    async def upkeep() -> None:
        watching = asyncio.create_task(_look_for_damage(inbox, damaged))
        await inbox_upkeep(inbox, settings)
        await watching

    def run() -> None:
        try:
            asyncio.run(upkeep())
        except Exception:
            log.exception("nothing is forgotten any more until the next start")

    threading.Thread(target=run, name="inbox-upkeep", daemon=True).start()


async def inbox_upkeep(inbox: SqliteInbox, settings: Settings) -> None:
    """Keep the inbox until this is cancelled."""
    clock = SystemClock()
    retention = InboxRetention(
        keeping(settings), record_path=settings.state_dir / "record.db", now=SteadyTime(clock)
    )
    await keep_up(inbox.maintain, retention.step, clock=clock, every=_FORGETTING)


def keeping(settings: Settings) -> Keeping:
    """Return how much is kept."""
    return Keeping(
        age=timedelta(seconds=settings.keep_runs),
        size=settings.keep_size,
        duplicates=timedelta(seconds=settings.duplicate_window),
        no_loss=NO_SINK,
    )


async def _keep_room(reserve: Reserve) -> None:
    while True:
        if not reserve.held and reserve.take():
            log.warning(
                "the disk has room again: new events are taken", extra={"alarm": "disk-room"}
            )
        await asyncio.sleep(_MAKING_ROOM)


async def _look_for_damage(inbox: SqliteInbox, damaged: Callable[[], object]) -> None:
    while not inbox.damaged:
        await asyncio.sleep(_LOOKING)
    damaged()


async def _look_for_orders(resender: Resender, orders: ResendOrders) -> None:
    while True:
        try:
            await resender.carry_out(orders)
        except JournalUnavailable as error:
            log.warning("dead letters are sent later: %s", error)
        await asyncio.sleep(_LOOKING)
