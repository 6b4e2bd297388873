"""Outgoing events that are still to be sent, and what becomes of damaged ones.

`record` asks on its reading connection, and writes down which ones have to be buried.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from service.journal.database import translating
from service.journal.rows import Row, delivery_of, is_sound
from service.journal.second_look import forget_pages, read_from_the_disk
from service.journal.statements import ONE_PENDING, PENDING
from service.runs import Delivery

DAMAGED = "the stored event is damaged"
_READINGS = 3

_log = logging.getLogger(__name__)


class PendingEvents:
    """Reads what waits for the sink; what is damaged is handed to *bury* with the reason."""

    def __init__(
        self, connection: sqlite3.Connection, *, path: Path, bury: Callable[[str, str], None]
    ) -> None:
        self._connection = connection
        self._path = path
        self._bury = bury

    def page(self, *, after: int, limit: int) -> Sequence[tuple[int, Delivery]]:
        """Return sound events with their positions, oldest first."""
        found: list[tuple[int, Delivery]] = []
        while len(found) < limit:
            rows = self._rows(PENDING, after, limit - len(found))
            if not rows:
                break
            after = rows[-1][0]
            for position, *row in rows:
                delivery = delivery_of(row) if is_sound(row) else self.one(row[0])
                if delivery is not None:
                    found.append((position, delivery))
        return found

    def one(self, event_id: str) -> Delivery | None:
        """Return an event; None when it is not to be sent, because it is damaged or else."""
        for _ in range(_READINGS):
            rows = self._rows(ONE_PENDING, event_id)
            if not rows:
                return None
            if is_sound(rows[0]):
                return delivery_of(rows[0])
            forget_pages(self._connection)  # perhaps it was a page from a bad moment
        _log.error("the outgoing event %s is damaged and is not sent", event_id)
        self._bury(event_id, DAMAGED)
        return None

    def _rows(self, statement: str, *values: int | str) -> Sequence[Row]:
        def read() -> Sequence[Row]:
            with translating(self._path):
                return self._connection.execute(statement, values).fetchall()

        return read_from_the_disk(read, forget=lambda: forget_pages(self._connection))
