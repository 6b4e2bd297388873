"""Work of one kind that is written together: few statements for many pieces.

`transaction` puts together what stands side by side in one commit. Each statement gives the
interpreter away and waits to get it back, so their number counts more than what they write.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any

from service.journal.rows import Row

_MOST = 16
_SIZES = (1, 2, 4, 8, _MOST)
"""Few, so that the statements of all sizes are remembered."""


class Joint(ABC):
    """A piece of work that can be written with others of its class."""

    __slots__ = ()

    def __call__(self, database: sqlite3.Connection) -> Any:  # noqa: ANN401  # as `Work`
        """Write it by itself; return what came of it."""
        return self.together(database, [self])[0]

    @classmethod
    @abstractmethod
    def together(cls, database: sqlite3.Connection, works: Sequence[Any]) -> Sequence[Any]:
        """Write all, in order; return what came of each.

        When one of them cannot be written it raises; each is then written by itself.
        """


class Insertion:
    """An INSERT of any number of rows."""

    def __init__(self, table: str, columns: str, tail: str = "", *, constants: str = "") -> None:
        """*constants* are the values of the last columns; *tail* follows the rows."""
        asked = len(columns.split(",")) - len(constants.split(",") if constants else ())
        row = f"({', '.join('?' * asked)}{constants and f', {constants}'})"
        self._by_size = {
            size: f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * size)} {tail}"
            for size in _SIZES
        }
        self.one = self._by_size[1]
        """The statement for one row."""

    def write(self, database: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Write the rows, in order; return how many were written."""
        written = at = 0
        while at < len(rows):
            size = _size(len(rows) - at)
            values = rows[at] if size == 1 else tuple(chain.from_iterable(rows[at : at + size]))
            written += database.execute(self._by_size[size], values).rowcount
            at += size
        return written


class Lookup:
    """A SELECT of one row by one value, made for any number of values."""

    def __init__(self, one: str) -> None:
        # not IN: SQLite would make a table of the values each time
        self._by_size = {size: " UNION ALL ".join([one] * size) for size in _SIZES}
        self.one = one
        """The statement for one value."""

    def rows(self, database: sqlite3.Connection, values: Sequence[int]) -> list[Any]:
        """Return the rows that are there."""
        rows: list[Any] = []
        at = 0
        while at < len(values):
            size = _size(len(values) - at)
            rows += database.execute(self._by_size[size], values[at : at + size])
            at += size
        return rows


def _size(left: int) -> int:
    return min(_MOST, 1 << left.bit_length() - 1)
