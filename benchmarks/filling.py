"""A record of many finished runs, made from a few real ones by copying their rows.

The service has really run the first ones; copies differ in their ids, contexts and numbers
only. Whatever columns and indexes the schema has are copied as they are.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from service.journal.rows import stored_checksum

_MARKED = {
    "accepted": ("run", "id", "context"),
    "run": ("id", "event_id", "context"),
    "attempt": ("run",),
    "output": ("run",),
    "outgoing": ("id", "run", "context"),
}
"""Columns that get the number of the copy at their end."""
_UNCHECKED = ("run", "attempt")
"""Tables whose rows are believed when they have no checksum."""
_DOCUMENT = """replace(document, '"' || id || '"', '"' || id || '-' || k || '"')"""
_CHECKSUM = f"stored_checksum(run || '-' || k, project, stage, service, {_DOCUMENT}, beside)"


def multiply(state_dir: Path, *, runs: int) -> int:
    """Copy the finished runs of a stopped service until there are *runs*; return how many."""
    with closing(_open(state_dir / "inbox.db")) as inbox:
        existing = int(inbox.execute("SELECT count(*) FROM accepted").fetchone()[0])
        copies = max(0, runs // existing - 1)
        _copy(inbox, ("accepted",), copies)
        _add(inbox, {"accepted": copies * existing})
        _close(inbox)
    with closing(_open(state_dir / "record.db")) as record:
        sent = record.execute("SELECT count(*) FROM outgoing").fetchone()[0]
        _copy(record, ("run", "attempt", "output", "outgoing"), copies)
        more = copies * existing
        _add(record, {"settled": more, "passed": more, "cursor": more, "sent": copies * sent})
        _close(record)
    return existing * (copies + 1)


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.create_function("stored_checksum", 6, stored_checksum, deterministic=True)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    return connection


def _close(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA optimize")
    connection.execute("PRAGMA journal_mode = WAL")


def _copy(connection: sqlite3.Connection, tables: tuple[str, ...], copies: int) -> None:
    """Copy all rows *copies* times; indexes and triggers are away meanwhile."""
    aside = connection.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in aside:
        connection.execute(f"DROP {kind} {name}")
    connection.execute("BEGIN")
    for table in tables:
        _copy_table(connection, table, copies)
    for _, _, statement in aside:
        connection.execute(statement)
    connection.execute("COMMIT")


def _copy_table(connection: sqlite3.Connection, table: str, copies: int) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    quoted = ", ".join(f'"{column}"' for column in columns)
    connection.execute(f"CREATE TEMP TABLE pattern AS SELECT * FROM {table}")
    values = ", ".join(_value(table, column) for column in columns)
    connection.execute(
        f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < ?)"
        f" INSERT INTO {table} ({quoted}) SELECT {values}"
        " FROM n CROSS JOIN pattern WHERE k <= ?",
        (copies, copies),
    )
    connection.execute("DROP TABLE pattern")


def _value(table: str, column: str) -> str:
    """Return the expression for one column of copy number k."""
    if column == "seq":
        return "seq + k * (SELECT max(seq) FROM pattern)"
    if column in _MARKED[table]:
        return f"{column} || '-' || k"
    if column == "checksum" and table == "accepted":
        return _CHECKSUM
    if column == "document":
        return _DOCUMENT
    if column == "checksum" and table in _UNCHECKED:
        return "NULL"
    return f'"{column}"'


def _add(connection: sqlite3.Connection, more: Mapping[str, int]) -> None:
    for name, value in more.items():
        connection.execute("UPDATE counter SET value = value + ? WHERE name = ?", (value, name))
