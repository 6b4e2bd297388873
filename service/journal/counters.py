"""How many rows of `record.db` are in which state, told without counting.

Whoever writes rows says in the same transaction what that changes; for rows that are deleted
triggers do. A salvaged file is counted anew.
"""

import sqlite3
from collections.abc import Mapping

from service.journal.statements import COUNT

_NOUGHT = "UPDATE counter SET value = 0 WHERE name <> 'cursor'"
_BY_STATE = "UPDATE counter SET value = n FROM"
_BY_STATE += " (SELECT state, count(*) AS n FROM {} GROUP BY state) WHERE name = state"
_BY_OPENNESS = "UPDATE counter SET value = (SELECT count(*) FROM run WHERE open = ?) WHERE name = ?"


def count(database: sqlite3.Connection, changes: Mapping[str, int]) -> None:
    """Add to counters."""
    COUNT.write(database, [(name, change) for name, change in changes.items() if change])


def moved(database: sqlite3.Connection, number: int, *, before: str, after: str) -> None:
    """Count rows that have changed their state."""
    if number > 0:
        COUNT.write(database, ((before, -number), (after, number)))


def recount(database: sqlite3.Connection) -> None:
    """Set every counter but the cursor to what is there; reads all rows."""
    database.execute(_NOUGHT)
    database.execute(_BY_STATE.format("run"))
    database.execute(_BY_STATE.format("outgoing"))
    database.executemany(_BY_OPENNESS, [(1, "open"), (0, "settled")])
