"""The record: what became of every event, and what is still to be sent.

The engine writes it, from one process only, in strokes that are on disk when they
return; `handling` decides what is in a stroke. Asking is done on connections of its own,
which never wait for a commit. People and programs ask through `reading`.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from service.errors import JournalUnreadable
from service.event import Event
from service.journal.accepted import AcceptedEvents
from service.journal.committer import Committer
from service.journal.database import open_for_reading, open_for_writing, translating
from service.journal.dead_letters import bury
from service.journal.pending import PendingEvents
from service.journal.reserve import Reserve
from service.journal.rows import written
from service.journal.schema import record_schema
from service.journal.soundness import sound_attempt, sound_run
from service.journal.statements import (
    ATTEMPTED,
    ATTEMPTS_WITH_OUTPUT,
    BEGUN,
    CURSOR,
    FOLLOWED,
    NEWEST,
    OPEN,
    OURS,
)
from service.journal.strokes import RunStroke, SentMark, advance_cursor
from service.journal.transaction import T, Work
from service.ports import Clock
from service.runs import Accepted, Attempt, Delivery, Outgoing, Run, Waiting
from service.states import State

_log = logging.getLogger(__name__)


class SqliteRecord:
    """Implements `ports.Journal` with two SQLite files, of which it writes one."""

    def __init__(
        self,
        path: Path,
        *,
        inbox_path: Path,
        clock: Clock,
        own_source: str = "generic-executor-service",
        reserve: Reserve | None = None,
    ) -> None:
        """Open *path*, made when it does not exist; the inbox may come into being later.

        *own_source* is the `source` of the events we send; *reserve* is given up when the
        disk is full. Raises `JournalUnavailable` or
        `JournalUnreadable`.
        """
        self._path = path
        self._clock = clock
        self._own_source = own_source
        self._closing = ExitStack()
        self._inbox = AcceptedEvents(inbox_path)
        connection = open_for_writing(path, record_schema())
        self._committer = Committer(connection, path=path, reserve=reserve)
        self._closing.callback(self._committer.close)  # last: it tidies up the file
        self._closing.callback(self._inbox.close)
        try:
            self._reads = open_for_reading(path, record_schema())
            with translating(path):
                (self._newest,) = self._reads.execute(NEWEST).fetchone()
        except BaseException:
            self.close()
            raise
        self._closing.callback(self._reads.close)
        self._pending = PendingEvents(self._reads, path=path, bury=self._bury_lazily)

    def close(self) -> None:
        """Write what was handed in and close the files."""
        self._closing.close()

    @property
    def trouble(self) -> str:
        """Why nothing can be written down at present; empty when it can."""
        return self._committer.trouble

    async def maintain(self, step: Work[T]) -> T:
        """Have a piece of upkeep done between two commits; return what it returned."""
        return await self._committer.submit(step)

    def waiting(self, *, after: int, limit: int) -> Sequence[Waiting]:
        """Return what was accepted after position *after* and has no run yet."""
        found: list[Waiting] = []
        if after >= self._newest:  # the cursor is not beyond, and none of these has a run
            rows = self._inbox.after(after, limit)
            if not rows or rows[0].seq == after + 1:
                return rows
        with translating(self._path):
            mark = self._reads.execute(CURSOR).fetchone()[0]
            position = max(after, mark)
            while len(found) < limit:
                rows = self._inbox.after(position, limit)
                if not rows:
                    break
                position = rows[-1].seq
                begun = self._begun(rows[0].seq, position)
                found += [waiting for waiting in rows if waiting.seq not in begun]
        if after <= mark:
            self._close_gap(mark, found[0].seq - 1 if found else position)
        return found[:limit]

    def accepted(self, seq: int) -> Accepted:
        """Return the accepted event at position *seq*.

        Raises `JournalUnreadable` when it is damaged or missing also at a second look; its run
        then ends `errored`. `JournalUnavailable` says to come again.
        """
        try:
            return self._inbox.event(seq)
        except JournalUnreadable as error:
            _log.error("%s", error)  # the sentence says it all
            for run in self._inbox.unseen(seq):
                self._write_off(run, State.ERRORED, str(error))
            raise

    def abandoned(self) -> Sequence[tuple[Run, Accepted, Sequence[Attempt]]]:
        """Return runs that are not over, with their attempts and the outputs of these.

        A run whose event is damaged or missing cannot be taken up; it ends `interrupted`.
        Raises `JournalUnreadable` when what is written of a run is damaged.
        """
        found = []
        with translating(self._path):
            for row in self._reads.execute(OPEN).fetchall():
                run = sound_run(row)
                try:
                    accepted = self._inbox.event(run.seq)
                except JournalUnreadable as error:
                    _log.error("%s", error)  # the sentence says it all
                    self._write_off(run, State.INTERRUPTED, str(error))
                    continue
                attempts = self._reads.execute(ATTEMPTS_WITH_OUTPUT, (run.id,)).fetchall()
                found.append((run, accepted, [sound_attempt(line) for line in attempts]))
        return found

    async def ignore(self, run: Run) -> None:
        """Remember that nothing is to be done for this event, and why."""
        await self.end(run, (), ())

    async def hold(self, run: Run) -> None:
        """Remember that the scripts could not be looked up; for good when it has an end."""
        await self.end(run, (), ())

    async def begin(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        """Remember what is about to run and the `started` event; see `ports.Journal`."""
        await self.end(run, attempts, outgoing)

    async def end(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        """Remember how it went and the events that say so, in one stroke.

        What comes after a run is over belongs to an older attempt and is discarded; an
        outgoing event that is known keeps its first body. A stroke may be repeated.
        """
        self._newest = max(self._newest, run.seq)
        await self._committer.submit(RunStroke(run, attempts, outgoing))

    def hops(self, event: Event) -> int | None:
        """Return how many of our events led to *event*; see `ports.Journal`.

        An id of ours that was rewritten on the way is told by what else the event says.
        """
        if event.source != self._own_source:
            return 0
        with translating(self._path):
            ours = self._reads.execute(OURS, (event.id,)).fetchone()
            if ours is not None:
                kind, hops = ours
                return int(hops) if kind == "follow-up" else None
            if event.type.endswith((".started", ".finished")):
                return None
            triggered = event.extension("triggeredid")
            if triggered and self._inbox.knows(triggered):
                return None
            return int(self._reads.execute(FOLLOWED, (event.context,)).fetchone()[0])

    def pending(self, *, after: int, limit: int) -> Sequence[tuple[int, Delivery]]:
        """Return outgoing events still to be sent, with their positions, oldest first.

        An event marked a moment ago may still be listed: go on *after* the last position.
        One whose body is damaged moves to the dead letters.
        """
        return self._pending.page(after=after, limit=limit)

    def outgoing(self, event_id: str) -> Outgoing | None:
        """Return an outgoing event still to be sent, None when it is not to be sent any more.

        One whose body is damaged moves to the dead letters.
        """
        delivery = self._pending.one(event_id)
        return delivery.outgoing if delivery is not None else None

    def sent(self, ids: Sequence[str]) -> None:
        """Remember deliveries with the next commit."""
        self._committer.submit_lazily(SentMark(written(self._clock.now()), ids))

    def attempted(self, event_id: str, *, error: str) -> None:
        """Remember a delivery attempt that failed with the next commit."""
        self._committer.submit_lazily(
            lambda database: database.execute(ATTEMPTED, (error, event_id))
        )

    async def bury(self, event_id: str, *, error: str) -> None:
        """Move an outgoing event to the dead letters; this counts as an attempt."""
        await self._committer.submit(lambda database: bury(database, event_id, error))

    def _bury_lazily(self, event_id: str, error: str) -> None:
        self._committer.submit_lazily(lambda database: bury(database, event_id, error))

    def _write_off(self, run: Run, state: State, reason: str) -> None:
        over = replace(run, state=state, reason=reason, ended_at=self._clock.now())
        self._newest = max(self._newest, run.seq)
        self._committer.submit_lazily(RunStroke(over, (), ()))

    def _begun(self, first: int, last: int) -> set[int]:
        return {seq for (seq,) in self._reads.execute(BEGUN, (first, last))}

    def _close_gap(self, mark: int, position: int) -> None:
        """Positions the inbox has lost never get a run; the cursor must not wait for them."""
        if position > mark:
            self._newest = max(self._newest, position)
            self._committer.submit_lazily(lambda database: advance_cursor(database, position))
