"""Events that were given up are sent after all: `pending`, with the same id.

The engine has this done for `genexec resend`; without a running service the command does it
itself. The event goes to the end of its line, behind what was created since.
"""

import sqlite3
from collections.abc import Sequence

from service.journal.rows import delivery_of
from service.journal.statements import ALL_DEAD, LAST_DEAD, ONE_DEAD, REVIVE
from service.runs import Outgoing

_STEP = 500


def revive(database: sqlite3.Connection, event_id: str) -> Sequence[Outgoing]:
    """Make one event `pending`; return it, or nothing when it is no dead letter."""
    return _revived(database, database.execute(ONE_DEAD, (event_id,)).fetchall())


def last_dead(database: sqlite3.Connection) -> int:
    """Return the position of the newest dead letter, 0 when there is none."""
    row = database.execute(LAST_DEAD).fetchone()
    return int(row[0]) if row else 0


def revive_some(database: sqlite3.Connection, *, up_to: int) -> Sequence[Outgoing]:
    """Make the oldest dead letters up to a position `pending`; return them."""
    return _revived(database, database.execute(ALL_DEAD, (up_to, _STEP)).fetchall())


def _revived(database: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> list[Outgoing]:
    """What was damaged cannot be sent; it stays where it is."""
    revived = []
    for position, *row in rows:
        delivery = delivery_of(row)
        if delivery.outgoing.body:
            database.execute(REVIVE, (position,))
            revived.append(delivery.outgoing)
    return revived
