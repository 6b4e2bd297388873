"""Scripts that may be repeated: how often, when, and when not (R3)."""

import pytest

from service.errors import RunnerLost
from service.outcome import Ending, Execution
from service.states import State

pytestmark = pytest.mark.promise("R3")

REPEATABLE = "# genexec: repeatable max-attempts=3\n"


def numbers(stage):
    return [int(order.variables["GENEXEC_ATTEMPT"]) for order in stage.runner.orders]


def test_a_script_that_fails_is_repeated_until_it_passes(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=1), execution("done"))

    run = play(stage.handle(stage.accept()))

    assert numbers(stage) == [1, 2]
    assert (run.state, run.message) == (State.PASSED, "done")
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_a_script_is_not_repeated_more_often_than_it_says(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=7))

    run = play(stage.handle(stage.accept()))

    assert numbers(stage) == [1, 2, 3]
    assert (run.state, run.reason) == (State.FAILED, "exit code 7")
    assert [entry.state for entry in stage.journal.entries("run-1")] == [State.FAILED] * 3


def test_pauses_between_attempts_grow_and_the_place_is_free_meanwhile(stage, play, execution):
    stage.script("test.triggered.sh", "# genexec: repeatable max-attempts=10\n")
    stage.runner.will("test.triggered.sh", execution("", exit_code=1))

    async def story():
        handled = await stage.handling.handle(stage.accept())
        pauses = []
        while handled.again is not None:
            assert handled.run.state is State.QUEUED
            pauses.append(handled.again.seconds)
            handled = await handled.again.go()
        return pauses

    assert play(story()) == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_the_record_says_what_happened_and_what_follows(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=1))

    async def story():
        return await stage.handling.handle(stage.accept())

    play(story())

    run = stage.journal.runs["run-1"]
    assert (run.state, run.reason) == (
        State.QUEUED,
        "attempt 1: exit code 1; attempt 2 follows",
    )


@pytest.mark.parametrize(
    ("first", "attempts"),
    [
        (Execution(ending=Ending.DEADLINE), 2),
        (Execution(ending=Ending.OUTPUT_LIMIT), 2),
        (Execution(ending=Ending.DISK_LIMIT), 2),
        (Execution(ending=Ending.INTERRUPTED), 2),
        (Execution(ending=Ending.NOT_RUN, detail="host not reachable"), 2),
        (Execution(ending=Ending.EXIT, signal=9), 2),
        (Execution(ending=Ending.EXIT, http_status=503), 2),
        (RunnerLost(), 2),
        (Execution(ending=Ending.CANCELLED), 1),
        (Execution(ending=Ending.EXIT, exit_code=0), 1),
        (Execution(ending=Ending.EXIT, exit_code=0, stdout=b'{"result": "warning"}'), 1),
    ],
    ids=str,
)
def test_every_bad_end_is_repeated_but_a_cancelled_or_passed_run_is_not(
    stage, play, execution, first, attempts
):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", first, execution("done"))

    play(stage.handle(stage.accept()))

    assert len(stage.scripts_run) == attempts


def test_a_script_that_cannot_be_run_is_not_repeated(stage, play):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.source.problem = "there is no commit aaaa"

    run = play(stage.handle(stage.accept()))

    assert run.state is State.ERRORED
    assert len(stage.journal.entries("run-1")) == 1


def test_a_script_that_does_not_say_so_is_started_once(stage, play):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", RunnerLost())

    play(stage.handle(stage.accept()))

    assert numbers(stage) == [1]


def test_the_next_script_waits_for_the_last_attempt_and_starts_at_one(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.script("test.triggered.py", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=1), execution(""))
    stage.runner.will("test.triggered.py", execution("", exit_code=1), execution(""))

    run = play(stage.handle(stage.accept()))

    assert stage.scripts_run == ["test.triggered.sh"] * 2 + ["test.triggered.py"] * 2
    assert numbers(stage) == [1, 2, 1, 2]
    assert run.state is State.PASSED
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_only_the_last_attempt_is_told_to_the_sender(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("bad", exit_code=1), execution("good"))

    play(stage.handle(stage.accept()))

    assert b"good" in stage.left[-1].body
    assert b"bad" not in stage.left[-1].body


def test_follow_ups_of_every_attempt_are_sent(stage, play, execution):
    """A script that asked for an event and then failed has asked for it all the same."""
    stage.script("test.triggered.sh", REPEATABLE)
    wanted = '{"type": "sh.keptn.events.tests-finished"}'
    stage.runner.will("test.triggered.sh", execution(wanted, exit_code=1), execution("done"))

    play(stage.handle(stage.accept()))

    assert [event.kind for event in stage.left] == ["started", "follow-up", "finished"]


def test_an_attempt_that_waits_is_not_started_while_stopping(stage, play, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=1))

    async def story():
        handled = await stage.handling.handle(stage.accept())
        stage.handling.stop()
        return await handled.again.go()

    handled = play(story())

    assert (handled.run.state, handled.again) == (State.QUEUED, None)
    assert numbers(stage) == [1]
