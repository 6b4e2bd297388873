"""Who asked for a run, and its event once more."""

import asyncio
from dataclasses import replace

import pytest

from service.errors import EventForgotten
from service.journal.origins import Origins
from service.states import State


@pytest.fixture
def origins(state_dir):
    return Origins(state_dir)


def test_without_files_there_is_nobody(origins, tmp_path):
    assert origins.summaries([]) == []
    with pytest.raises(EventForgotten):
        origins.event("1jkq9m2x4-7f3a8w")


def test_a_person_counts_before_the_sender_and_the_sender_before_the_source(
    origins, reader, record, take_up, make_attempt
):
    async def story():
        run = await take_up("aa-1", genexecuser="alice", genexecurl="https://c/1", sender="bot")
        run = replace(run, state=State.PASSED)
        scripts = [
            make_attempt(0, script="a.sh"),
            make_attempt(0, 2),
            make_attempt(1, script="b.sh"),
        ]
        await record.end(run, scripts, ())
        await record.end(replace(await take_up("aa-2", sender="bot"), state=State.PASSED), (), ())
        await record.end(replace(await take_up("aa-3"), state=State.PASSED), (), ())

    asyncio.run(story())
    summaries = origins.summaries(reader.runs(limit=10))

    assert [(one.run.id, one.asked_by, one.asked_url, one.scripts) for one in summaries] == [
        ("aa-3", "test", "", ()),
        ("aa-2", "bot", "", ()),
        ("aa-1", "alice", "https://c/1", ("a.sh", "b.sh")),
    ]


def test_an_attempt_that_was_damaged_keeps_no_run_from_being_listed(
    origins, reader, record, take_up, make_attempt
):
    def damage(database):
        database.execute("UPDATE attempt SET structured = '{\"next'")

    async def story():
        attempts = [make_attempt(0, script="a.sh")]
        run = replace(await take_up("aa-1"), state=State.PASSED)
        await record.end(run, attempts, ())
        await record.maintain(damage)

    asyncio.run(story())

    [summary] = origins.summaries(reader.runs(limit=10))

    assert (summary.run.id, summary.scripts, summary.next) == ("aa-1", ("a.sh",), ())


def test_an_event_is_returned_as_it_was_accepted(origins, accept, make_event):
    asyncio.run(accept("aa-1", id="e-1"))

    assert origins.event("aa-1").document == make_event(id="e-1").document


def test_an_event_whose_content_was_forgotten_cannot_be_returned(origins, inbox, accept):
    def forget(database):
        database.execute("UPDATE accepted SET document = '', beside = 'was damaged'")

    async def story():
        await accept("aa-1", genexecuser="alice")
        await inbox.maintain(forget)

    asyncio.run(story())

    with pytest.raises(EventForgotten, match="aa-1"):
        origins.event("aa-1")
