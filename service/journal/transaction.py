"""One commit: pieces of work together, none of them at the mercy of another.

`committer` decides when there is one and what follows when it fails; its thread calls this.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from service.errors import JournalUnavailable
from service.journal.database import (
    FOREIGN_ERRORS,
    error_code,
    is_damage,
    translated,
    write_nothing,
)
from service.journal.joint import Joint
from service.journal.replies import Result

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class Stroke:
    work: Work[Any]
    future: asyncio.Future[Any]


class _Lost(Exception):
    """The whole transaction fails with a piece of work."""


class Transaction:
    """What is written in one commit on the one connection that writes."""

    def __init__(self, connection: sqlite3.Connection, *, path: Path) -> None:
        self.probing = False
        """Whether to write although there may be nothing, to see whether it can be done."""
        self._connection = connection
        self._path = path

    def roll_back(self) -> None:
        """Leave nothing of a commit that failed."""
        with suppress(*FOREIGN_ERRORS):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def write(self, lazy: Sequence[Work[object]], strokes: Sequence[Stroke]) -> list[Result]:
        """Commit all; what a stroke raised stands in its result.

        Work is done a second time when any of it fails. Raises what stops the whole commit;
        `roll_back` before the next one.
        """
        self._begin()
        try:
            self._do(lazy)
            values = self._do([stroke.work for stroke in strokes])
            results = [
                Result(stroke.future, value) for stroke, value in zip(strokes, values, strict=True)
            ]
        except Exception:  # noqa: BLE001  # rare; made once more, to see which one it was
            self.roll_back()
            self._begin()
            results = self._write_apart(lazy, strokes)
        self._connection.execute("COMMIT")
        return results

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        if self.probing:
            write_nothing(self._connection)

    def _do(self, works: Sequence[Work[Any]]) -> list[Any]:
        """Do all work, in order, that of one kind together; return what came of each."""
        values: list[Any] = []
        for kind, group in groupby(works, key=type):
            if issubclass(kind, Joint):
                values += kind.together(self._connection, list(group))
            else:
                values += [work(self._connection) for work in group]
        return values

    def _write_apart(self, lazy: Sequence[Work[object]], strokes: Sequence[Stroke]) -> list[Result]:
        """Write so that a piece of work that fails takes none of the others with it."""
        for work in lazy:
            _, error = self._attempt(work)
            if error is not None:
                _log.warning("a mark was not written to %s: %s", self._path, error)
        results = []
        for stroke in strokes:
            value, error = self._attempt(stroke.work)
            results.append(Result(stroke.future, value, error))
        return results

    def _attempt(self, work: Work[Any]) -> tuple[Any, Exception | None]:
        """Do one piece of work so that its failure leaves nothing behind."""
        execute = self._connection.execute
        execute("SAVEPOINT work")
        try:
            value = work(self._connection)
        except Exception as error:  # handed to whoever submitted the work
            whole = is_damage(error) or error_code(error) in {
                sqlite3.SQLITE_FULL,
                sqlite3.SQLITE_IOERR,
            }
            if whole or not self._connection.in_transaction:
                raise _Lost from error
            execute("ROLLBACK TO work")
            execute("RELEASE work")
            return None, self.told(error)
        execute("RELEASE work")
        return value, None

    def told(self, error: Exception) -> Exception:
        """Return what the caller is told, a new exception for each."""
        cause = error.__cause__ if isinstance(error, _Lost) else error
        if isinstance(cause, FOREIGN_ERRORS):
            told: Exception = translated(cause, self._path)
        elif cause is error:
            return error
        else:
            told = JournalUnavailable(f"{self._path} cannot be used now: {cause}")
        told.__cause__ = cause
        return told
