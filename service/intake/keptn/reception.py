"""Events that we fetch ourselves are written down as those that are brought.

`nats` and `polling` hand over the bytes of one event. Nobody waits for an answer, so what
cannot be taken now is tried again here, and what can never be taken is said in the log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from service.errors import ContentConflict, NeverAgain, TryAgainLater
from service.event import Acceptance, Event, read_event
from service.intake.keptn.subscriptions import Subscription
from service.intake.tally import Tally
from service.keptn_events import Belonging, belonging_of
from service.ports import Clock, Inbox
from service.runs import Arrival, Receipt, new_run_id
from service.strict_json import parse

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0

_log = logging.getLogger(__name__)


class Reception:
    """Takes events one by one, any number at a time.

    *arrived* is told how many new events were written down; it must not block. *sender* is
    the name of the way they come, for log and record; *tally* counts what is on disk.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        sender: str,
        accept: Acceptance,
        default: Belonging,
        clock: Clock,
        arrived: Callable[[int], None],
        tally: Tally,
    ) -> None:
        self._inbox = inbox
        self._sender = sender
        self._acceptance = accept
        self._default = default
        self._clock = clock
        self._arrived = arrived
        self._tally = tally

    async def take(self, body: bytes, subscriptions: Sequence[Subscription]) -> None:
        """Return when the event is on disk, or will never be: not meant for us, or no event.

        Any one of *subscriptions* is enough. While the journal is full or away this waits.
        """
        try:
            arrival = self._read(body)
            if any(one.wants(arrival.event.type, arrival.belonging) for one in subscriptions):
                receipt = await self._written(arrival)
                self._welcome(arrival.event, receipt)
        except ContentConflict as error:
            _log.warning("an event was dropped: %s", error, extra={"sender": self._sender})
        except NeverAgain as error:
            extra = {"sender": self._sender, "bytes": len(body)}
            _log.warning("what came is no event for us: %s", error, extra=extra)

    def _read(self, body: bytes) -> Arrival:
        now = self._clock.now()
        event = read_event(parse(body), accept=self._acceptance, now=now, raw=body)
        return Arrival(
            run=new_run_id(now),
            event=event,
            belonging=belonging_of(event, self._default),
            at=now,
            sender=self._sender,
        )

    async def _written(self, arrival: Arrival) -> Receipt:
        pause = _FIRST_PAUSE
        while True:
            try:
                return (await self._inbox.accept([arrival]))[0]
            except TryAgainLater as error:
                extra = {"event": arrival.event.id, "sender": self._sender}
                _log.warning("an event waits at the door: %s", error, extra=extra)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _welcome(self, event: Event, receipt: Receipt) -> None:
        self._tally.fetched(duplicate=receipt.duplicate)
        if receipt.duplicate:
            return  # open events are seen at every look, subscriptions overlap: not worth a line
        self._arrived(1)
        extra = {"run": receipt.run, "event": event.id, "sender": self._sender}
        _log.info("%s accepted, runs next", event.type, extra=extra)
