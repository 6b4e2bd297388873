"""How full the journal is and how long its oldest entries wait.

Asked at every scrape of the metrics, from any thread, with the service running or not. It
costs the same with one run and with a million: counters, and the first row of an index.
"""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from service.figures import JournalFigures
from service.journal.database import open_for_reading, translating
from service.journal.schema import inbox_schema, record_schema
from service.journal.statements import CURSOR
from service.states import OutgoingState, State

_FILES = ("inbox.db", "inbox.db-wal", "record.db", "record.db-wal")

COUNTERS = "SELECT name, value FROM counter"
OLDEST_OPEN = "SELECT accepted_at FROM run WHERE open = 1 ORDER BY seq LIMIT 1"
OLDEST_PENDING = "SELECT created_at FROM outgoing WHERE state = 'pending' ORDER BY seq LIMIT 1"
UNBEGUN = "SELECT seq, accepted_at FROM accepted WHERE seq > ? ORDER BY seq LIMIT 100"
"""More than one only where the inbox has lost events, until the cursor has passed them."""
BEGUN = "SELECT 1 FROM run WHERE seq = ?"


class Standing:
    """Looks at the journal of a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def figures(self) -> JournalFigures:
        """Return how it stands. Raises `JournalUnavailable` or `JournalUnreadable`."""
        inbox_path, record_path = self._state_dir / "inbox.db", self._state_dir / "record.db"
        with (
            translating(inbox_path),
            closing(open_for_reading(inbox_path, inbox_schema())) as inbox,
            translating(record_path),
            closing(open_for_reading(record_path, record_schema())) as record,
        ):
            accepted = dict(inbox.execute(COUNTERS).fetchall())["accepted"]
            counters = dict(record.execute(COUNTERS).fetchall())
            runs = {state.value: counters.get(state, 0) for state in State}
            runs[State.ACCEPTED.value] = max(0, accepted - counters["settled"] - counters["open"])
            return JournalFigures(
                runs=runs,
                outgoing={state.value: counters[state] for state in OutgoingState},
                unfinished=max(0, accepted - counters["settled"]),
                oldest_unfinished=_oldest_unfinished(inbox, record),
                oldest_pending=_first_time(record, OLDEST_PENDING),
                size=sum(map(_size, (self._state_dir / name for name in _FILES))),
            )


def _oldest_unfinished(inbox: sqlite3.Connection, record: sqlite3.Connection) -> datetime | None:
    times = [_first_time(record, OLDEST_OPEN)]
    cursor = record.execute(CURSOR).fetchone()[0]
    for seq, at in inbox.execute(UNBEGUN, (cursor,)):
        if record.execute(BEGUN, (seq,)).fetchone() is None:
            times.append(datetime.fromisoformat(at))
            break
    return min((time for time in times if time is not None), default=None)


def _first_time(record: sqlite3.Connection, statement: str) -> datetime | None:
    row = record.execute(statement).fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it comes and goes
        return 0
