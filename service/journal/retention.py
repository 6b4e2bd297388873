"""What is old is forgotten, in small steps, and its room given back.

`upkeep` has the steps done between two commits: those of `record.db` in the engine, those of
`inbox.db` in the web process. Runs go by age, or earlier, oldest first, when both files
together are too large. Never deleted: what is not over, an event that is still to be sent,
a dead letter that is not old. Of an accepted event the content goes first; its identity
stays for the time in which a duplicate is recognised, whatever its size.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from service.journal.database import exists, open_for_reading, used_bytes
from service.journal.rows import Row, forgotten_checksum, written
from service.journal.schema import Schema, inbox_schema, record_schema

RUNS = (
    "SELECT seq, id, accepted_at, open FROM run WHERE seq > ?"
    " AND seq <= (SELECT value FROM counter WHERE name = 'cursor') ORDER BY seq LIMIT ?"
)
HELD = (
    "SELECT 1 FROM outgoing WHERE run = ? AND (state = 'pending'"
    " OR (state = 'dead' AND created_at >= ? AND last_error <> ?)) LIMIT 1"
)
DELETE_RUN = "DELETE FROM run WHERE seq = ?"
SETTLED_UP_TO = (
    "SELECT min((SELECT value FROM counter WHERE name = 'cursor'),"
    " ifnull((SELECT seq FROM run WHERE open = 1 ORDER BY seq LIMIT 1) - 1, 1 << 62))"
)
WHOLE = (
    "SELECT seq, run, id, source, accepted_at FROM accepted WHERE seq <= ?"
    " AND seq > (SELECT value FROM counter WHERE name = 'forgotten') ORDER BY seq LIMIT ?"
)
FORGET = (
    "UPDATE accepted SET type = '', context = '', project = '', stage = '', service = '',"
    " sender = '', document = '', beside = '', checksum = ? WHERE seq = ?"
)
SET_FORGOTTEN = "UPDATE counter SET value = ? WHERE name = 'forgotten'"
IDENTITIES = (
    "SELECT seq, accepted_at FROM accepted"
    " WHERE seq <= (SELECT value FROM counter WHERE name = 'forgotten') ORDER BY seq LIMIT ?"
)
DELETE_IDENTITY = "DELETE FROM accepted WHERE seq = ?"

_MOST = 500
_FEWEST = 10
_SECONDS = 0.02
"""What one step should take: whoever commits meanwhile waits as long."""
_FIRST = -(2**62)
_PAGES = 100
_SLACK = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """How long and how much is kept."""

    age: timedelta
    size: int
    """Bytes of both files together."""
    duplicates: timedelta
    """How long the identity of an event is remembered."""
    no_loss: str = ""
    """The reason of dead letters that nobody misses: they were never to be sent."""


class _Steps:
    """Work on one file whose steps take about the same time, whatever the rows are like."""

    def __init__(
        self, keeping: Keeping, *, other: Path, other_schema: Schema, now: Callable[[], datetime]
    ) -> None:
        """*other* is the file whose size counts, too."""
        self._keeping = keeping
        self._other = other
        self._other_schema = other_schema
        self._now = now
        self._rows = _FEWEST

    def _adapt(self, took: float) -> None:
        fitting = int(self._rows * _SECONDS / max(took, 1e-4))
        self._rows = max(_FEWEST, min(_MOST, fitting, 2 * self._rows))

    def _too_large(self, database: sqlite3.Connection) -> bool:
        """Each file may have what the other one leaves, and at least half."""
        size = self._keeping.size
        own = used_bytes(database)
        if own <= size // 2:
            return False
        if not exists(self._other, self._other_schema):
            return own > size
        with closing(open_for_reading(self._other, self._other_schema)) as other:
            return own > max(size // 2, size - used_bytes(other))


class RecordRetention(_Steps):
    """Deletes old runs; written by the engine."""

    def __init__(self, keeping: Keeping, *, inbox_path: Path, now: Callable[[], datetime]) -> None:
        super().__init__(keeping, other=inbox_path, other_schema=inbox_schema(), now=now)
        self._after = _FIRST

    def step(self, database: sqlite3.Connection) -> bool:
        """Do a little in the open transaction; say whether there is more to do."""
        began = time.monotonic()
        before = written(self._now() - self._keeping.age)
        too_large = self._too_large(database)
        rows = database.execute(RUNS, (self._after, self._rows)).fetchall()
        due = [row for row in rows if too_large or row[2] < before]
        for seq, id_, _, open_ in due:
            held = (id_, before, self._keeping.no_loss)
            if not open_ and database.execute(HELD, held).fetchone() is None:
                database.execute(DELETE_RUN, (seq,))
        more = bool(due) and len(due) == len(rows)
        self._after = due[-1][0] if more else _FIRST  # what is held is passed by once a round
        if due:
            self._adapt(time.monotonic() - began)
        return give_back(database) or more


class InboxRetention(_Steps):
    """Forgets the content, then the identity of events that are over; written by intake."""

    def __init__(self, keeping: Keeping, *, record_path: Path, now: Callable[[], datetime]) -> None:
        super().__init__(keeping, other=record_path, other_schema=record_schema(), now=now)

    def step(self, database: sqlite3.Connection) -> bool:
        """Do a little in the open transaction; say whether there is more to do."""
        began = time.monotonic()
        forgotten = self._forget(database)
        deleted = self._delete(database)
        if forgotten or deleted:
            self._adapt(time.monotonic() - began)
        return give_back(database) or forgotten or deleted

    def _forget(self, database: sqlite3.Connection) -> bool:
        before = written(self._now() - self._keeping.age)
        too_large = self._too_large(database)
        rows = database.execute(WHOLE, (self._settled_up_to(), self._rows)).fetchall()
        due = [row for row in rows if too_large or row[4] < before]
        database.executemany(FORGET, map(_nothing_but_identity, due))
        if due:
            database.execute(SET_FORGOTTEN, (due[-1][0],))
        return bool(due)

    def _delete(self, database: sqlite3.Connection) -> bool:
        before = written(self._now() - self._keeping.duplicates)
        rows = database.execute(IDENTITIES, (self._rows,)).fetchall()
        due = [(seq,) for seq, accepted_at in rows if accepted_at < before]
        database.executemany(DELETE_IDENTITY, due)
        return bool(due)

    def _settled_up_to(self) -> int:
        """Return the position up to which every event is over."""
        if not exists(self._other, self._other_schema):
            return 0
        with closing(open_for_reading(self._other, self._other_schema)) as record:
            return int(record.execute(SETTLED_UP_TO).fetchone()[0])


def give_back(database: sqlite3.Connection) -> bool:
    """Return some free pages to the disk; say whether there are more that are not needed."""
    ask = database.execute
    pages, free, mode = (
        int(ask(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "auto_vacuum")
    )
    unneeded = free - max(_SLACK, pages // 10)
    if mode != 2 or unneeded <= 0:
        return False
    for _ in range(min(unneeded, _PAGES)):
        ask("PRAGMA incremental_vacuum(1)")  # Python's sqlite3 takes one step of it only
    return unneeded > _PAGES


def _nothing_but_identity(row: Row) -> Row:
    seq, run, event_id, source, _ = row
    return forgotten_checksum(run, event_id, source), seq
