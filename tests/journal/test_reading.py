import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.errors import JournalUnavailable, JournalUnreadable, UnknownRun
from service.states import State

NOW = datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC)


@pytest.fixture
def history(record, take_up, accept):
    """Four runs and two events that nobody has looked at; the fifth was taken up early."""

    async def story():
        await record.end(replace(await take_up("aa-1"), state=State.PASSED), (), ())
        await record.end(replace(await take_up("aa-2"), state=State.FAILED), (), ())
        await record.end(replace(await take_up("ab-3", project="p"), state=State.PASSED), (), ())
        await accept("ab-4", project="p")
        await record.begin(replace(await take_up("ab-5"), state=State.RUNNING), (), ())
        await accept("ac-6", shkeptncontext="c")

    asyncio.run(story())


def ids(runs):
    return [run.id for run in runs]


def test_an_empty_directory_is_an_empty_journal(reader):
    assert reader.runs(limit=10) == []
    assert reader.dead_letters(10) == []
    assert (reader.open_events(), set(reader.counts().values())) == (0, {0})
    assert set(reader.counts()) == {state.value for state in State}
    with pytest.raises(UnknownRun, match="no runs yet"):
        reader.run("last")


def test_a_directory_that_is_closed_to_us_is_named(closed, reader, history, state_dir):
    with closed(state_dir), pytest.raises(JournalUnavailable) as refused:
        reader.runs(limit=10)

    assert str(refused.value) == f"{state_dir}/inbox.db cannot be looked at: Permission denied"


def test_runs_are_listed_newest_first_with_those_not_looked_at(reader, history):
    runs = reader.runs(limit=10)

    assert ids(runs) == ["ac-6", "ab-5", "ab-4", "ab-3", "aa-2", "aa-1"]
    assert [run.state for run in runs[:3]] == ["accepted", "running", "accepted"]


def test_pages_follow_each_other(reader, history):
    first = reader.runs(limit=4)
    second = reader.runs(limit=4, before=first[-1].seq)

    assert (ids(first), ids(second)) == (["ac-6", "ab-5", "ab-4", "ab-3"], ["aa-2", "aa-1"])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"state": State.PASSED}, ["ab-3", "aa-1"]),
        ({"state": State.ACCEPTED}, ["ac-6", "ab-4"]),
        ({"project": "p"}, ["ab-4", "ab-3"]),
        ({"project": "p", "state": State.PASSED}, ["ab-3"]),
        ({"context": "c"}, ["ac-6"]),
        ({"type_": "other"}, []),
        ({"stage": "dev", "service": "carts", "limit": 1}, ["ac-6"]),
    ],
)
def test_runs_are_chosen_by_what_is_asked(reader, history, wanted, found):
    assert ids(reader.runs(**({"limit": 10} | wanted))) == found


def test_a_run_is_found_by_the_beginning_of_its_id(reader, history):
    assert reader.run("AC").run.id == "ac-6"


def test_the_newest_run_has_a_name(reader, history):
    assert reader.run("last").run.id == "ac-6"


def test_an_ambiguous_beginning_is_refused_with_the_candidates(reader, history):
    with pytest.raises(UnknownRun, match=r"several runs begin with ab: ab-3, ab-4, ab-5$"):
        reader.run("ab")


def test_the_newest_run_is_that_of_a_project_one_may_see(reader, history):
    assert reader.run("last", visible="p".__eq__).run.id == "ab-4"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("ab", "several runs begin with ab: ab-3, ab-4"),
        ("ac-6", "there is no run whose id begins with ac-6"),
        ("zz", "there is no run whose id begins with zz"),
    ],
)
def test_runs_of_projects_one_may_not_see_are_not_even_named(reader, history, wanted, said):
    with pytest.raises(UnknownRun) as refused:
        reader.run(wanted, visible="p".__eq__)

    assert str(refused.value) == said


def test_a_whole_id_is_not_ambiguous(reader, take_up, accept):
    async def story():
        await accept("aa")
        await accept("aa-1")

    asyncio.run(story())

    assert reader.run("aa").run.id == "aa"


@pytest.mark.parametrize("wanted", ["zz", "", "%", "a/b", "\udcff"])
def test_an_unknown_run_is_said_to_be_unknown(reader, history, wanted):
    with pytest.raises(UnknownRun):
        reader.run(wanted)


@pytest.fixture
def ended(reader, record, take_up, make_attempt, make_outgoing):
    """A run that is over, with one attempt and one outgoing event."""
    attempt = make_attempt(
        state=State.PASSED, ended_at=NOW, exit_code=0, ending="exit", output=b"out", leftovers=1
    )

    async def story():
        run = replace(await take_up("aa-1", sender="ci"), state=State.PASSED, ended_at=NOW)
        await record.end(run, [attempt], [make_outgoing(run)])
        return run, attempt

    return asyncio.run(story())


def test_a_run_is_shown_with_all_that_belongs_to_it(reader, record, ended):
    run, attempt = ended

    detail = reader.run("aa-1")

    assert (detail.run, detail.event, detail.sender) == (run, record.accepted(1).event, "ci")
    assert detail.attempts == (replace(attempt, output=b""),)
    assert [delivery.outgoing.id for delivery in detail.deliveries] == ["o-1"]
    assert reader.output("aa-1", 0, 1) == b"out"


def test_an_attempt_without_output_has_an_empty_one(reader, record, take_up, make_attempt):
    async def story():
        await record.begin(
            replace(await take_up("aa-1"), state=State.RUNNING), [make_attempt()], ()
        )

    asyncio.run(story())

    assert reader.output("aa-1", 0, 1) == b""


def test_the_output_of_no_attempt_is_unknown(reader, history):
    with pytest.raises(UnknownRun, match="no attempt 1 of script 0"):
        reader.output("aa-1", 0, 1)


def test_everything_can_be_read_while_the_service_is_down(reader, history, record, inbox):
    record.close()
    inbox.close()

    assert len(reader.runs(limit=10)) == 6
    assert reader.open_events() == 3


def test_runs_can_be_read_without_the_inbox(reader, history, record, inbox, state_dir):
    record.close()
    inbox.close()
    (state_dir / "inbox.db").unlink()

    detail = reader.run("aa-1")

    assert len(reader.runs(limit=10)) == 4
    assert (detail.event.id, detail.event.warnings) == (
        "e-1",
        ("the event is no longer in the inbox",),
    )


def test_accepted_events_can_be_read_without_the_record(reader, history, record, state_dir):
    record.close()
    (state_dir / "record.db").unlink()

    assert {run.state for run in reader.runs(limit=10)} == {State.ACCEPTED}
    assert reader.open_events() == 6


def test_a_damaged_event_does_not_hide_its_run(reader, history, state_dir):
    with closing(sqlite3.connect(state_dir / "inbox.db", isolation_level=None)) as database:
        database.execute("UPDATE accepted SET document = '{' WHERE run = 'aa-1'")

    detail = reader.run("aa-1")

    assert (detail.run.state, detail.event.id) == (State.PASSED, "e-1")
    assert "damaged" in detail.event.warnings[0]


def test_a_damaged_file_is_said_to_be_damaged(reader, history, record, state_dir):
    record.close()
    (state_dir / "record.db").write_bytes(b"no database at all" * 1000)

    with pytest.raises(JournalUnreadable, match=r"record.db is damaged"):
        reader.counts()
