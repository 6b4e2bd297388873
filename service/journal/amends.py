"""What stands in the place of runs that cannot be read, in a salvaged record.

A run of which nothing is known ends `interrupted`. If we have said `started` for it and not
`finished`, it stays open without attempts: the worker ends it with the answer that is due.
For the same reason no attempt that was open is started again, and an outgoing event whose
run is lost gets one, so that it is delivered.
"""

from dataclasses import replace
from datetime import datetime

from service.journal.fresh import Fresh
from service.journal.rows import ATTEMPT, RUN, attempt_of, attempt_row, checksum_of, run_row
from service.runs import Attempt, Run
from service.states import State

LOST = "the record of this run was damaged; what its scripts did is unknown"

_KINDS = "SELECT kind FROM outgoing WHERE run = ? AND seq >= ?"
_ORPHANS = (
    "SELECT run, min(type), min(context), min(created_at) FROM outgoing"
    " WHERE state <> 'sent' AND run NOT IN (SELECT id FROM run) GROUP BY run"
)
_DROP_ORPHANS = "DELETE FROM outgoing WHERE run NOT IN (SELECT id FROM run)"
_BEGUN = "SELECT id FROM run WHERE open = 1 AND started_at IS NOT NULL"
_ATTEMPTS = f"SELECT {ATTEMPT} FROM attempt WHERE run = ? ORDER BY position, number"
_OPEN = {State.QUEUED, State.RUNNING}


def replace_run(fresh: Fresh, run: Run, *, certain_from: int, now: datetime) -> None:
    """Write a run for an event that had one which cannot be read.

    From position *certain_from* on no outgoing event is missing: only there it is known that
    we have not said `finished`, and saying it twice would be worse than not saying it.
    """
    kinds = {kind for (kind,) in fresh.database.execute(_KINDS, (run.id, certain_from))}
    if "started" in kinds and "finished" not in kinds:
        owing = replace(run, state=State.RUNNING, reason=LOST, started_at=run.accepted_at)
        _put(fresh, owing)
    else:
        _put(fresh, replace(run, state=State.INTERRUPTED, reason=LOST, ended_at=now))


def adopt_orphans(fresh: Fresh, *, now: datetime) -> None:
    """Give events that are still to be sent a run when theirs is lost; drop the others."""
    for run, type_, context, created in fresh.database.execute(_ORPHANS).fetchall():
        _put(
            fresh,
            Run(
                id=run,
                seq=min(0, fresh.number("SELECT min(seq) FROM run")) - 1,
                event_id="",
                source="",
                type=type_,
                context=context,
                project="",
                stage="",
                service="",
                state=State.INTERRUPTED,
                reason=LOST,
                accepted_at=datetime.fromisoformat(created),
                ended_at=now,
            ),
        )
    fresh.database.execute(_DROP_ORPHANS)


def end_attempts(fresh: Fresh, *, now: datetime) -> None:
    """End the attempts of open runs: what is missing beside them nobody knows."""
    for (run,) in fresh.database.execute(_BEGUN).fetchall():
        rows = fresh.database.execute(_ATTEMPTS, (run,)).fetchall()
        attempts = [attempt_of(row) for row in rows]
        doubtful = [attempt for attempt in attempts if attempt.state in _OPEN]
        if not doubtful and fresh.lost["attempt"]:
            doubtful = attempts[-1:]
        for attempt in doubtful:
            _end(fresh, run, replace(attempt, state=State.INTERRUPTED, message=LOST, ended_at=now))


def _put(fresh: Fresh, run: Run) -> None:
    row = (*run_row(run), int(run.ended_at is None))
    if fresh.put("run", f"{RUN}, open, checksum", (*row, checksum_of(row))):
        fresh.kept["run"] -= 1


def _end(fresh: Fresh, run: str, attempt: Attempt) -> None:
    row = attempt_row(run, attempt)
    fresh.database.execute(
        "UPDATE attempt SET state = ?, message = ?, ended_at = ?, checksum = ?"
        " WHERE run = ? AND position = ? AND number = ?",
        (row[8], row[16], row[10], checksum_of(row), *row[:3]),
    )
