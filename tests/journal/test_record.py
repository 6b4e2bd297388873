"""The contract of `ports.Journal` about runs, and what the SQLite record promises beyond."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.errors import JournalUnavailable
from service.runs import Waiting, opened
from service.states import State

NOW = datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC)


def over(run, state=State.PASSED):
    return replace(run, state=state, ended_at=NOW)


def running(run):
    return replace(run, state=State.RUNNING, started_at=NOW)


def seqs(waiting):
    return [item.seq for item in waiting]


def counter(state_dir, name):
    with closing(sqlite3.connect(state_dir / "record.db")) as database:
        return database.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()[0]


def test_nothing_waits_before_there_is_an_inbox(record):
    assert record.waiting(after=0, limit=10) == []


def test_an_accepted_event_waits(record, accept):
    asyncio.run(accept("run-a", project="sockshop"))

    assert record.waiting(after=0, limit=10) == [Waiting(seq=1, run="run-a", project="sockshop")]


def test_events_wait_in_the_order_of_acceptance_page_by_page(record, accept):
    async def story():
        for _ in range(5):
            await accept()

    asyncio.run(story())

    assert seqs(record.waiting(after=0, limit=2)) == [1, 2]
    assert seqs(record.waiting(after=2, limit=2)) == [3, 4]
    assert seqs(record.waiting(after=4, limit=2)) == [5]


def test_an_event_with_a_run_does_not_wait(record, take_up, accept):
    async def story():
        await record.begin(running(await take_up()), (), ())
        await accept()

    asyncio.run(story())

    assert seqs(record.waiting(after=0, limit=10)) == [2]


def test_runs_begun_out_of_order_leave_the_others_waiting_after_a_restart(
    open_record, record, take_up
):
    async def story():
        runs = [await take_up() for _ in range(6)]
        for seq in (5, 2, 4, 1):
            await record.begin(running(runs[seq - 1]), (), ())

    asyncio.run(story())
    record.close()

    assert seqs(open_record().waiting(after=0, limit=1)) == [3]
    assert seqs(open_record().waiting(after=0, limit=10)) == [3, 6]


def test_the_cursor_follows_once_the_gap_is_closed(record, take_up, state_dir):
    async def story():
        runs = [await take_up() for _ in range(4)]
        for seq in (3, 2, 4, 1):
            await record.begin(running(runs[seq - 1]), (), ())

    asyncio.run(story())

    assert counter(state_dir, "cursor") == 4


def test_the_cursor_passes_over_what_the_inbox_lost(record, take_up, state_dir):
    async def story():
        runs = [await take_up() for _ in range(3)]
        for run in runs[1:]:
            await record.begin(running(run), (), ())

    asyncio.run(story())
    with closing(sqlite3.connect(state_dir / "inbox.db", isolation_level=None)) as database:
        database.execute("DELETE FROM accepted WHERE seq = 1")

    assert record.waiting(after=0, limit=10) == []
    record.close()
    assert counter(state_dir, "cursor") == 3


def test_what_was_begun_is_abandoned_at_the_next_start(
    open_record, record, take_up, make_attempt, make_outgoing
):
    ended = make_attempt(0, 1, state=State.FAILED, output=b"no", structured={"a": [1]}, cut=3)
    queued = make_attempt(0, 2, state=State.QUEUED, started_at=None)

    async def story():
        run = running(await take_up("run-a"))
        await record.begin(run, [ended, queued], [make_outgoing(run)])
        return run

    run = asyncio.run(story())
    record.close()

    [(found, accepted, attempts)] = open_record().abandoned()

    assert found == run
    assert (accepted.seq, accepted.run) == (1, "run-a")
    assert attempts == [ended, queued]


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.UNRESOLVED])
def test_every_state_that_waits_for_something_is_abandoned(record, take_up, state):
    async def story():
        await record.hold(replace(await take_up(), state=state))

    asyncio.run(story())

    assert [run.state for run, _, _ in record.abandoned()] == [state]


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_what_is_over_is_not_abandoned_and_settles(record, reader, take_up, state):
    async def story():
        await record.end(over(await take_up(), state), (), ())

    asyncio.run(story())

    assert record.abandoned() == []
    assert (reader.counts()[state], reader.open_events()) == (1, 0)


def test_a_run_held_and_then_given_up_settles(record, reader, take_up):
    async def story():
        run = replace(await take_up(), state=State.UNRESOLVED, reason="remote not reachable")
        await record.hold(run)
        await record.hold(replace(run, ended_at=NOW))

    asyncio.run(story())

    assert record.abandoned() == []
    assert (reader.counts()["unresolved"], reader.open_events()) == (1, 0)


def test_a_run_settles_once_however_often_its_end_is_written(record, state_dir, take_up):
    async def story():
        run = await take_up()
        for stroke in (running(run), over(run), over(run), over(run)):
            await record.end(stroke, (), ())

    asyncio.run(story())

    assert counter(state_dir, "settled") == 1


def test_what_comes_after_the_end_is_discarded(record, reader, take_up, make_outgoing):
    """A result of an older attempt, or of a script that was cancelled meanwhile."""

    async def story():
        run = await take_up("run-a")
        await record.end(over(run, State.CANCELLED), (), [make_outgoing(run, "o-1", "finished")])
        await record.end(over(run, State.PASSED), (), [make_outgoing(run, "o-2", "finished")])
        await record.begin(running(run), (), ())

    asyncio.run(story())

    assert reader.run("run-a").run.state is State.CANCELLED
    assert [delivery.outgoing.id for _, delivery in record.pending(after=0, limit=9)] == ["o-1"]
    assert reader.counts()["running"] == 0


def test_beginning_again_does_not_double_the_started_event(record, take_up, make_outgoing):
    """A crash between the stroke and its use: the same event comes with another body."""

    async def story():
        run = running(await take_up())
        first = make_outgoing(run, "o-1")
        await record.begin(run, (), [first])
        await record.begin(run, (), [replace(first, body=b"{}"), make_outgoing(run, "o-2")])
        return first

    first = asyncio.run(story())

    pending = [delivery.outgoing for _, delivery in record.pending(after=0, limit=9)]
    assert [event.id for event in pending] == ["o-1", "o-2"]
    assert pending[0] == first


def test_counts_follow_every_step(record, reader, accept, take_up):
    async def story():
        run = await take_up()
        await record.hold(replace(run, state=State.UNRESOLVED))
        await record.begin(replace(run, state=State.QUEUED), (), ())
        await record.begin(running(run), (), ())
        await record.end(over(await take_up(), State.IGNORED), (), ())
        await accept()

    asyncio.run(story())

    counted = {state: number for state, number in reader.counts().items() if number}
    assert counted == {"accepted": 1, "running": 1, "ignored": 1}
    assert reader.open_events() == 2


def test_restart_at_every_step_finds_what_the_step_left(
    open_inbox, open_record, make_arrival, make_attempt, make_outgoing
):
    """Crash points of the record: accepted, begun, ended, sent."""
    inbox = open_inbox()
    asyncio.run(inbox.accept([make_arrival("run-a")]))
    inbox.close()

    record = open_record()
    assert seqs(record.waiting(after=0, limit=9)) == [1]
    run = running(opened(record.accepted(1)))
    asyncio.run(record.begin(run, [make_attempt()], [make_outgoing(run, "o-1")]))
    record.close()

    record = open_record()
    assert record.waiting(after=0, limit=9) == []
    assert [run.id for run, _, _ in record.abandoned()] == ["run-a"]
    attempt = make_attempt(state=State.PASSED, exit_code=0, output=b"done")
    asyncio.run(record.end(over(run), [attempt], [make_outgoing(run, "o-2", "finished")]))
    record.close()

    record = open_record()
    assert record.abandoned() == []
    assert [d.outgoing.id for _, d in record.pending(after=0, limit=9)] == ["o-1", "o-2"]
    record.sent(["o-1", "o-2"])
    record.close()

    assert open_record().pending(after=0, limit=9) == []


def counted(state_dir):
    """The counters of runs and outgoing events, and the same by counting the rows."""
    with closing(sqlite3.connect(state_dir / "record.db")) as database:
        counters = dict(database.execute("SELECT name, value FROM counter WHERE value <> 0"))
        rows = dict(database.execute("SELECT state, count(*) FROM run GROUP BY state"))
        rows |= database.execute("SELECT state, count(*) FROM outgoing GROUP BY state").fetchall()
        rows |= {"cursor": database.execute("SELECT max(seq) FROM run").fetchone()[0]}
        for name, open_ in (("open", 1), ("settled", 0)):
            found = "SELECT count(*) FROM run WHERE open = ?"
            rows |= {name: database.execute(found, (open_,)).fetchone()[0]}
    return counters, rows


def test_the_counters_tell_what_is_there_when_much_is_written_at_once(
    record, take_up, make_attempt, make_outgoing, state_dir
):
    """More runs than one statement takes, most of them twice in the same commit."""

    async def story():
        runs = [await take_up() for _ in range(40)]
        strokes = []
        for run in runs:
            events = [
                make_outgoing(run, f"{run.id}-{kind}", kind) for kind in ("started", "finished")
            ]
            strokes.append(record.begin(running(run), [make_attempt()], events[:1]))
            if run.seq % 3:
                ended = make_attempt(state=State.PASSED, output=b"done")
                strokes += [record.end(over(run), [ended], events) for _ in range(2)]
        await asyncio.gather(*strokes)
        for run in runs:
            record.sent([f"{run.id}-started"])
        await record.bury("run-001-finished", error="answered 400")

    asyncio.run(story())
    record.close()

    counters, rows = counted(state_dir)
    assert counters == rows
    assert (rows["passed"], rows["running"], rows["sent"], rows["dead"]) == (27, 13, 40, 1)
    assert (rows["open"], rows["settled"], rows["cursor"], rows["pending"]) == (13, 27, 40, 26)


def test_a_stroke_that_cannot_be_written_takes_no_count_with_it(record, take_up, state_dir):
    async def story():
        one, other = await take_up(), await take_up()
        wrong = replace(running(other), project=None)
        return await asyncio.gather(
            record.begin(running(one), (), ()), record.begin(wrong, (), ()), return_exceptions=True
        )

    _, error = asyncio.run(story())
    record.close()

    assert isinstance(error, JournalUnavailable)
    counters, rows = counted(state_dir)
    assert counters == {"running": 1, "open": 1, "cursor": 1}
    assert rows == counters | {"settled": 0}
