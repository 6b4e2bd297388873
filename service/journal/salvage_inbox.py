"""What can be read of a damaged `inbox.db`, in a new file.

An event whose content is damaged keeps its identity, so that it is not taken for a new one
when its sender repeats it; it is never run, its run ends `errored`.
"""

from datetime import UTC, datetime
from pathlib import Path

from service.journal.fresh import Fresh
from service.journal.rows import ACCEPTED, DAMAGED, Row, forgotten_checksum, written
from service.journal.schema import inbox_schema
from service.journal.soundness import WHOLE_ACCEPTED, accepted_is_sound
from service.journal.wreck import Wreck

_ROWS = f"SELECT {WHOLE_ACCEPTED} FROM accepted WHERE seq > ? ORDER BY seq"
_UNKNOWN_TIME = written(datetime.fromtimestamp(0, tz=UTC))
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'accepted'"


def salvage_inbox(damaged: Path, fresh_path: Path) -> Fresh:
    """Fill a new file at *fresh_path*; return what came of it, closed.

    Its counter of accepted events is to be set by whoever knows the record.
    """
    hidden: list[range] = []
    with (
        Wreck(damaged, inbox_schema(), select=_ROWS) as wreck,
        Fresh(fresh_path, inbox_schema()) as fresh,
    ):
        fresh.readable = wreck.readable
        for row in wreck.rows(_ROWS, hidden=hidden):
            if accepted_is_sound(row):
                fresh.put("accepted", f"seq, {ACCEPTED}", row)
            else:
                fresh.lost["accepted"] += 1
                if _is_identity(row) and fresh.put("accepted", f"seq, {ACCEPTED}", _emptied(row)):
                    fresh.kept["accepted"] -= 1
        for name, value in wreck.some("SELECT name, value FROM meta") or ():
            fresh.tell(str(name), str(value))
        last = max(wreck.number(_LAST), fresh.number("SELECT max(seq) FROM accepted"))
        fresh.database.execute("DELETE FROM sqlite_sequence WHERE name = 'accepted'")
        fresh.database.execute("INSERT INTO sqlite_sequence VALUES ('accepted', ?)", (last,))
        fresh.count("accepted", wreck.number("SELECT value FROM counter WHERE name = 'accepted'"))
        first_whole = "SELECT min(seq) FROM accepted WHERE document <> ''"
        fresh.count("forgotten", max(0, fresh.number(first_whole) - 1))
        fresh.lost["accepted"] += sum(len(hole) for hole in _bounded(hidden, last))
    return fresh


def _bounded(hidden: list[range], last: int) -> list[range]:
    return [range(hole.start, min(hole.stop, last + 1)) for hole in hidden if hole.start <= last]


def _is_identity(row: Row) -> bool:
    seq, run, event_id, source, digest = row[:5]
    texts = all(isinstance(text, str) and text for text in (run, event_id, source))
    return isinstance(seq, int) and texts and isinstance(digest, bytes)


def _emptied(row: Row) -> Row:
    seq, run, event_id, source, digest, *shown = row[:12]
    shown = [text if isinstance(text, str) else "" for text in shown]
    if not _is_time(shown[5]):
        shown[5] = _UNKNOWN_TIME
    crc = forgotten_checksum(run, event_id, source)
    return (seq, run, event_id, source, digest, *shown, "", DAMAGED, crc)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
