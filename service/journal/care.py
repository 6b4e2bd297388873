"""Both files of the journal are whole before anybody opens them.

The supervisor calls `make_sound` at start, while it holds the lock and no other process
runs; `genexec repair` calls the same by hand. Damage is looked for within a time. A damaged
file is replaced by a new one with all that can be read of it, and kept beside it. In the end
both files exist and are of this version.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path

from service.errors import JournalUnavailable, JournalUnreadable
from service.journal.database import connect, open_for_writing, private_directory, translating
from service.journal.fresh import Fresh
from service.journal.inspection import Inspection, inspect_inbox, inspect_record
from service.journal.replacement import finish_replacement, kept_name, replace_file
from service.journal.rows import UNSEEN, unseen_run
from service.journal.salvage_inbox import salvage_inbox
from service.journal.salvage_record import salvage_record
from service.journal.schema import inbox_schema, record_schema
from service.runs import Run

AFTER_ORDER, AFTER_CRASH = 1.0, 3.0
"""Seconds the look may take at start when the last process closed its files, and if not."""
_OPEN = (
    "SELECT (SELECT count(*) FROM run WHERE open = 1) + (SELECT count(*) FROM inbox.accepted"
    " WHERE seq > (SELECT value FROM main.counter WHERE name = 'cursor')"
    " AND seq NOT IN (SELECT seq FROM run))"
)
_COUNT_ON = (
    "UPDATE inbox.sqlite_sequence SET seq = max(seq, (SELECT value FROM main.counter"
    " WHERE name = 'cursor'), ifnull((SELECT max(seq) FROM run), 0))"
)
"""A new inbox goes on where a lost one ended: its numbers are those of the runs."""
MISSING = "it is missing, although inbox.db remembers events"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvaged:
    """What became of a damaged file."""

    file: Path
    damage: tuple[str, ...]
    kept_as: Path | None
    """The damaged file; None when there was none."""
    rows: Mapping[str, int]
    """Rows by table that are as they were."""
    lost: Mapping[str, int]
    """Rows by table that were damaged, as far as they were seen."""


def look(state_dir: Path, *, seconds: float = inf) -> Mapping[Path, Inspection]:
    """Look for damage in both files at once; nothing is changed.

    Raises `JournalUnavailable`.
    """
    inbox, record = state_dir / "inbox.db", state_dir / "record.db"
    with ThreadPoolExecutor(2) as pool:
        of_inbox = pool.submit(inspect_inbox, inbox, seconds=seconds)
        of_record = pool.submit(inspect_record, record, seconds=seconds)
        found = {inbox: of_inbox.result(), record: of_record.result()}
    if not record.exists() and not found[inbox].damage and _has_events(inbox):
        found[record] = Inspection(damage=(MISSING,))
    return found


def make_sound(
    state_dir: Path, *, now: datetime, seconds: float | None = None, discard: bool = False
) -> tuple[Salvaged, ...]:
    """Salvage what is damaged and bring both files up to date; return what was done.

    The caller holds the lock. Without *seconds* the time of the look depends on how the last
    process ended. Raises `JournalUnreadable` when nothing of a file can be read, unless it may
    be *discard*ed (it is set aside even then), or when it is of a newer version.
    """
    private_directory(state_dir)
    for name in ("inbox.db", "record.db"):
        finish_replacement(state_dir / name)
    if seconds is None:
        seconds = AFTER_CRASH if _ended_badly(state_dir) else AFTER_ORDER
    found = look(state_dir, seconds=seconds)
    if not all(inspection.complete for inspection in found.values()):
        log.info("the journal was looked at for %.0f s, not all of it", seconds)
    with translating(state_dir):
        try:
            done = _salvage(state_dir, found, now=now, discard=discard)
        except OSError as error:
            raise JournalUnavailable(f"the journal cannot be salvaged now: {error}") from error
    for name, schema in (("inbox.db", inbox_schema()), ("record.db", record_schema())):
        open_for_writing(state_dir / name, schema).close()
    return done


def _salvage(
    state_dir: Path, found: Mapping[Path, Inspection], *, now: datetime, discard: bool
) -> tuple[Salvaged, ...]:
    inbox, record = found
    fresh: dict[Path, Fresh] = {}
    for path, salvage in (
        (inbox, salvage_inbox),
        (record, partial(_salvage_record, inbox=inbox, fresh=fresh, now=now)),
    ):
        if found[path].damage:
            log.error("%s is damaged: %s", path, "; ".join(found[path].damage))
            fresh[path] = salvage(path, _beside(path))
            if not fresh[path].readable and not discard:
                for one in fresh:
                    _beside(one).unlink()
                raise _hopeless(path)
    if fresh:
        _set_counters(inbox, record, fresh)
    return tuple(_put_in_place(path, one, found[path], now) for path, one in fresh.items())


def _salvage_record(
    path: Path, beside: Path, *, inbox: Path, fresh: Mapping[Path, Fresh], now: datetime
) -> Fresh:
    events = _events(_beside(inbox) if inbox in fresh else inbox)
    return salvage_record(path, beside, events, now=now)


def _events(inbox: Path) -> Iterator[Run]:
    if inbox.exists() and inbox.stat().st_size > 0:
        with closing(connect(inbox)) as database:
            yield from map(
                unseen_run, database.execute(f"SELECT {UNSEEN} FROM accepted ORDER BY seq")
            )


def _set_counters(inbox: Path, record: Path, fresh: Mapping[Path, Fresh]) -> None:
    """Make `accepted` minus `settled` the number of events that are open."""
    inbox_now = _beside(inbox) if inbox in fresh else inbox
    record_now = _beside(record) if record in fresh else record
    open_for_writing(inbox_now, inbox_schema()).close()
    with closing(open_for_writing(record_now, record_schema())) as database:
        database.execute("ATTACH ? AS inbox", (str(inbox_now),))
        (open_,) = database.execute(_OPEN).fetchone()
        name, table, other = (
            ("accepted", "inbox.counter", "SELECT value FROM counter WHERE name = 'settled'")
            if inbox in fresh
            else ("settled", "counter", "SELECT value FROM inbox.counter WHERE name = 'accepted'")
        )
        (value,) = database.execute(other).fetchone()
        value += open_ if inbox in fresh else -open_
        database.execute(f"UPDATE {table} SET value = ? WHERE name = ?", (max(0, value), name))
        database.execute(_COUNT_ON)


def _put_in_place(path: Path, fresh: Fresh, inspection: Inspection, now: datetime) -> Salvaged:
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    kept_as = kept_name(path, stamp) if path.exists() else None
    done = Salvaged(
        file=path,
        damage=inspection.damage,
        kept_as=kept_as,
        rows=dict(+fresh.kept),
        lost=dict(+fresh.lost),
    )
    schema = inbox_schema() if path.name == "inbox.db" else record_schema()
    with closing(open_for_writing(_beside(path), schema)) as database:
        report = {"damage": done.damage, "kept_as": str(kept_as), **_counts(done)}
        database.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"salvaged {stamp}", json.dumps(report))
        )
    replace_file(path, _beside(path), kept_as)
    log.error(
        "%s was salvaged: %d rows are as they were, %d are damaged; the damaged file is %s",
        path,
        sum(done.rows.values()),
        sum(done.lost.values()),
        kept_as or "not there",
        extra={"alarm": "journal-damaged", **_counts(done)},
    )
    return done


def _counts(done: Salvaged) -> dict[str, Mapping[str, int]]:
    return {"rows": done.rows, "lost": done.lost}


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _has_events(inbox: Path) -> bool:
    return next(_events(inbox), None) is not None


def _ended_badly(state_dir: Path) -> bool:
    """SQLite removes the log of a file when its last connection is closed."""
    logs = (state_dir / f"{name}.db-wal" for name in ("inbox", "record"))
    return any(log_.exists() and log_.stat().st_size > 0 for log_ in logs)


def _hopeless(path: Path) -> JournalUnreadable:
    return JournalUnreadable(
        f"nothing of {path} can be read. To set it aside and begin a new one, run\n"
        f"    genexec repair --discard --state-dir {path.parent}\n"
        "Events of which nobody knows any more whether they were run are not run again."
    )
