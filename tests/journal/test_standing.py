"""How full the journal is and how long its oldest entries wait."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from service.errors import JournalUnreadable
from service.journal.standing import Standing
from service.states import State


@pytest.fixture
def standing(state_dir):
    return Standing(state_dir)


def test_an_empty_directory_is_an_empty_journal(standing):
    figures = standing.figures()

    assert set(figures.runs) == {state.value for state in State}
    assert figures.unfinished == 0
    assert (figures.oldest_unfinished, figures.oldest_pending, figures.size) == (None, None, 0)


def test_runs_and_outgoing_events_are_counted_by_state(
    standing, record, take_up, accept, make_outgoing
):
    async def story():
        over = replace(await take_up("aa-1"), state=State.PASSED)
        await record.end(over, (), (make_outgoing(over),))
        await record.begin(replace(await take_up("aa-2"), state=State.RUNNING), (), ())
        await accept("aa-3")

    asyncio.run(story())

    figures = standing.figures()
    assert {state: count for state, count in figures.runs.items() if count} == {
        "accepted": 1,
        "running": 1,
        "passed": 1,
    }
    assert figures.outgoing == {"pending": 1, "sent": 0, "dead": 0}
    assert figures.unfinished == 2
    assert figures.oldest_pending is not None
    assert figures.size > 0


def test_the_oldest_unfinished_event_may_have_a_run_or_none(standing, record, take_up, accept):
    """An event without a run can be older than one that is running, and the other way round."""

    async def story():
        first = await take_up("aa-1")
        await record.begin(replace(first, state=State.RUNNING), (), ())
        return first

    first = asyncio.run(story())
    with_run = standing.figures().oldest_unfinished
    asyncio.run(record.end(replace(first, state=State.PASSED), (), ()))
    all_over = standing.figures().oldest_unfinished
    asyncio.run(accept("aa-2"))
    without_run = standing.figures().oldest_unfinished

    assert with_run == first.accepted_at
    assert all_over is None
    assert without_run is not None
    assert abs(without_run - first.accepted_at) < timedelta(days=1)


def test_a_run_that_overtook_is_not_waited_for(standing, record, take_up, accept):
    async def story():
        await accept("aa-1")
        await record.end(replace(await take_up("aa-2"), state=State.PASSED), (), ())

    asyncio.run(story())

    assert standing.figures().unfinished == 1
    assert standing.figures().oldest_unfinished is not None


def test_a_damaged_journal_cannot_be_looked_at(standing, record, take_up, state_dir):
    asyncio.run(take_up("aa-1"))
    record.close()
    (state_dir / "record.db").write_bytes(b"no database" * 1000)

    with pytest.raises(JournalUnreadable):
        standing.figures()
