"""Who wanted a run, which scripts it ran, and its event once more.

`api`, the embedded engine and the command line ask, from any thread, beside `reading`. A
whole page of runs takes two questions, none of which reads an event.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from service.errors import EventForgotten, JournalUnreadable
from service.event import Event
from service.journal.database import open_for_reading, translating
from service.journal.rows import ACCEPTED_BACK, accepted_of
from service.journal.schema import Schema, inbox_schema, record_schema
from service.runs import Run, Summary

_MOST_NEXT = 5
_EXTENSION = (
    "CASE WHEN json_valid(beside)"
    " THEN ifnull(json_extract(beside, '$.extensions.{}'), '') ELSE '' END"
)
ASKED = f"SELECT run, sender, {_EXTENSION.format('genexecuser')}"
ASKED += f", {_EXTENSION.format('genexecurl')} FROM accepted WHERE run IN ({{}})"
SCRIPTS = "SELECT run, script FROM attempt WHERE number = 1 AND run IN ({})"
SCRIPTS += " ORDER BY run, position"
NEXT = "SELECT run, json_extract(structured, '$.next') FROM attempt WHERE run IN ({})"
NEXT += " AND CASE WHEN json_valid(structured) THEN json_type(structured, '$.next') END = 'array'"
NEXT += " ORDER BY run, position, number"
EVENT = f"SELECT {ACCEPTED_BACK} FROM accepted WHERE run = ?"


class Origins:
    """Reads the journal of a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._inbox = state_dir / "inbox.db"
        self._record = state_dir / "record.db"

    def summaries(self, runs: Sequence[Run]) -> Sequence[Summary]:
        """Return *runs*, at most some hundreds, with what a list shows beside them."""
        ids = [run.id for run in runs]
        places = ", ".join("?" * len(ids))
        with self._open(self._inbox, inbox_schema()) as inbox:
            asked = {row[0]: row[1:] for row in inbox.execute(ASKED.format(places), ids)}
        scripts: dict[str, list[str]] = {}
        with self._open(self._record, record_schema()) as record:
            for run, script in record.execute(SCRIPTS.format(places), ids):
                scripts.setdefault(run, []).append(script)
            proposed = dict(record.execute(NEXT.format(places), ids).fetchall())
        return [
            Summary(
                run=run,
                asked_by=(user or sender or run.source),
                asked_url=url,
                scripts=tuple(scripts.get(run.id, ())),
                next=_texts(proposed.get(run.id, "[]")),
            )
            for run in runs
            for sender, user, url in [asked.get(run.id, ("", "", ""))]
        ]

    def event(self, run: str) -> Event:
        """Return the event of a run as it was accepted.

        Raises `EventForgotten` when only its identity is left, or less.
        """
        with self._open(self._inbox, inbox_schema()) as inbox:
            row = inbox.execute(EVENT, (run,)).fetchone()
        try:
            if row is None:
                raise EventForgotten
            return accepted_of(row).event
        except JournalUnreadable as error:
            raise EventForgotten(f"{error}; it cannot be run again") from error

    @contextmanager
    def _open(self, path: Path, wanted: Schema) -> Iterator[sqlite3.Connection]:
        with translating(path), closing(open_for_reading(path, wanted)) as connection:
            yield connection


def _texts(listed: str) -> tuple[str, ...]:
    return tuple(one for one in json.loads(listed) if isinstance(one, str))[:_MOST_NEXT]
