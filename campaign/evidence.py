"""What can be known from outside when a chapter is over: answers, witness, sink, processes.

The service's own record is asked for two things only: whether it still holds something open,
and in which order it created events, which nobody else can know.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from campaign.neighbours import TAKEN
from campaign.plan import Planned
from campaign.processes import Escaped
from service.journal.reading import Reader
from service.runs import Run

_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One line of the witness."""

    what: str
    event: str
    script: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything a chapter found out."""

    events: Mapping[str, Planned]
    accepted: Mapping[str, float]
    repeated: set[str]
    refused: Mapping[str, str]
    signs: Sequence[Sign]
    taken: Sequence[Mapping[str, object]]
    """Events the sink has for good, each once, in the order it took them."""
    received: int
    """How often the sink was sent something, whatever it said."""
    runs: Mapping[str, Sequence[Run]]
    """By event id."""
    created: Mapping[str, Sequence[str]]
    """Ids of outgoing events by context, in the order they were created."""
    pending: int
    dead: int
    damage: Sequence[str]
    """What SQLite has to say about the files."""
    escaped: Sequence[Escaped]
    leaks: Sequence[str]
    faults: Sequence[str]
    exits: Sequence[int]
    slowest_start: float


def read_signs(witness: Path) -> list[Sign]:
    """Return the lines of the witness."""
    if not witness.exists():
        return []
    words = (line.split() for line in witness.read_text().splitlines())
    return [Sign(what=w[0], event=w[1], script=w[2], attempt=int(w[3])) for w in words]


def read_taken(file: Path) -> tuple[list[Mapping[str, object]], int]:
    """Return what the sink took, each event once, and how often it was sent anything."""
    taken: dict[str, Mapping[str, object]] = {}
    received = 0
    for line in file.read_text().splitlines() if file.exists() else ():
        entry = json.loads(line)
        received += 1
        if entry["answer"] in TAKEN:
            taken.setdefault(entry["event"]["id"], entry["event"])
    return list(taken.values()), received


def read_runs(reader: Reader) -> dict[str, list[Run]]:
    """Return the runs of the record by event."""
    found: dict[str, list[Run]] = {}
    before: int | None = None
    while page := reader.runs(limit=_PAGE, before=before):
        for run in page:
            found.setdefault(run.event_id, []).append(run)
        before = page[-1].seq
    return found


def read_created(record: Path) -> dict[str, list[str]]:
    """Return the ids of outgoing events by context, oldest first."""
    created: dict[str, list[str]] = {}
    with closing(sqlite3.connect(f"file:{record}?mode=ro", uri=True)) as connection:
        for context, id_ in connection.execute("SELECT context, id FROM outgoing ORDER BY seq"):
            created.setdefault(context, []).append(id_)
    return created


def damage_of(state: Path) -> Iterator[str]:
    """Yield what is wrong with the files of the journal."""
    for name in ("inbox.db", "record.db"):
        with closing(sqlite3.connect(f"file:{state / name}?mode=ro", uri=True)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if said != "ok":
                yield f"{name}: {said}"
