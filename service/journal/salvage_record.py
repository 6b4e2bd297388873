"""What can be read of a damaged `record.db`, in a new file.

The danger is a script that runs twice: an event whose run cannot be read must not be taken
for one that has not been run. `amends` says what stands in the place of such a run.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from service.journal.amends import adopt_orphans, end_attempts, replace_run
from service.journal.counters import recount
from service.journal.fresh import Fresh
from service.journal.rows import ATTEMPT, DELIVERY, RUN, Row, checksum_of
from service.journal.schema import record_schema
from service.journal.soundness import (
    WHOLE_ATTEMPT,
    WHOLE_OUTGOING,
    WHOLE_RUN,
    attempt_is_sound,
    outgoing_is_sound,
    run_is_sound,
)
from service.journal.wreck import Wreck
from service.runs import Run

_RUNS = f"SELECT seq, {WHOLE_RUN} FROM run WHERE seq > ? ORDER BY seq"
_ADOPTED = f"SELECT seq, {WHOLE_RUN} FROM run WHERE seq < 0"
_OUTGOING = f"SELECT {WHOLE_OUTGOING} FROM outgoing WHERE seq > ? ORDER BY seq"
_ATTEMPTS = f"SELECT {WHOLE_ATTEMPT} FROM attempt WHERE run = ?"
_OUTPUTS = "SELECT rowid, run, position, number, content FROM output WHERE rowid > ? ORDER BY rowid"
_OUTPUT_TYPES = (str, int, int, bytes)
_OF_ATTEMPT = "SELECT 1 FROM attempt WHERE run = ? AND position = ? AND number = ?"
_LOST_EVENT = "the stored event was damaged and could not be salvaged"


@dataclass(kw_only=True, slots=True)
class _Unread:
    """Positions in the inbox of which the damaged record may have had a run."""

    begun_up_to: int
    """Every event up to this position had a run."""
    first: int
    """Runs below this position were deleted long ago."""
    bad: set[int]
    """Rows that were read and are not as they were written."""
    hidden: list[range]
    replaced: set[int] = field(default_factory=set)

    def __contains__(self, seq: int) -> bool:
        begun = self.first < seq <= self.begun_up_to or seq in self.bad
        return begun or any(seq in hole for hole in self.hidden)


def salvage_record(
    damaged: Path, fresh_path: Path, events: Iterator[Run], *, now: datetime
) -> Fresh:
    """Fill a new file at *fresh_path*; return what came of it, closed.

    *events* are all that the inbox has, as runs that nobody has looked at. The counter of
    settled runs is to be set by whoever knows the inbox.
    """
    with (
        Wreck(damaged, record_schema(), select=_RUNS) as wreck,
        Fresh(fresh_path, record_schema()) as fresh,
    ):
        fresh.readable = wreck.readable
        unread = _take_runs(wreck, fresh)
        certain_from = _take_outgoing(wreck, fresh)
        for run in events:
            if run.seq in unread and not fresh.number("SELECT 1 FROM run WHERE seq = ?", run.seq):
                replace_run(fresh, run, certain_from=certain_from, now=now)
                unread.replaced.add(run.seq)
        fresh.lost["run"] = len(unread.bad | unread.replaced)
        adopt_orphans(fresh, now=now)
        _take_attempts(wreck, fresh)
        _take_outputs(wreck, fresh)
        end_attempts(fresh, now=now)
        for name, value in wreck.some("SELECT name, value FROM meta") or ():
            fresh.tell(str(name), str(value))
        fresh.count("cursor", unread.begun_up_to)
        recount(fresh.database)
    return fresh


def _take_runs(wreck: Wreck, fresh: Fresh) -> _Unread:
    hidden: list[range] = []
    bad: set[int] = set()
    for row in chain(wreck.some(_ADOPTED) or (), wreck.rows(_RUNS, hidden=hidden)):
        if run_is_sound(row[1:]):
            *values, crc = row[1:]
            fresh.put("run", f"{RUN}, open, checksum", (*values, crc or checksum_of(values)))
        else:
            bad.add(row[0])
    cursor = wreck.number("SELECT value FROM counter WHERE name = 'cursor'")
    cursor = cursor or fresh.number("SELECT max(seq) FROM run")
    first = fresh.number("SELECT min(seq) FROM run WHERE seq > 0")
    return _Unread(begun_up_to=cursor, first=first or cursor, bad=bad, hidden=hidden)


def _take_outgoing(wreck: Wreck, fresh: Fresh) -> int:
    """Return the position from which on no event is missing.

    A damaged event is not sent; that there was one is kept.
    """
    hidden: list[range] = []
    for row in wreck.rows(_OUTGOING, hidden=hidden):
        if outgoing_is_sound(row):
            fresh.put("outgoing", f"seq, {DELIVERY}", row)
        else:
            fresh.lost["outgoing"] += 1
            if fresh.put("outgoing", f"seq, {DELIVERY}", _emptied(row)):
                fresh.kept["outgoing"] -= 1
    certain_from = hidden[-1].stop if hidden else 0
    last = fresh.number("SELECT max(seq) FROM outgoing")
    fresh.lost["outgoing"] += sum(hole.stop - hole.start for hole in hidden if hole.stop <= last)
    return certain_from


def _emptied(row: Row) -> Row:
    seq, id_, run, type_, context, kind, hops, _, created, _, state, attempts, error, at = row
    if state == "pending":
        state, error = "dead", _LOST_EVENT
    body = b""
    shown = (seq, id_, run, type_, context, kind, hops, body, created, zlib.crc32(body))
    return (*shown, state, attempts, error, at)


def _take_attempts(wreck: Wreck, fresh: Fresh) -> None:
    for (run,) in fresh.database.execute("SELECT id FROM run").fetchall():
        rows = wreck.some(_ATTEMPTS, run)
        if rows is None:
            fresh.lost["attempt"] += 1
        for row in rows or ():
            if attempt_is_sound(row):
                *values, crc = row
                whole = (*values, crc or checksum_of(values))
                fresh.put("attempt", f"{ATTEMPT}, checksum", whole)
            else:
                fresh.lost["attempt"] += 1


def _take_outputs(wreck: Wreck, fresh: Fresh) -> None:
    for _, *row in wreck.rows(_OUTPUTS, hidden=[]):
        if not all(map(isinstance, row, _OUTPUT_TYPES)):
            fresh.lost["output"] += 1
        elif fresh.number(_OF_ATTEMPT, *row[:3]):
            fresh.put("output", "run, position, number, content", row)
