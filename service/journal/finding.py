"""Which run is meant by the beginning of an id, of those somebody may see.

For whoever may see some projects only, the runs of others do not exist: they are not found,
not in the way, and not named. `reading` brings the rows.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable
from itertools import islice

from service.errors import UnknownRun
from service.journal.rows import RUN, UNSEEN, run_of, unseen_run
from service.journal.statements import CURSOR
from service.runs import Run

Visible = Callable[[str], bool]
"""Says whether the runs of a project are for whoever asks."""

LOOKED_AT = 1000
"""How many runs are read at most to find those that are visible."""
_MANY = 6
"""How many are wanted to tell an ambiguous beginning and to name some of them."""
_BEGINNING = re.compile(r"[0-9a-z-]+", re.ASCII)
RUN_BY_ID = f"SELECT {RUN} FROM run WHERE id >= ? AND id < ? ORDER BY id LIMIT {LOOKED_AT}"
UNSEEN_BY_ID = f"SELECT {UNSEEN} FROM accepted WHERE run >= ? AND run < ? AND seq > ? ORDER BY run"
UNSEEN_BY_ID += f" LIMIT {LOOKED_AT}"


def run_beginning(
    text: str, visible: Visible, *, inbox: sqlite3.Connection, record: sqlite3.Connection
) -> Run:
    """Return the one run whose id is or begins with *text*. Raises `UnknownRun`."""
    if not _BEGINNING.fullmatch(text):
        raise UnknownRun(f"{text[:40]!r} is not the id of a run, nor its beginning")
    between = (text, text + "~")
    cursor = record.execute(CURSOR).fetchone()[0]
    begun = _some(map(run_of, record.execute(RUN_BY_ID, between)), visible)
    waiting = map(unseen_run, inbox.execute(UNSEEN_BY_ID, (*between, cursor)))
    found = {run.id: run for run in (*_some(waiting, visible), *begun)}
    if text in found or len(found) == 1:
        return found.get(text) or next(iter(found.values()))
    if not found:
        raise UnknownRun(f"there is no run whose id begins with {text}")
    some = ", ".join(sorted(found)[: _MANY - 1]) + ", …" * (len(found) >= _MANY)
    raise UnknownRun(f"several runs begin with {text}: {some}")


def _some(runs: Iterable[Run], visible: Visible) -> list[Run]:
    return list(islice((run for run in runs if visible(run.project)), _MANY))
