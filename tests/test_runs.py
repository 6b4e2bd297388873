"""What happened to an event: ids, the run at its beginning, pauses between attempts."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest

from service.keptn_events import Belonging
from service.runs import Accepted, new_run_id, opened, pause_before
from service.states import State

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def test_ids_of_runs_sort_by_time():
    times = [NOW + timedelta(milliseconds=step) for step in (0, 1, 2, 31, 32, 33, 1024, 10**9)]
    ids = [new_run_id(time) for time in times]

    assert ids == sorted(ids)


def test_an_id_can_be_read_aloud():
    id_ = new_run_id(NOW)

    time, dash, chance = id_.partition("-")
    assert (len(time), dash, len(chance)) == (9, "-", 6)
    assert set(time + chance) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_ids_of_one_moment_differ():
    assert len({new_run_id(NOW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("year", [1970, 2026, 2500])
def test_an_id_has_the_same_length_in_every_year(year):
    assert len(new_run_id(NOW.replace(year=year))) == 16


def test_a_run_begins_with_what_the_event_says(make_event):
    event = make_event(id="the-event", source="shipyard")
    where = Belonging(project="p", stage="s", service="v")

    run = opened(Accepted(seq=7, run="run-1", event=event, belonging=where, at=NOW))

    assert (run.id, run.seq, run.event_id, run.source) == ("run-1", 7, "the-event", "shipyard")
    assert (run.type, run.context) == (event.type, event.context)
    assert (run.project, run.stage, run.service) == ("p", "s", "v")
    assert (run.state, run.accepted_at, run.started_at, run.ended_at) == (
        State.ACCEPTED,
        NOW,
        None,
        None,
    )


def test_a_run_does_not_change(make_event):
    run = opened(Accepted(seq=1, run="r", event=make_event(), belonging=Belonging(), at=NOW))

    with pytest.raises(FrozenInstanceError):
        run.state = State.PASSED


def test_pauses_double_up_to_five_minutes():
    assert [pause_before(number) for number in range(2, 11)] == [
        5, 10, 20, 40, 80, 160, 300, 300, 300,
    ]  # fmt: skip
    assert pause_before(100) == 300


@pytest.mark.parametrize("state", State)
def test_a_state_is_over_or_has_an_owner(state):
    open_states = {State.ACCEPTED, State.UNRESOLVED, State.QUEUED, State.RUNNING}

    assert state.ended is (state not in open_states)
