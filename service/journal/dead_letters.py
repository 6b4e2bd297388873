"""Events are given up, and sent after all: `pending`, with the same id.

`record` has an event buried when it cannot be delivered. The engine has letters sent after
all for `genexec resend`; without a running service the command does it itself. The event goes
to the end of its line, behind what was created since.
"""

import sqlite3
from collections.abc import Sequence

from service.journal.counters import moved
from service.journal.rows import delivery_of
from service.journal.statements import ALL_DEAD, BURY, LAST_DEAD, ONE_DEAD, REVIVE
from service.runs import Outgoing

_STEP = 500


def bury(database: sqlite3.Connection, event_id: str, error: str) -> None:
    """Make a pending event a dead letter; this counts as an attempt."""
    number = database.execute(BURY, (error, event_id)).rowcount
    moved(database, number, before="pending", after="dead")


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
    number = len(revived)
    moved(database, number, before="dead", after="pending")
    return revived
