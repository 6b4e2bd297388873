"""RL-6: damage is noticed, what can be read is salvaged, what was damaged is kept."""

import asyncio
import json
import os
import random
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.errors import JournalUnreadable
from service.journal.care import MISSING, look, make_sound
from service.runs import opened
from service.states import State

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
EVENTS = 120
RUNNING, WAITING = (111, 112, 113), (118, 119, 120)
"""Positions of events that are open; all others are over and were answered."""
PAGE = 4096


@pytest.fixture
def open_both(open_inbox, open_record):
    return lambda: (open_inbox(queue_limit=1000), open_record())


@pytest.fixture
def filled(state_dir, make_arrival, open_both, make_attempt, make_outgoing):
    """A closed journal of 120 events; three are running, three wait."""

    async def one(record, seq):
        run = opened(record.accepted(seq))
        attempt = make_attempt(commit=f"{seq:040}")
        started = make_outgoing(run, f"started-{seq}", "started", body=b"s" * 900)
        begun = replace(run, state=State.RUNNING, started_at=NOW)
        await record.begin(begun, [attempt], [started])
        if seq not in RUNNING:
            over = replace(attempt, state=State.PASSED, output=b"o" * 500)
            finished = make_outgoing(run, f"finished-{seq}", "finished", body=b"f" * 900)
            ended = replace(begun, state=State.PASSED, ended_at=NOW, commit=attempt.commit)
            await record.end(ended, [over], [finished])
            record.sent([started.id, finished.id])

    async def fill():
        inbox, record = open_both()
        await inbox.accept([make_arrival(data={"x": "y" * 400}) for _ in range(EVENTS)])
        seqs = [seq for seq in range(1, EVENTS + 1) if seq not in WAITING]
        await asyncio.gather(*(one(record, seq) for seq in seqs))
        record.close()
        inbox.close()

    asyncio.run(fill())
    return state_dir


def overwrite(path, at, content):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def header(path):
    overwrite(path, 0, random.Random(1).randbytes(100))


def first_page(path):
    overwrite(path, 0, random.Random(1).randbytes(PAGE))


def one_page(path):
    pages = path.stat().st_size // PAGE
    overwrite(path, PAGE * (pages // 2), random.Random(1).randbytes(PAGE))


def half(path):
    os.truncate(path, path.stat().st_size // 2)


def bit(path):
    """Flip one bit in the middle of a row; the structure of the file stays whole."""
    word = {"inbox.db": b"yyyyyyyyyy", "record.db": b"deployment.triggered.sh"}[path.name]
    content = path.read_bytes()
    places = [found.start() for found in re.finditer(word, content)]
    at = places[len(places) // 2] + 5
    overwrite(path, at, bytes([content[at] ^ 1]))


def nothing_left(path):
    overwrite(path, 0, random.Random(1).randbytes(path.stat().st_size))


def rows(state_dir, file, select):
    with closing(sqlite3.connect(state_dir / file)) as database:
        return database.execute(select).fetchall()


def change(state_dir, file, statement):
    with closing(sqlite3.connect(state_dir / file, isolation_level=None)) as database:
        database.execute(statement)


DAMAGE = pytest.mark.parametrize("damage", [header, first_page, one_page, half, bit])
FILE = pytest.mark.parametrize("file", ["inbox.db", "record.db"])


def test_a_sound_journal_is_left_alone(filled):
    before = [(filled / name).read_bytes() for name in ("inbox.db", "record.db")]

    assert make_sound(filled, now=NOW) == ()

    assert [(filled / name).read_bytes() for name in ("inbox.db", "record.db")] == before


def test_a_new_journal_is_made(state_dir, reader):
    assert make_sound(state_dir, now=NOW) == ()

    assert sorted(path.name for path in state_dir.iterdir()) == ["inbox.db", "record.db"]
    assert reader.open_events() == 0


@FILE
@DAMAGE
def test_rl_6_damage_is_noticed_and_readable_rows_are_salvaged(filled, file, damage, caplog):
    damage(filled / file)
    damaged = (filled / file).read_bytes()

    (done,) = make_sound(filled, now=NOW)

    table = {"inbox.db": "accepted", "record.db": "run"}[file]
    kept = filled / f"{file}.damaged-20261121T120000Z"
    assert look(filled)[filled / file].damage == ()
    assert done.kept_as == kept
    assert kept.read_bytes() == damaged
    assert done.rows[table] >= {half: 30, one_page: 100}.get(damage, 115)
    assert [record.alarm for record in caplog.records if hasattr(record, "alarm")] == [
        "journal-damaged"
    ]
    [(report,)] = rows(filled, file, "SELECT value FROM meta")
    assert json.loads(report)["rows"] == done.rows


@FILE
def test_rl_6_nothing_is_lost_with_the_header(filled, file):
    tables = {"inbox.db": ["accepted", "counter"], "record.db": ["run", "attempt", "outgoing"]}
    selects = [f"SELECT * FROM {table} ORDER BY 1, 2" for table in tables[file]]
    before = [rows(filled, file, select) for select in selects]
    header(filled / file)

    make_sound(filled, now=NOW)

    if file == "inbox.db":
        assert [rows(filled, file, select) for select in selects] == before
    else:  # what was running is not known for certain
        runs, _, outgoing = (rows(filled, file, select) for select in selects)
        assert (runs, outgoing) == (before[0], before[2])


@FILE
def test_rl_6_when_nothing_can_be_read_the_command_is_named(filled, file):
    nothing_left(filled / file)
    before = (filled / file).read_bytes()

    with pytest.raises(JournalUnreadable, match="genexec repair --discard --state-dir"):
        make_sound(filled, now=NOW)

    assert (filled / file).read_bytes() == before
    assert list(filled.glob("*.new")) == []


def test_a_record_that_was_discarded_does_not_let_scripts_run_again(filled, open_record, reader):
    nothing_left(filled / "record.db")

    (done,) = make_sound(filled, now=NOW, discard=True)

    record = open_record()
    assert done.rows == {}
    assert record.waiting(after=0, limit=10) == []
    assert record.abandoned() == []
    assert reader.counts()["interrupted"] == EVENTS
    assert reader.open_events() == 0


def test_an_inbox_that_was_discarded_goes_on_counting(
    filled, open_inbox, open_record, make_arrival
):
    nothing_left(filled / "inbox.db")

    make_sound(filled, now=NOW, discard=True)

    asyncio.run(open_inbox().accept([make_arrival("run-new")]))
    record = open_record()
    assert [waiting.run for waiting in record.waiting(after=0, limit=10)] == ["run-new"]


def test_a_record_that_is_missing_beside_events_is_damage(filled):
    (filled / "record.db").unlink()

    assert look(filled)[filled / "record.db"].damage == (MISSING,)
    with pytest.raises(JournalUnreadable, match="genexec repair --discard"):
        make_sound(filled, now=NOW)


@FILE
@DAMAGE
def test_what_waits_is_still_run_and_what_was_run_is_not(filled, file, damage, open_record, reader):
    damage(filled / file)

    make_sound(filled, now=NOW)

    record = open_record()
    waiting = {item.seq for item in record.waiting(after=0, limit=EVENTS)}
    [(still_open,)] = rows(filled, "record.db", "SELECT count(*) FROM run WHERE open = 1")
    assert waiting <= set(WAITING) if damage is half else waiting == set(WAITING)
    assert reader.open_events() == len(waiting) + still_open


@DAMAGE
def test_what_was_running_is_interrupted_and_owes_its_answer(filled, damage, open_record):
    damage(filled / "record.db")

    make_sound(filled, now=NOW)

    abandoned = {run.seq: (run, attempts) for run, _, attempts in open_record().abandoned()}
    assert set(abandoned) <= set(RUNNING)
    for run, attempts in abandoned.values():
        assert run.started_at is not None
        assert {attempt.state for attempt in attempts} <= {State.INTERRUPTED}


def test_an_event_whose_content_is_damaged_keeps_its_identity_and_is_not_run(
    filled, open_inbox, open_record, reader, make_arrival
):
    change(filled, "inbox.db", "UPDATE accepted SET document = document || ' ' WHERE seq = 120")

    (done,) = make_sound(filled, now=NOW)

    assert done.lost == {"accepted": 1}
    record = open_record()
    assert [waiting.seq for waiting in record.waiting(after=0, limit=9)] == list(WAITING)
    with pytest.raises(JournalUnreadable, match="was damaged and could not be salvaged"):
        record.accepted(120)
    record.close()
    assert reader.run("run-120").run.state is State.ERRORED
    again = make_arrival("run-again", id="e-120", data={"x": "y" * 400})
    [receipt] = asyncio.run(open_inbox().accept([again]))
    assert (receipt.run, receipt.duplicate) == ("run-120", True)


def test_an_outgoing_event_that_is_damaged_becomes_a_dead_letter(filled, reader):
    owed = "UPDATE outgoing SET state = 'pending', body = x'00' WHERE id = 'started-111'"
    change(filled, "record.db", owed)

    make_sound(filled, now=NOW)

    [letter] = reader.dead_letters(9)
    assert letter.outgoing.id == "started-111"
    assert letter.last_error == "the stored event was damaged and could not be salvaged"


def test_both_files_are_salvaged_together(filled, open_record, reader):
    one_page(filled / "inbox.db")
    one_page(filled / "record.db")

    done = make_sound(filled, now=NOW)

    assert [one.file.name for one in done] == ["inbox.db", "record.db"]
    assert {path.name: found.damage for path, found in look(filled).items()} == {
        "inbox.db": (),
        "record.db": (),
    }
    assert {item.seq for item in open_record().waiting(after=0, limit=EVENTS)} == set(WAITING)
    assert reader.open_events() == len(WAITING) + len(RUNNING)


def test_damage_in_what_was_not_checkpointed_is_noticed(filled, make_arrival, open_inbox, tmp_path):
    """The log of a process that was killed: SQLite alone would drop the commits behind it."""
    inbox = open_inbox(queue_limit=1000)
    for number in range(6):
        asyncio.run(inbox.accept([make_arrival(f"run-late-{number}", id=f"late-{number}")]))
    log = (filled / "inbox.db-wal").read_bytes()
    base = (filled / "inbox.db").read_bytes()
    inbox.close()
    (filled / "inbox.db").write_bytes(base)
    (filled / "inbox.db-wal").write_bytes(log)
    overwrite(filled / "inbox.db-wal", log.index(b"late-1"), b"LATE-1")

    (done,) = make_sound(filled, now=NOW)

    assert "commits in its log cannot be read" in done.damage[0]
    ids = {id_ for (id_,) in rows(filled, "inbox.db", "SELECT id FROM accepted WHERE seq > 120")}
    assert ids >= {"late-0", "late-2", "late-3", "late-4", "late-5"}


def test_a_replacement_that_was_cut_short_is_finished(filled):
    header(filled / "record.db")
    damaged = (filled / "record.db").read_bytes()
    make_sound(filled, now=NOW)
    kept = filled / "record.db.damaged-20261121T120000Z"
    sound = (filled / "record.db").read_bytes()
    (filled / "record.db").rename(filled / "record.db.salvaged")
    os.link(kept, filled / "record.db")
    (filled / "record.db-wal").write_bytes(b"the log of the damaged file")

    assert make_sound(filled, now=NOW) == ()

    assert (filled / "record.db").read_bytes() == sound
    assert kept.read_bytes() == damaged
    assert (filled / f"{kept.name}-wal").read_bytes() == b"the log of the damaged file"


def test_a_salvage_that_was_cut_short_is_begun_anew(filled):
    header(filled / "record.db")
    (filled / "record.db.new").write_bytes(b"half of it")

    (done,) = make_sound(filled, now=NOW)

    assert done.rows["run"] == EVENTS - len(WAITING)


def test_a_look_that_has_no_time_looks_at_what_is_open_all_the_same(filled):
    bit(filled / "inbox.db")

    found = look(filled, seconds=0)

    assert found[filled / "inbox.db"].damage == ("1 rows of accepted have a wrong checksum",)
