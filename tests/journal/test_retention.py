"""What is old is forgotten in small steps; what is open, pending or a duplicate is not."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.errors import ContentConflict, JournalUnreadable, UnknownRun
from service.journal.database import used_bytes
from service.journal.retention import InboxRetention, Keeping, RecordRetention
from service.journal.upkeep import SteadyTime, keep_up
from service.runs import opened
from service.states import State

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def finish(record, make_attempt, make_outgoing):
    """Run accepted events to their ends; the events they send are sent, or what is said."""

    async def finish_(*seqs, state=State.PASSED, delivery="sent", output=b"ooo"):
        for seq in seqs:
            run = opened(record.accepted(seq))
            attempt = make_attempt(output=output, state=state)
            out = make_outgoing(run, f"o-{seq}", body=b"b" * 500, created_at=run.accepted_at)
            await record.end(replace(run, state=state, ended_at=run.accepted_at), [attempt], [out])
            if delivery == "sent":
                record.sent([out.id])
            elif delivery != "pending":
                await record.bury(out.id, error=delivery)

    return finish_


@pytest.fixture
def tidy(state_dir, inbox, record):
    """Do everything that is due at a time; return how many steps it took."""

    def tidy_(*, days, age=30, size=1 << 40, duplicates=7):
        keeping = Keeping(
            age=age * DAY, size=size, duplicates=duplicates * DAY, no_loss="no sink configured"
        )
        places = {"keeping": keeping, "now": lambda: START + days * DAY}
        runs = RecordRetention(**places, inbox_path=state_dir / "inbox.db")
        events = InboxRetention(**places, record_path=state_dir / "record.db")

        async def all_of_it():
            steps = 0
            for file, retention in ((record, runs), (inbox, events), (record, runs)):
                while await file.maintain(retention.step):
                    steps += 1
            return steps

        return asyncio.run(all_of_it())

    return tidy_


def there(state_dir, file, select):
    with closing(sqlite3.connect(state_dir / file)) as database:
        return [row[0] for row in database.execute(select)]


def runs_there(state_dir):
    return there(state_dir, "record.db", "SELECT seq FROM run ORDER BY seq")


def events_there(state_dir):
    return there(state_dir, "inbox.db", "SELECT seq FROM accepted ORDER BY seq")


def contents_there(state_dir):
    return there(state_dir, "inbox.db", "SELECT seq FROM accepted WHERE document <> ''")


def accept(inbox, make_arrival, count):
    asyncio.run(inbox.accept([make_arrival(data={"x": "y" * 600}) for _ in range(count)]))


@pytest.fixture
def five(inbox, make_arrival, finish, state_dir):
    """Five events that were run, on the first day."""
    accept(inbox, make_arrival, 5)
    asyncio.run(finish(1, 2, 3, 4, 5))
    return state_dir


@pytest.mark.usefixtures("five")
def test_nothing_is_forgotten_before_its_time(tidy, state_dir):
    tidy(days=29)

    assert runs_there(state_dir) == contents_there(state_dir) == [1, 2, 3, 4, 5]


def test_old_runs_are_deleted_with_all_that_belongs_to_them(five, tidy, reader):
    tidy(days=31)

    for table in ("run", "attempt", "output", "outgoing"):
        assert there(five, "record.db", f"SELECT count(*) FROM {table}") == [0]
    assert reader.counts()["passed"] == 0
    assert reader.outgoing_counts() == {"pending": 0, "sent": 0, "dead": 0}


@pytest.mark.usefixtures("five")
def test_a_forgotten_run_is_unknown_and_not_taken_for_one_that_waits(tidy, reader, record):
    tidy(days=6, age=5)

    assert reader.runs(limit=9) == []
    assert reader.open_events() == 0
    assert record.waiting(after=0, limit=9) == []
    with pytest.raises(UnknownRun):
        reader.run("run-001")
    with pytest.raises(JournalUnreadable, match="the event of run run-001 is no longer kept"):
        record.accepted(1)


@pytest.mark.promise("R7")
@pytest.mark.usefixtures("five")
def test_r7_a_duplicate_is_known_for_the_window_although_its_run_is_forgotten(
    tidy, inbox, make_arrival
):
    again = make_arrival("run-again", id="e-3", data={"x": "y" * 600})
    other = make_arrival("run-other", id="e-3", data={"x": "z"})

    tidy(days=6.9, age=1)

    [receipt] = asyncio.run(inbox.accept([again]))
    assert (receipt.run, receipt.duplicate) == ("run-003", True)
    with pytest.raises(ContentConflict):
        asyncio.run(inbox.accept([other]))


def test_an_identity_is_forgotten_after_the_window(five, tidy, inbox, make_arrival):
    tidy(days=7.1, age=1)

    assert events_there(five) == []
    [receipt] = asyncio.run(inbox.accept([make_arrival("run-new", id="e-3")]))
    assert receipt.duplicate is False
    assert events_there(five) == [6]


def test_an_identity_lives_as_long_as_its_run_when_that_is_longer(five, tidy):
    tidy(days=20, age=30)

    assert events_there(five) == [1, 2, 3, 4, 5]


def test_what_is_not_over_is_kept_whatever_its_age(inbox, make_arrival, finish, tidy, state_dir):
    accept(inbox, make_arrival, 6)
    asyncio.run(finish(1, 2))
    asyncio.run(finish(3, delivery="pending"))
    asyncio.run(finish(5))

    tidy(days=400, size=1)

    assert runs_there(state_dir) == [3, 5]  # 4 waits: nothing behind it is touched
    assert contents_there(state_dir) == [4, 5, 6]


def test_a_run_that_is_running_keeps_what_came_after_it(inbox, record, make_arrival, finish, tidy):
    accept(inbox, make_arrival, 3)
    run = opened(record.accepted(2))
    asyncio.run(record.begin(replace(run, state=State.RUNNING), (), ()))
    asyncio.run(finish(1, 3))

    tidy(days=400, size=1)

    [(run, accepted, _)] = record.abandoned()
    assert (run.id, accepted.event.id) == ("run-002", "e-2")


def test_a_dead_letter_is_kept_for_the_age_however_large_the_journal_is(
    inbox, make_arrival, finish, tidy, reader
):
    accept(inbox, make_arrival, 3)
    asyncio.run(finish(1, 3))
    asyncio.run(finish(2, delivery="the sink answered 400"))

    tidy(days=29, size=1)
    [letter] = reader.dead_letters(9)
    tidy(days=31, size=1)

    assert letter.outgoing.id == "o-2"
    assert reader.dead_letters(9) == []


def test_dead_letters_for_which_there_never_was_a_sink_hold_nothing_up(
    inbox, make_arrival, finish, tidy, reader
):
    accept(inbox, make_arrival, 2)
    asyncio.run(finish(1, 2, delivery="no sink configured"))

    tidy(days=1, size=1)

    assert reader.dead_letters(9) == []


@pytest.fixture
def ninety(inbox, make_arrival, finish):
    """Ninety events that were run, with much output."""
    accept(inbox, make_arrival, 90)
    asyncio.run(finish(*range(1, 91), output=b"o" * 30_000))


def pages(state_dir):
    with closing(sqlite3.connect(state_dir / "record.db")) as database:
        return database.execute("PRAGMA page_count").fetchone()[0]


@pytest.mark.usefixtures("ninety")
def test_the_oldest_go_first_until_the_journal_is_small_enough(tidy, state_dir):
    size = 1_000_000

    steps = tidy(days=1, size=size)

    kept = runs_there(state_dir)
    assert steps >= 2
    assert kept == list(range(kept[0], 91))
    assert 1 < kept[0] < 80
    total = 0
    for name in ("inbox.db", "record.db"):
        with closing(sqlite3.connect(state_dir / name)) as database:
            total += used_bytes(database)
    assert total <= size
    assert events_there(state_dir) == list(range(1, 91))


@pytest.mark.usefixtures("ninety")
def test_room_is_given_back_to_the_disk(tidy, state_dir):
    before = pages(state_dir)

    tidy(days=31)

    assert before > 700
    assert pages(state_dir) < before / 2


def test_the_last_round_leaves_nothing_to_do(five, tidy):
    tidy(days=31)

    assert tidy(days=31) == 0


class JumpingClock:
    """Its wall clock jumps, its monotonic clock does not."""

    def __init__(self):
        self.wall, self.steady = START, 100.0

    def now(self):
        return self.wall

    def monotonic(self):
        return self.steady


def test_a_clock_that_jumps_makes_nothing_old():
    clock = JumpingClock()
    time = SteadyTime(clock)

    clock.wall += 400 * DAY
    clock.steady += 60

    assert time() == START + timedelta(minutes=1)


def test_upkeep_goes_on_after_a_journal_that_could_not_be_written(record):
    class Clock:
        rounds = 0

        def monotonic(self):
            return 0.0

        async def sleep(self, seconds):
            if seconds == 60:
                self.rounds += 1
                if self.rounds == 3:
                    raise asyncio.CancelledError

    def full(database):
        raise sqlite3.OperationalError("database or disk is full")

    clock = Clock()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keep_up(record.maintain, full, clock=clock, every=60))

    assert clock.rounds == 3
