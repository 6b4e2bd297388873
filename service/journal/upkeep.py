"""Doing what is due again and again, without getting in anybody's way.

The engine and the web process have one `Upkeep` each. Work on a file is done in steps on the
thread that commits; between two steps there is a pause in which nine times as much can be
done for events. Age is measured from the start by the clock that never jumps: a wrong clock
must not make everything old at once.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from service.errors import JournalUnavailable
from service.ports import Clock

_PAUSE = 0.02
_SHARE = 9

log = logging.getLogger(__name__)

Step = Callable[[sqlite3.Connection], bool]
Maintain = Callable[[Step], Awaitable[bool]]


class SteadyTime:
    """The wall-clock time as it goes on from now, whoever sets the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._counted = clock.monotonic()

    def __call__(self) -> datetime:
        return self._began + timedelta(seconds=self._clock.monotonic() - self._counted)


async def keep_up(maintain: Maintain, step: Step, *, clock: Clock, every: float) -> None:
    """Have *step* done until it says there is no more, each *every* seconds, until cancelled."""
    while True:
        await clock.sleep(every)
        try:
            await _go_through(maintain, step, clock)
        except JournalUnavailable as error:
            log.debug("upkeep goes on later: %s", error)


async def _go_through(maintain: Maintain, step: Step, clock: Clock) -> None:
    more = True
    while more:
        began = clock.monotonic()
        more = await maintain(step)
        await clock.sleep(max(_PAUSE, _SHARE * (clock.monotonic() - began)))
