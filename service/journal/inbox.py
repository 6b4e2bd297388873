"""The inbox: an event is written down here before its sender gets an answer.

Intake calls `accept`, from one process only; the engine and the readers open the file for
reading. An event that is still to be run counts against the queue limit; how many are
over is written in `record.db`, which belongs to the engine, see `record`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from service.errors import ContentConflict, JournalUnavailable, QueueFull
from service.journal.committer import Committer
from service.journal.database import exists, open_for_reading, open_for_writing, translating
from service.journal.joint import Insertion, Joint
from service.journal.reserve import Reserve
from service.journal.rows import ACCEPTED, Row, arrival_row
from service.journal.schema import inbox_schema, record_schema
from service.journal.transaction import T, Work
from service.runs import Arrival, Receipt

_INSERT = Insertion("accepted", ACCEPTED)
_KNOWN = "SELECT run, digest FROM accepted WHERE id = ? AND source = ?"
_ADD = "UPDATE counter SET value = value + ? WHERE name = 'accepted' RETURNING value"
_SETTLED = "SELECT value FROM counter WHERE name = 'settled'"


class SqliteInbox:
    """Implements `ports.Inbox` with a SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        record_path: Path,
        queue_limit: int,
        reserve: Reserve | None = None,
    ) -> None:
        """Open *path*, made when it does not exist.

        *queue_limit* is the largest number of accepted events that are not over; without its
        *reserve* none is taken. Raises `JournalUnavailable` or `JournalUnreadable`.
        """
        self._path = path
        self._record_path = record_path
        self._queue_limit = queue_limit
        self._reserve = reserve
        self._settled = 0
        self._record: sqlite3.Connection | None = None
        connection = open_for_writing(path, inbox_schema())
        try:
            with translating(path):
                _continue_after(connection, record_path)
        except BaseException:
            connection.close()
            raise
        self._committer = Committer(connection, path=path)

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Receipt]:
        """Write all of *arrivals* down, or none; see `ports.Inbox`."""
        if self._reserve is not None and not self._reserve.held:
            raise JournalUnavailable("the disk is full; send the event again later")
        rows = [arrival_row(arrival, arrival.event.digest()) for arrival in arrivals]
        return await self._committer.submit(_Acceptance(rows, self._write, self._is_full))

    @property
    def trouble(self) -> str:
        """Why events cannot be taken at present; empty when they can."""
        if self._reserve is not None and not self._reserve.held:
            return "the disk is full"
        return self._committer.trouble

    @property
    def damaged(self) -> bool:
        """Whether writing has met damage in the file."""
        return self._committer.damaged

    async def maintain(self, step: Work[T]) -> T:
        """Have a piece of upkeep done between two commits; return what it returned."""
        return await self._committer.submit(step)

    def close(self) -> None:
        """Write what is under way and close the file."""
        self._committer.close()
        if self._record is not None:
            self._record.close()

    def _write(self, database: sqlite3.Connection, rows: Sequence[Row]) -> list[Receipt]:
        receipts = [self._write_one(database, row) for row in rows]
        added = sum(not receipt.duplicate for receipt in receipts)
        if added and self._is_full(_counted(database, added)):
            raise QueueFull
        return receipts

    def _write_one(self, database: sqlite3.Connection, row: Row) -> Receipt:
        run, id_, source, digest = row[:4]
        known = database.execute(_KNOWN, (id_, source)).fetchone()
        if known is None:
            _INSERT.write(database, [row])
            return Receipt(run=run)
        first, digest_of_first = known
        if digest != digest_of_first:
            raise ContentConflict(
                f"the event {id_!r} of {source!r} was accepted before with other content"
            )
        return Receipt(run=first, duplicate=True)

    def _is_full(self, accepted: int) -> bool:
        """What is over only grows: it is read again only when it matters."""
        if accepted - self._settled > self._queue_limit:
            self._settled = self._read_settled()
        return accepted - self._settled > self._queue_limit

    def _read_settled(self) -> int:
        if self._record is None:
            if not exists(self._record_path, record_schema()):
                return 0
            self._record = open_for_reading(self._record_path, record_schema())
        with translating(self._record_path):
            return int(self._record.execute(_SETTLED).fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Acceptance(Joint):
    """What one sender waits for. Events that are all new are written together."""

    rows: Sequence[Row]
    alone: Callable[[sqlite3.Connection, Sequence[Row]], Sequence[Receipt]]
    is_full: Callable[[int], bool]

    def __call__(self, database: sqlite3.Connection) -> Sequence[Receipt]:
        """Write it by itself; it may be known."""
        return self.alone(database, self.rows)

    @classmethod
    def together(
        cls, database: sqlite3.Connection, works: Sequence["_Acceptance"]
    ) -> Sequence[Sequence[Receipt]]:
        """See `Joint`. Raises when one of the events is known, or there is no room for all."""
        rows = [row for work in works for row in work.rows]
        if _INSERT.write(database, rows) and works[0].is_full(_counted(database, len(rows))):
            raise QueueFull
        return [[Receipt(run=row[0]) for row in work.rows] for work in works]


def _counted(database: sqlite3.Connection, added: int) -> int:
    """Count more events; return how many there were ever."""
    ((total,),) = database.execute(_ADD, (added,)).fetchall()
    return int(total)


def _continue_after(connection: sqlite3.Connection, record_path: Path) -> None:
    """Let a new inbox count on where a lost one ended.

    Otherwise its events would be taken for those of the record that had their numbers.
    """
    if connection.execute("SELECT 1 FROM sqlite_sequence").fetchone():
        return
    if not exists(record_path, record_schema()):
        return
    with closing(open_for_reading(record_path, record_schema())) as record:
        last, counted = record.execute(
            "SELECT max(ifnull((SELECT max(seq) FROM run), 0),"
            " (SELECT value FROM counter WHERE name = 'cursor')),"
            " (SELECT sum(value) FROM counter WHERE name IN ('settled', 'open'))"
        ).fetchone()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('accepted', ?)", (last,))
    _counted(connection, counted)
    connection.execute("COMMIT")
