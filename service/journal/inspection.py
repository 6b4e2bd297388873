"""Is a file of the journal damaged? Asked before it is opened to write.

`care` asks at start, within a time, and `genexec repair` without. First what costs nothing:
can it be opened, has it the tables it should have. Then the structure, page by page, and
rows against their checksums, newest first: what is still to be run or sent is always looked
at. A file of another version is not damaged; opening it says what is the matter.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from service.errors import JournalUnavailable
from service.journal.database import FOREIGN_ERRORS, connect, is_damage, version_of
from service.journal.rows import Row
from service.journal.schema import Schema, inbox_schema, record_schema
from service.journal.soundness import (
    WHOLE_ACCEPTED,
    WHOLE_ATTEMPT,
    WHOLE_OUTGOING,
    WHOLE_RUN,
    accepted_is_sound,
    attempt_is_sound,
    outgoing_is_sound,
    run_is_sound,
)
from service.journal.write_ahead_log import lost_commits

_ALWAYS = 20_000
"""Rows of each kind that are looked at whatever time it takes: a full queue, and more."""
_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What was found in one file."""

    damage: tuple[str, ...] = ()
    """A sentence for each kind of damage; none for a sound file and for a missing one."""
    complete: bool = True
    """False when there was no time to look at everything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    table: str
    select: str
    is_sound: Callable[[Row], bool]


_INBOX = (
    _Rows(
        table="accepted",
        select=f"SELECT {WHOLE_ACCEPTED} FROM accepted ORDER BY seq DESC",
        is_sound=accepted_is_sound,
    ),
)
_RECORD = (
    _Rows(
        table="run",
        select=f"SELECT {WHOLE_RUN} FROM run ORDER BY seq DESC",
        is_sound=run_is_sound,
    ),
    _Rows(
        table="attempt",
        select=f"SELECT {WHOLE_ATTEMPT} FROM attempt ORDER BY run DESC",
        is_sound=attempt_is_sound,
    ),
    _Rows(
        table="outgoing",
        select=f"SELECT {WHOLE_OUTGOING} FROM outgoing ORDER BY seq DESC",
        is_sound=outgoing_is_sound,
    ),
)


def inspect_inbox(path: Path, *, seconds: float = inf) -> Inspection:
    """Look at `inbox.db`. Raises `JournalUnavailable`."""
    return _inspect(path, inbox_schema(), _INBOX, seconds)


def inspect_record(path: Path, *, seconds: float = inf) -> Inspection:
    """Look at `record.db`. Raises `JournalUnavailable`."""
    return _inspect(path, record_schema(), _RECORD, seconds)


def _inspect(path: Path, wanted: Schema, kinds: Sequence[_Rows], seconds: float) -> Inspection:
    if not path.exists() or path.stat().st_size == 0:
        return Inspection()
    deadline = time.monotonic() + seconds
    try:
        with closing(connect(path)) as database:
            version = version_of(database)
            if version > len(wanted.steps):
                return Inspection()
            if problem := _schema_problem(database, wanted, version):
                return Inspection(damage=(problem,))
            if dropped := lost_commits(path):
                return Inspection(damage=(f"{dropped} commits in its log cannot be read",))
            structure, complete = _structure(database, deadline)
            if structure or version < len(wanted.steps):
                return Inspection(damage=structure, complete=complete)
            damage = []
            for kind in kinds:
                bad, all_seen = _bad_rows(database, kind, deadline)
                complete = complete and all_seen
                damage += [f"{bad} rows of {kind.table} have a wrong checksum"] if bad else []
            return Inspection(damage=tuple(damage), complete=complete)
    except FOREIGN_ERRORS as error:
        if is_damage(error):
            return Inspection(damage=(str(error),))
        raise JournalUnavailable(f"{path} cannot be looked at now: {error}") from error


def _schema_problem(database: sqlite3.Connection, wanted: Schema, version: int) -> str:
    """Compare the tables with those of a new file of the same version."""
    ours = database.execute("PRAGMA application_id").fetchone()[0] == wanted.application_id
    there = dict(database.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    with closing(sqlite3.connect(":memory:")) as new:
        for step in wanted.steps[:version]:
            new.executescript(step)
        expected = dict(new.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    there = {name: sql for name, sql in there.items() if not name.startswith("sqlite_stat")}
    if version and not ours and not there.keys() & expected.keys():
        return ""  # of another program; it is not opened, and not touched
    return "" if there == expected and ours >= bool(version) else "its head is not as it was"


def _structure(database: sqlite3.Connection, deadline: float) -> tuple[tuple[str, ...], bool]:
    try:
        with _interrupted_at(database, deadline):
            said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return (), False
    return () if said == "ok" else (" ".join(said.split())[:200],), True


@contextmanager
def _interrupted_at(database: sqlite3.Connection, deadline: float) -> Iterator[None]:
    if deadline == inf:
        yield
        return
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), database.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _bad_rows(database: sqlite3.Connection, kind: _Rows, deadline: float) -> tuple[int, bool]:
    """Return how many rows have a wrong checksum, and whether all were seen."""
    rows = database.execute(kind.select)
    seen = bad = 0
    while page := rows.fetchmany(_PAGE):
        seen += len(page)
        bad += sum(not kind.is_sound(row) for row in page)
        if seen >= _ALWAYS and time.monotonic() >= deadline:
            return bad, False
    return bad, True
