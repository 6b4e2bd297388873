"""Deliveries are written down in batches: a lost mark means sending again.

`outbox` adds an id per event that the sink took. A journal that cannot be written now is
asked again with the next batch.
"""

import asyncio
import logging

from service.errors import JournalUnavailable
from service.ports import Journal

log = logging.getLogger(__name__)

_BATCH = 100
_WAIT = 0.05


class SentMarks:
    """Collects ids of delivered events for at most 50 ms, or until there are a hundred."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ids: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event_id: str) -> None:
        """Note that this event was taken by the sink; called in the loop."""
        self._ids.append(event_id)
        if len(self._ids) >= _BATCH:
            self.write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WAIT, self.write)

    def write(self) -> None:
        """Hand what was collected to the journal."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._ids:
            return
        try:
            self._journal.sent(tuple(self._ids))
        except JournalUnavailable as error:
            log.warning("deliveries not written down yet, with the next ones: %s", error)
        else:
            self._ids.clear()
