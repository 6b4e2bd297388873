"""One thread per file that commits whatever was asked for meanwhile.

Waiting for the disk is what a durable write costs, so nobody waits alone: while one
commit is under way the next batch gathers, and a little longer when many come. `inbox`
and `record` hand in pieces of work as functions of the connection; what the work does is
theirs. A thread and not the event loop, because a commit blocks for as long as the disk
takes.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from service.errors import JournalUnavailable
from service.journal.database import is_damage
from service.journal.replies import Result, deliver
from service.journal.reserve import Reserve
from service.journal.transaction import Stroke, T, Transaction, Work

LAZY_SECONDS = 0.05
"""A lazy piece of work is written at latest this long after it was handed in."""
_PAUSE_AFTER_FAILURE = 1.0
_CROWD = 3
"""Callers of one commit from which on the next one waits for company, too."""
_PERIOD = 0.002
"""Seconds from the beginning of such a commit to that of the next, at least."""
_DAMAGES = 3
_MOST_LAZY = 10_000
"""Kept for later while nothing can be written; beyond, the oldest are forgotten."""

_log = logging.getLogger(__name__)


class Committer:
    """Owns the writing connection of one file and the thread that uses it."""

    def __init__(
        self, connection: sqlite3.Connection, *, path: Path, reserve: Reserve | None = None
    ) -> None:
        """Take over *connection*; *reserve* is given up when a full disk stops a commit."""
        self._connection = connection
        self._transaction = Transaction(connection, path=path)
        self._path = path
        self._reserve = reserve
        self._queue: SimpleQueue[Stroke | None] = SimpleQueue()
        """None only wakes the thread."""
        self._lazy: deque[Work[object]] = deque(maxlen=_MOST_LAZY)
        self._due = 0.0
        self._nudged = False
        self._closing = False
        self._trouble = ""
        self._damages = 0
        """Commits that met damage, one after another."""
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name=f"commit-{path.name}", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why the last commit failed; empty when it did not, or could be made since."""
        return self._trouble

    @property
    def damaged(self) -> bool:
        """Whether commits meet damage in the file again and again: waiting does not heal it."""
        return self._damages >= _DAMAGES

    async def submit(self, work: Work[T]) -> T:
        """Return what *work* returned, once it is on disk; raise what it raised.

        Each work is all or nothing by itself. Raises `JournalUnavailable` when the commit
        failed or the journal is closed; then nothing of it may be relied on.
        """
        if self._closing:
            raise JournalUnavailable(f"{self._path} is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(Stroke(work, future))
        return await future

    def submit_lazily(self, work: Work[object]) -> None:
        """Have *work* written with the next commit, at latest after `LAZY_SECONDS`.

        It is kept for later when the commit fails, and lost when the process dies.
        """
        self._lazy.append(work)
        if not self._nudged:
            self._nudged = True
            self._due = time.monotonic() + LAZY_SECONDS
            self._queue.put(None)

    def close(self) -> None:
        """Write what was handed in, end the thread, close the connection."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
            self._thread.join()
            self._connection.close()

    def _run(self) -> None:
        while True:
            strokes = self._gather()
            closing = self._closing and self._queue.empty()
            due = time.monotonic() >= self._due
            if strokes or (self._lazy and (closing or due)) or (self._trouble and due):
                self._commit(strokes)
            if closing:
                if self._lazy:
                    _log.warning("%d marks were not written to %s", len(self._lazy), self._path)
                return

    def _gather(self) -> Sequence[Stroke]:
        """Wait for something to do, then take everything that is there."""
        waiting = self._lazy or self._trouble  # in trouble an empty commit tells when it is over
        patience = max(0.0, self._due - time.monotonic()) if waiting else None
        strokes = []
        with suppress(Empty):
            item = self._queue.get(timeout=patience)
            self._wait_for_company()
            while True:
                if item is not None:
                    strokes.append(item)
                item = self._queue.get_nowait()
        return strokes

    def _wait_for_company(self) -> None:
        """Let some callers gather when there are many: fewer commits leave more time for them.

        What a commit costs hardly depends on how much is in it. Who is alone never waits, and
        a disk that is slow makes callers gather by itself.
        """
        pause = self._not_before - time.monotonic()
        if pause > 0 and not self._closing:
            time.sleep(pause)  # of this thread; what comes meanwhile goes into the queue

    def _commit(self, strokes: Sequence[Stroke]) -> None:
        self._not_before = time.monotonic() + _PERIOD if len(strokes) >= _CROWD else 0.0
        self._nudged = False  # before they are taken: what comes now is not forgotten
        lazy = [self._lazy.popleft() for _ in range(len(self._lazy))]
        try:
            results = self._write_twice(lazy, strokes)
            self._recovered()
        except Exception as error:  # noqa: BLE001  # the thread goes on, the callers are told
            self._keep(lazy)
            self._failed(error, len(strokes))
            results = [
                Result(stroke.future, error=self._transaction.told(error)) for stroke in strokes
            ]
        deliver(results)

    def _failed(self, error: Exception, callers: int) -> None:
        cause = error.__cause__ or error
        if callers or not self._trouble:
            _log.warning(
                "commit to %s failed, %d callers are told to try again: %s",
                self._path, callers, cause,
            )  # fmt: skip
        self._damages = self._damages + 1 if is_damage(cause) else 0
        self._trouble = f"{self._path.name} cannot be written: {cause}"

    def _recovered(self) -> None:
        self._damages = 0
        if self._trouble:
            _log.warning("%s can be written again", self._path)
            self._trouble = ""

    def _keep(self, lazy: Sequence[Work[object]]) -> None:
        """Put back what was not written, to be tried again after a pause."""
        room = _MOST_LAZY - len(self._lazy)
        self._lazy.extendleft(reversed(lazy[max(0, len(lazy) - room) :]))
        self._due = time.monotonic() + _PAUSE_AFTER_FAILURE

    def _write_twice(self, lazy: Sequence[Work[object]], strokes: Sequence[Stroke]) -> list[Result]:
        """Write; on a full disk give up the reserve, and write again."""
        try:
            self._transaction.probing = bool(self._trouble)
            return self._transaction.write(lazy, strokes)
        except Exception as error:
            self._transaction.roll_back()
            if not self._mended(error.__cause__ or error):
                raise
        try:
            return self._transaction.write(lazy, strokes)
        except Exception:
            self._transaction.roll_back()
            raise

    def _mended(self, error: BaseException) -> bool:
        """Do what may help; say whether anything was done."""
        if is_damage(error):  # perhaps of a page in memory, read from the disk in a bad moment
            self._connection.execute("PRAGMA shrink_memory")
            return True
        return self._reserve is not None and self._reserve.release()
