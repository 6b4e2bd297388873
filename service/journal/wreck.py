"""A damaged file of the journal, read as far as it can be.

`salvage` takes rows from it. A page that cannot be read hides the rows on it: reading goes
on behind them. When nothing at all can be read, the first page is taken from a new file
with the same tables, in a copy; the damaged file is never written to.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Self

from service.journal.database import FOREIGN_ERRORS, connect, open_for_writing
from service.journal.rows import Row
from service.journal.schema import Schema
from service.journal.write_ahead_log import lost_commits, write_believable

_PAGE_SIZE = 4096
_LARGEST = 2**62
_MANY = 500
_TRIES = 3


class Wreck:
    """Rows of a damaged file; use as a context."""

    def __init__(self, path: Path, schema: Schema, *, select: str) -> None:
        """*select* is one for `rows`; what it finds tells whether the file can be read."""
        self._path = path
        self._schema = schema
        self._select = select
        self._closing = ExitStack()
        self._database: sqlite3.Connection
        self.readable = False
        """Whether there may be something in it; an empty file can be read, too."""

    def __enter__(self) -> Self:
        ways = [self._as_it_is, self._with_new_first_page, self._with_old_first_page]
        try:
            for opened in ways if self._path.exists() else [self._not_there]:
                self._closing.close()
                self._database = opened()
                first = self._first(self._select, 0)
                if first is None:
                    first = self._beyond(self._select, 0)
                self.readable = self.readable or first is not None
                if first:
                    break
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def rows(self, select: str, *, position: int = 0, hidden: list[range]) -> Iterator[Row]:
        """Yield the rows of *select*, which takes a position and goes on behind it in order.

        The first column is the position. What could not be read is added to *hidden*.
        """
        while True:
            rows = self._next(select, position)
            if rows is None:
                beyond = self._beyond(select, position)
                hidden.append(range(position + 1, beyond or _LARGEST))
                if beyond is None:
                    return
                position = beyond - 1
                continue
            if not rows:
                return
            yield from rows
            position = rows[-1][0]

    def some(self, select: str, *values: object) -> Sequence[Row] | None:
        """Return the rows of *select*, None when they cannot be read."""
        for _ in range(_TRIES):
            try:
                return self._database.execute(select, values).fetchall()
            except FOREIGN_ERRORS as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_IOERR:
                    break  # else it may have been a bad moment of the disk
        return None

    def _next(self, select: str, position: int) -> Sequence[Row] | None:
        """Return rows from *position* on, as few as it takes to read any."""
        for limit in (_MANY, 1):
            rows = self.some(f"{select} LIMIT {limit}", position)
            if rows is not None and _in_order(position, rows):
                return rows
        return None

    def number(self, select: str) -> int:
        """Return the count or position that *select* asks for, 0 when it cannot be one."""
        rows = self.some(select)
        value = rows[0][0] if rows else 0
        return value if isinstance(value, int) and 0 <= value < _LARGEST else 0

    def _beyond(self, select: str, position: int) -> int | None:
        """Return the first position behind a hole that can be read, None when there is none."""
        bad = good = position
        while self._first(select, good) is None:
            bad, good = good, good + max(1, (good - position) // 8)
            if good > _LARGEST:
                return None
        while good - bad > 1:
            middle = (bad + good) // 2
            if self._first(select, middle) is None:
                bad = middle
            else:
                good = middle
        return self._first(select, good) or None

    def _first(self, select: str, position: int) -> int | None:
        """Return the next position: 0 at the end, None when it cannot be read."""
        rows = self.some(f"{select} LIMIT 1", position)
        if rows is None or not _in_order(position, rows):
            return None
        return int(rows[0][0]) if rows else 0

    def _open(self, path: Path) -> sqlite3.Connection:
        database = self._closing.enter_context(closing(connect(path)))
        with suppress(*FOREIGN_ERRORS):
            database.execute("PRAGMA writable_schema = ON")  # opens a file that was cut, too
        return database

    def _not_there(self) -> sqlite3.Connection:
        return self._closing.enter_context(closing(sqlite3.connect(":memory:")))

    def _as_it_is(self) -> sqlite3.Connection:
        database = self._open(self._path)
        with suppress(*FOREIGN_ERRORS):
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if lost_commits(self._path) > 0:
                self._closing.close()
                return self._open(self._copy(lambda _: None))
        return database

    def _with_new_first_page(self) -> sqlite3.Connection:
        return self._open(self._copy(lambda copy: self._graft(copy, shrinks=True)))

    def _with_old_first_page(self) -> sqlite3.Connection:
        """Files that cannot shrink have their tables on other pages: those made as version 1."""
        return self._open(self._copy(lambda copy: self._graft(copy, shrinks=False)))

    def _copy(self, change: Callable[[Path], None]) -> Path:
        folder = self._closing.enter_context(
            tempfile.TemporaryDirectory(prefix="salvage-", dir=self._path.parent)
        )
        copy = Path(folder) / self._path.name
        shutil.copyfile(self._path, copy)
        log = Path(f"{self._path}-wal")
        if log.exists():
            write_believable(log, Path(f"{copy}-wal"))
        change(copy)
        return copy

    def _graft(self, copy: Path, *, shrinks: bool) -> None:
        """Put the first page of a new file in place of the damaged one."""
        model = copy.with_name("model")
        open_for_writing(model, self._schema, shrinks=shrinks).close()
        page = bytearray(model.read_bytes()[:_PAGE_SIZE])
        pages = copy.stat().st_size // _PAGE_SIZE
        page[28:32] = pages.to_bytes(4, "big")
        page[32:40] = bytes(8)  # no free pages are known
        with copy.open("r+b") as file:
            file.write(page)


def _in_order(position: int, rows: Sequence[Row]) -> bool:
    """Say whether the rows go up from *position*; they do in a sound file."""
    for row in rows:
        if not isinstance(row[0], int) or row[0] <= position:
            return False
        position = row[0]
    return True
