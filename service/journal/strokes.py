"""One stroke of the record: a run, its attempts, its events, or none.

`record` hands these functions to its committer; they run inside a transaction.
"""

import sqlite3
from collections.abc import Sequence

from service.journal.rows import attempt_row, checksum_of, outgoing_row, run_row
from service.journal.statements import (
    CURSOR,
    MOVE_CURSOR,
    NEXT,
    WRITE_ATTEMPT,
    WRITE_OUTGOING,
    WRITE_OUTPUT,
    WRITE_RUN,
)
from service.runs import Attempt, Outgoing, Run

_STEP = 500


def write_stroke(
    database: sqlite3.Connection,
    run: Run,
    attempts: Sequence[Attempt],
    outgoing: Sequence[Outgoing],
) -> None:
    """Write it all, unless the run is over already: then nothing of it."""
    over = run.ended_at is not None or run.state.ended
    row = (*run_row(run), int(not over))
    if database.execute(WRITE_RUN, (*row, checksum_of(row))).rowcount == 0:
        return
    for attempt in attempts:
        entry = attempt_row(run.id, attempt)
        database.execute(WRITE_ATTEMPT, (*entry, checksum_of(entry)))
        if attempt.output:
            where = (run.id, attempt.position, attempt.number)
            database.execute(WRITE_OUTPUT, (*where, attempt.output))
    for event in outgoing:
        database.execute(WRITE_OUTGOING, outgoing_row(event))
    cursor = database.execute(CURSOR).fetchone()[0]
    if run.seq == cursor + 1:
        advance_cursor(database, run.seq)


def advance_cursor(database: sqlite3.Connection, position: int) -> None:
    """Set the cursor to *position* and on, over all that have a run without a gap."""
    more = True
    while more:
        following = database.execute(NEXT, (position, _STEP)).fetchall()
        more = len(following) == _STEP
        for (seq,) in following:
            if seq != position + 1:
                more = False
                break
            position = seq
    database.execute(MOVE_CURSOR, (position, position))
