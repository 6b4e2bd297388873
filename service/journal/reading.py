"""The journal as people and programs see it: nothing is changed here.

`api` and `cli` ask, from any thread; the service may be running or not, and either file may
be missing. Every question opens the files anew, so that it sees one that was just made or
replaced. Runs that are accepted only stand in the inbox and are added to those of the record.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.errors import JournalUnreadable, UnknownRun
from service.event import Event
from service.journal.database import open_for_reading, translating
from service.journal.finding import LOOKED_AT, Visible, run_beginning
from service.journal.rows import (
    ACCEPTED_BACK,
    ATTEMPT,
    DELIVERY,
    RUN,
    UNSEEN,
    Row,
    accepted_of,
    attempt_of,
    delivery_of,
    run_of,
    unseen_run,
)
from service.journal.schema import Schema, inbox_schema, record_schema
from service.journal.statements import CURSOR
from service.runs import Attempt, Delivery, Run
from service.states import OutgoingState, State
from service.times import time_string

COUNTERS = "SELECT name, value FROM counter"
EVENT_OF = f"SELECT sender, {ACCEPTED_BACK} FROM accepted WHERE run = ?"
ATTEMPTS = f"SELECT {ATTEMPT} FROM attempt WHERE run = ? ORDER BY position, number"
DELIVERIES = f"SELECT {DELIVERY} FROM outgoing WHERE run = ? ORDER BY seq"
OUTPUT = (
    "SELECT o.content FROM attempt AS a LEFT JOIN output AS o"
    " ON o.run = a.run AND o.position = a.position AND o.number = a.number"
    " WHERE a.run = ? AND a.position = ? AND a.number = ?"
)
DEAD = f"SELECT {DELIVERY} FROM outgoing WHERE state = 'dead' ORDER BY seq DESC LIMIT ?"
NEWEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDetail:
    """Everything that is known about one run."""

    run: Run
    event: Event
    """As it was accepted; only its attributes, with a warning, when it cannot be read."""
    sender: str
    attempts: tuple[Attempt, ...]
    """Without their outputs, see `Reader.output`."""
    deliveries: tuple[Delivery, ...]


class Reader:
    """Reads the journal of a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._inbox = state_dir / "inbox.db"
        self._record = state_dir / "record.db"

    def runs(
        self,
        *,
        limit: int,
        before: int | None = None,
        state: State | None = None,
        project: str | None = None,
        stage: str | None = None,
        service: str | None = None,
        type_: str | None = None,
        context: str | None = None,
    ) -> Sequence[Run]:
        """Return at most *limit* runs, newest first, of a `seq` below *before*."""
        wanted = {"project": project, "stage": stage, "service": service, "type": type_}
        wanted["context"] = context
        conditions = {name: value for name, value in wanted.items() if value is not None}
        below = NEWEST if before is None else before
        unseen: list[Run] = []
        with (
            self._open(self._inbox, inbox_schema()) as inbox,
            self._open(self._record, record_schema()) as record,
        ):
            cursor = record.execute(CURSOR).fetchone()[0]
            if state in (None, State.ACCEPTED):
                columns = {"seq > ?": cursor, "seq < ?": below}
                rows = _select("accepted", UNSEEN, columns, conditions, inbox)
                unseen = [unseen_run(row) for row in _unbegun(rows, record, limit)]
            if state is State.ACCEPTED:
                return unseen
            if state is not None:
                conditions["state"] = state.value
            rows = _select("run", RUN, {"seq < ?": below}, conditions, record)
            begun = [run_of(row) for row in rows.fetchmany(limit)]
        both = {run.seq: run for run in (*unseen, *begun)}
        return sorted(both.values(), key=lambda run: run.seq, reverse=True)[:limit]

    def run(self, id_or_prefix: str, *, visible: Visible = lambda _: True) -> RunDetail:
        """Return the run whose id begins like this, or the newest for the word `last`.

        Only runs of projects that are *visible* exist. Raises `UnknownRun` when there is none,
        or when there are several: it names some.
        """
        run = self._find(id_or_prefix.lower(), visible)
        with self._open(self._inbox, inbox_schema()) as inbox:
            row = inbox.execute(EVENT_OF, (run.id,)).fetchone()
        with self._open(self._record, record_schema()) as record:
            attempts = record.execute(ATTEMPTS, (run.id,)).fetchall()
            deliveries = record.execute(DELIVERIES, (run.id,)).fetchall()
        event = _event(run, "the event is no longer in the inbox")
        if row is not None:
            try:
                event = accepted_of(row[1:]).event
            except JournalUnreadable as error:
                event = _event(run, str(error))
        return RunDetail(
            run=run,
            event=event,
            sender="" if row is None else row[0],
            attempts=tuple(attempt_of(line) for line in attempts),
            deliveries=tuple(delivery_of(line) for line in deliveries),
        )

    def output(self, run_id: str, position: int, number: int) -> bytes:
        """Return the masked output of one attempt, empty when it has none.

        Raises `UnknownRun` when there is no such attempt.
        """
        with self._open(self._record, record_schema()) as record:
            found = record.execute(OUTPUT, (run_id, position, number)).fetchone()
        if found is None:
            raise UnknownRun(f"run {run_id} has no attempt {number} of script {position}")
        return bytes(found[0] or b"")

    def dead_letters(self, limit: int) -> Sequence[Delivery]:
        """Return the outgoing events that were given up, newest first."""
        with self._open(self._record, record_schema()) as record:
            return [delivery_of(row) for row in record.execute(DEAD, (limit,))]

    def counts(self) -> Mapping[str, int]:
        """Return how many runs are in which state; costs the same however many there are."""
        total, counters = self._counters()
        counts = {state.value: counters.get(state, 0) for state in State}
        counts[State.ACCEPTED] = max(0, total - counters["settled"] - counters["open"])
        return counts

    def outgoing_counts(self) -> Mapping[str, int]:
        """Return how many outgoing events are in which state."""
        _, counters = self._counters()
        return {state.value: counters[state] for state in OutgoingState}

    def open_events(self) -> int:
        """Return how many accepted events are not over: what the queue limit is about."""
        total, counters = self._counters()
        return max(0, total - counters["settled"])

    def _counters(self) -> tuple[int, dict[str, int]]:
        with self._open(self._inbox, inbox_schema()) as inbox:
            total = dict(inbox.execute(COUNTERS).fetchall())["accepted"]
        with self._open(self._record, record_schema()) as record:
            return total, dict(record.execute(COUNTERS).fetchall())

    def _find(self, text: str, visible: Visible) -> Run:
        if text == "last":
            newest = (run for limit in (1, LOOKED_AT) for run in self.runs(limit=limit))
            if run := next((run for run in newest if visible(run.project)), None):
                return run
            raise UnknownRun("there are no runs yet")
        with (
            self._open(self._inbox, inbox_schema()) as inbox,
            self._open(self._record, record_schema()) as record,
        ):
            return run_beginning(text, visible, inbox=inbox, record=record)

    @contextmanager
    def _open(self, path: Path, wanted: Schema) -> Iterator[sqlite3.Connection]:
        with translating(path), closing(open_for_reading(path, wanted)) as connection:
            yield connection


def page(table: str, columns: str, bounds: Sequence[str], names: Sequence[str]) -> str:
    """Return the statement that lists rows of a table of runs, newest first."""
    conditions = " AND ".join([*bounds, *(f"{name} = ?" for name in names)])
    return f"SELECT {columns} FROM {table} WHERE {conditions} ORDER BY seq DESC"


def _select(
    table: str,
    columns: str,
    bounds: Mapping[str, int],
    conditions: Mapping[str, str],
    connection: sqlite3.Connection,
) -> sqlite3.Cursor:
    statement = page(table, columns, tuple(bounds), tuple(conditions))
    return connection.execute(statement, (*bounds.values(), *conditions.values()))


def _unbegun(rows: sqlite3.Cursor, record: sqlite3.Connection, limit: int) -> Iterator[Row]:
    """Yield at most *limit* of the inbox *rows*, those without a run in the record."""
    for row in rows:
        if limit <= 0:
            return
        if record.execute("SELECT 1 FROM run WHERE seq = ?", (row[1],)).fetchone() is None:
            limit -= 1
            yield row


def _event(run: Run, warning: str) -> Event:
    """Return as much of an event as its run remembers."""
    attributes = {"id": run.event_id, "source": run.source, "type": run.type}
    extensions = {"shkeptncontext": run.context} if run.context else {}
    return Event(
        specversion="1.0",
        time=run.accepted_at,
        time_text=time_string(run.accepted_at),
        data=None,
        extensions=extensions,
        document={"specversion": "1.0", **attributes, **extensions},
        warnings=(warning,),
        **attributes,
    )
