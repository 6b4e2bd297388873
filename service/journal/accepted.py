"""The inbox as the record sees it: events by position, read only.

`record` asks; the file belongs to intake and may come into being later than the record.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from service.errors import JournalUnreadable
from service.journal.database import exists, open_for_reading, translating
from service.journal.rows import Row, accepted_of, unseen_run
from service.journal.schema import inbox_schema
from service.journal.second_look import forget_pages, read_from_the_disk
from service.journal.statements import ONE_ACCEPTED, ONE_UNSEEN, TRIGGERED, WAITING
from service.runs import Accepted, Run, Waiting

T = TypeVar("T")


class AcceptedEvents:
    """Reads the rows of an inbox; there are none while the file does not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def after(self, position: int, limit: int) -> Sequence[Waiting]:
        """Return the next accepted events, whether they have a run or not."""
        rows = self._read(WAITING, position, limit)
        return [Waiting(seq=seq, run=run, project=project) for seq, run, project in rows]

    def event(self, seq: int) -> Accepted:
        """Return one event. Raises `JournalUnreadable` when it is damaged or missing."""
        return self._surely(lambda: self._event(seq))

    def unseen(self, seq: int) -> Sequence[Run]:
        """Return the run of the event, without reading the event; none when it is missing."""
        return self._surely(lambda: [unseen_run(row) for row in self._read(ONE_UNSEEN, seq)])

    def knows(self, event_id: str) -> bool:
        """Say whether an event of this id, from any source, was accepted."""
        return bool(self._read(TRIGGERED, event_id))

    def _event(self, seq: int) -> Accepted:
        rows = self._read(ONE_ACCEPTED, seq)
        if not rows:
            raise JournalUnreadable(f"there is no event {seq} in {self._path}")
        return accepted_of(rows[0])

    def _surely(self, read: Callable[[], T]) -> T:
        """Return what *read* returns; see `second_look`."""
        return read_from_the_disk(read, forget=self._forget)

    def _forget(self) -> None:
        if self._connection is not None:
            forget_pages(self._connection)

    def _read(self, statement: str, *values: int | str) -> list[Row]:
        if self._connection is None:
            if not exists(self._path, inbox_schema()):
                return []
            self._connection = open_for_reading(self._path, inbox_schema())
        with translating(self._path):
            return self._connection.execute(statement, values).fetchall()
