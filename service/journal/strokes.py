"""Strokes of the record: a run, its attempts, its events; and what was sent.

`record` hands these to its committer; they are written inside a transaction, those of one
commit together.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from service.journal.counters import count, moved
from service.journal.joint import Joint
from service.journal.rows import Row, attempt_row, checksum_of, outgoing_row, run_row
from service.journal.statements import (
    CURSOR,
    KNOWN,
    NEXT,
    SENT,
    WRITE_ATTEMPT,
    WRITE_OUTGOING,
    WRITE_OUTPUT,
    WRITE_RUN,
)
from service.runs import Attempt, Outgoing, Run

_STEP = 500
_NEW = ("", 1)


@dataclass(frozen=True, slots=True)
class RunStroke(Joint):
    """It is written all, unless the run is over already: then nothing of it."""

    run: Run
    attempts: Sequence[Attempt]
    outgoing: Sequence[Outgoing]

    @classmethod
    def together(cls, database: sqlite3.Connection, works: Sequence["RunStroke"]) -> Sequence[None]:
        """See `Joint`. A run that comes twice is written twice, in order."""
        group: dict[str, RunStroke] = {}
        for work in works:
            if work.run.id in group:
                _write(database, group)
                group = {}
            group[work.run.id] = work
        _write(database, group)
        return [None] * len(works)


@dataclass(frozen=True, slots=True)
class SentMark(Joint):
    """Events were taken by the sink."""

    at: str
    ids: Sequence[str]

    @classmethod
    def together(cls, database: sqlite3.Connection, works: Sequence["SentMark"]) -> Sequence[None]:
        """See `Joint`."""
        marks = [(work.at, id_) for work in works for id_ in work.ids]
        number = database.executemany(SENT, marks).rowcount
        moved(database, number, before="pending", after="sent")
        return [None] * len(works)


def advance_cursor(database: sqlite3.Connection, position: int) -> None:
    """Set the cursor to *position* and on, over all that have a run without a gap."""
    cursor = database.execute(CURSOR).fetchone()[0]
    if position > cursor:
        count(database, {"cursor": _followed(database, position) - cursor})


def _write(database: sqlite3.Connection, strokes: dict[str, RunStroke]) -> None:
    seqs = [stroke.run.seq for stroke in strokes.values()]
    known = {id_: (state, open_) for id_, state, open_ in KNOWN.rows(database, seqs)}
    changes: dict[str, int] = {}
    runs: list[Row] = []
    attempts: list[Row] = []
    outputs: list[Row] = []
    outgoing: list[Row] = []
    new: list[int] = []
    for id_, stroke in strokes.items():
        before, was_open = known.get(id_, _NEW)
        if not was_open:
            continue
        run = stroke.run
        over = run.ended_at is not None or run.state.ended
        runs.append(_summed((*run_row(run), int(not over))))
        _count_run(changes, before, run.state.value, over=over)
        if not before:
            new.append(run.seq)
        for attempt in stroke.attempts:
            attempts.append(_summed(attempt_row(id_, attempt)))
            if attempt.output:
                outputs.append((id_, attempt.position, attempt.number, attempt.output))
        outgoing += map(outgoing_row, stroke.outgoing)
    WRITE_RUN.write(database, runs)
    WRITE_ATTEMPT.write(database, attempts)
    WRITE_OUTPUT.write(database, outputs)
    changes["pending"] = WRITE_OUTGOING.write(database, outgoing)
    if new:
        changes["cursor"] = _progress(database, new)
    count(database, changes)


def _count_run(changes: dict[str, int], before: str, after: str, *, over: bool) -> None:
    get = changes.get
    if before:
        changes[before] = get(before, 0) - 1
        changes["open"] = get("open", 0) - 1
    changes[after] = get(after, 0) + 1
    now = "settled" if over else "open"
    changes[now] = get(now, 0) + 1


def _progress(database: sqlite3.Connection, new: Sequence[int]) -> int:
    """Return by how much the cursor moves now that there are runs at these positions."""
    cursor = database.execute(CURSOR).fetchone()[0]
    return _followed(database, cursor) - cursor if cursor + 1 in new else 0


def _followed(database: sqlite3.Connection, position: int) -> int:
    """Return the last of the positions after *position* that have a run without a gap."""
    more = True
    while more:
        following = database.execute(NEXT, (position, _STEP)).fetchall()
        more = len(following) == _STEP
        for (seq,) in following:
            if seq != position + 1:
                return position
            position = seq
    return position


def _summed(row: Row) -> Row:
    return (*row, checksum_of(row))
