"""Every state has an owner: what a fault of ours made nobody's is taken up again."""

import asyncio
from dataclasses import replace

import pytest

from service.runs import opened
from service.states import State
from service.worker import Worker


@pytest.fixture
def play_for(stage, play):
    """Let a worker run for so many seconds; then stop it."""

    def play_for_(seconds, worker=None):
        async def whole():
            one = worker or stage.make_worker()
            loop = asyncio.create_task(one.run())
            await asyncio.sleep(seconds)
            await one.stop(25)
            await loop

        play(whole())

    return play_for_


def test_an_event_that_was_dropped_by_a_fault_of_ours_is_taken_up_again(stage, play_for, caplog):
    stage.script("test.triggered.sh")
    slip = ZeroDivisionError("a slip")
    stage.journal.breaks("hops", error=slip)
    stage.journal.broken["ignore"] = [slip]
    stage.accept()

    play_for(10)

    assert stage.journal.runs["run-1"].state is State.PASSED
    assert stage.scripts_run == ["test.triggered.sh"]
    messages = [record.getMessage() for record in caplog.records if record.exc_info]
    assert messages[-1] == "a fault of ours; the event is taken up again"


def test_a_run_that_was_dropped_after_its_script_ended_is_finished(stage, play_for):
    stage.script("test.triggered.sh")
    slip = ZeroDivisionError("a slip")
    stage.journal.broken["end"] = [slip, slip]
    stage.accept()

    play_for(10)

    assert stage.journal.runs["run-1"].state is State.INTERRUPTED
    assert stage.scripts_run == ["test.triggered.sh"]
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_what_is_looked_after_is_not_taken_up_twice(stage, play_for):
    stage.script("test.triggered.sh", "# genexec: repeatable\n")
    stage.runner.will("test.triggered.sh", 200.0)
    for _ in range(10):
        stage.accept()

    play_for(250)

    assert len(stage.scripts_run) == 8


def test_a_started_run_without_attempts_ends_with_the_answer_that_is_due(stage, play_for):
    """A salvaged record may know that a run was begun, and nothing of its scripts."""
    stage.script("test.triggered.sh")
    accepted = stage.accept()
    reason = "the record of this run was damaged"
    begun = replace(opened(accepted), state=State.RUNNING, started_at=accepted.at, reason=reason)
    stage.journal.runs["run-1"] = begun

    play_for(1)

    run = stage.journal.runs["run-1"]
    assert (run.state, run.reason) == (State.ERRORED, reason)
    assert [event.kind for event in stage.left] == ["finished"]
    assert stage.scripts_run == []


def test_nothing_starts_while_there_is_no_room_for_results(stage, play_for):
    stage.script("test.triggered.sh")
    stage.accept()
    worker = Worker(
        journal=stage.journal,
        handling=stage.handling,
        runners={".sh": stage.runner},
        at_once=8,
        per_project=4,
        has_room=lambda: False,
    )

    play_for(5, worker)

    assert stage.scripts_run == []
    assert stage.journal.runs == {}
