"""What an earlier process left is brought to its end, and no script is started twice (R2, R3)."""

import asyncio
import json
from dataclasses import replace

import pytest

from service.errors import BadScript, JournalUnavailable, SourceUnavailable
from service.outcome import Ending, Execution
from service.states import State

pytestmark = pytest.mark.promise("R2")

REPEATABLE = "# genexec: repeatable max-attempts=3\n"
BOTH = ("test.triggered.sh", "test.triggered.py")


class Death(BaseException):
    """The process ended here."""


@pytest.fixture
def die(stage, play):
    """Let the process die while a script runs; the next one begins with the same journal."""

    def die_(script, *before):
        stage.runner.will(script, *before, die_now)
        with pytest.raises(Death):
            play(stage.handle(stage.accept()))
        left, stage.left = stage.left, []
        stage.runner.deeds.clear()
        stage.runner.orders.clear()
        stage.restart()
        return left

    return die_


def die_now():
    raise Death


def kinds(events):
    return [event.kind for event in events]


def finished(stage):
    return json.loads(stage.left[-1].body)


def test_a_script_that_was_running_is_interrupted_and_not_started_again(stage, play, die):
    stage.script("test.triggered.sh")
    before = die("test.triggered.sh")

    run = play(stage.resume())

    assert stage.scripts_run == []
    assert kinds(before) == ["started"]
    assert kinds(stage.left) == ["finished"]
    assert run.state is State.INTERRUPTED
    data = finished(stage)["data"]
    assert (data["result"], data["status"]) == ("fail", "errored")
    assert "what it did is unknown" in data["message"]
    [entry] = stage.journal.entries("run-1")
    assert (entry.state, entry.ending) == (State.INTERRUPTED, "interrupted")


def test_the_answer_belongs_to_the_event_and_to_the_started_before(stage, play, die):
    stage.script("test.triggered.sh")
    [started] = die("test.triggered.sh")

    play(stage.resume())

    begun, ended = json.loads(started.body), finished(stage)
    for name in ("source", "triggeredid", "shkeptncontext"):
        assert begun[name] == ended[name]
    assert begun["id"] != ended["id"]


def test_scripts_that_waited_behind_the_interrupted_one_run(stage, play, die):
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")

    run = play(stage.resume())

    assert stage.scripts_run == ["test.triggered.py"]
    assert run.state is State.INTERRUPTED
    assert kinds(stage.left) == ["finished"]


def test_what_the_first_script_did_is_remembered_when_the_second_was_running(
    stage, play, die, execution
):
    for name in BOTH:
        stage.script(name)
    stage.runner.will("test.triggered.sh", execution("first done", exit_code=2))
    die("test.triggered.py")

    run = play(stage.resume())

    assert stage.scripts_run == []
    assert run.state is State.INTERRUPTED
    message = finished(stage)["data"]["message"]
    assert message.startswith("test.triggered.sh:\nexit code 2\nfirst done\ntest.triggered.py:\n")


def test_the_structured_result_of_the_first_script_is_remembered(stage, play, die, execution):
    for name in BOTH:
        stage.script(name)
    stage.runner.will("test.triggered.sh", execution('{"start": "now"}'))
    die("test.triggered.py")

    play(stage.resume())

    assert finished(stage)["data"]["test"] == {"start": "now"}


def test_follow_ups_of_the_first_script_are_not_sent_again(stage, play, die, execution):
    for name in BOTH:
        stage.script(name)
    wanted = '{"type": "sh.keptn.events.tests-finished"}'
    stage.runner.will("test.triggered.sh", execution(wanted))
    before = die("test.triggered.py")

    play(stage.resume())

    assert kinds(before) == ["started", "follow-up"]
    assert kinds(stage.left) == ["finished"]


def test_a_repeatable_script_that_was_running_has_its_next_attempt(stage, play, die):
    stage.script("test.triggered.sh", REPEATABLE)
    die("test.triggered.sh")

    run = play(stage.resume())

    assert [order.variables["GENEXEC_ATTEMPT"] for order in stage.runner.orders] == ["2"]
    assert run.state is State.PASSED
    assert kinds(stage.left) == ["finished"]
    states = [entry.state for entry in stage.journal.entries("run-1")]
    assert states == [State.INTERRUPTED, State.PASSED]


def test_attempts_before_the_end_count(stage, play, die, execution):
    stage.script("test.triggered.sh", REPEATABLE)
    failed = execution("", exit_code=1)
    die("test.triggered.sh", failed, failed)

    run = play(stage.resume())

    assert stage.scripts_run == []
    assert run.state is State.INTERRUPTED
    assert len(stage.journal.entries("run-1")) == 3


def test_an_attempt_that_was_to_follow_follows_after_what_is_left_of_its_pause(
    stage, play, execution
):
    stage.script("test.triggered.sh", REPEATABLE)
    stage.runner.will("test.triggered.sh", execution("", exit_code=1))

    async def before():
        return await stage.handling.handle(stage.accept())

    async def after():
        await asyncio.sleep(3.0)
        (left,) = stage.journal.abandoned()
        handled = await stage.handling.resume(*left)
        return handled.again.seconds, await stage.to_the_end(handled)

    play(before())
    stage.runner.deeds.clear()
    stage.restart()
    seconds, run = play(after())

    assert seconds == pytest.approx(2.0)
    assert run.state is State.PASSED
    assert [order.variables["GENEXEC_ATTEMPT"] for order in stage.runner.orders] == ["1", "2"]


def test_scripts_before_and_behind_a_repeatable_one_run_once(stage, play, execution, die):
    stage.script("test.triggered.sh")
    stage.script("test.triggered.py", REPEATABLE)
    stage.script("test.triggered.http")
    die("test.triggered.py")

    run = play(stage.resume())

    assert stage.scripts_run == ["test.triggered.py", "test.triggered.http"]
    assert run.state is State.PASSED


def test_an_event_that_could_not_be_looked_up_is_looked_up_again(stage, play):
    stage.script("test.triggered.sh")
    stage.source.away = SourceUnavailable("away")

    async def before():
        return await stage.handling.handle(stage.accept())

    play(before())
    stage.source.away = None
    stage.restart()
    run = play(stage.resume())

    assert run.state is State.PASSED
    assert kinds(stage.left) == ["started", "finished"]


def test_a_script_runs_as_it_was_when_it_was_chosen(stage, play, die):
    """Contract 3.4: what runs is decided once, at one commit, before the first script starts."""
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")
    stage.source.commit = "d" * 40
    stage.script("test.triggered.http")

    play(stage.resume())

    [order] = stage.runner.orders
    assert (order.name, order.blob) == (
        "test.triggered.py",
        "blob of sockshop/generic-executor/test.triggered.py",
    )
    assert order.variables["GENEXEC_COMMIT"] == "c" * 40


@pytest.mark.parametrize("error", [SourceUnavailable("gone"), BadScript("gone")])
def test_a_script_that_cannot_be_read_again_is_errored_and_told(stage, play, die, error):
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")
    stage.source.unreadable["test.triggered.py"] = error

    run = play(stage.resume())

    assert stage.scripts_run == []
    assert run.state is State.INTERRUPTED
    assert kinds(stage.left) == ["finished"]
    assert "gone" in finished(stage)["data"]["message"]


def test_a_run_taken_up_by_a_third_process_is_the_same_story(stage, play, die):
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")
    stage.runner.will("test.triggered.py", die_now)
    with pytest.raises(Death):
        play(stage.resume())
    stage.restart()
    stage.runner.orders.clear()

    run = play(stage.resume())

    assert stage.scripts_run == []
    assert run.state is State.INTERRUPTED
    states = [entry.state for entry in stage.journal.entries("run-1")]
    assert states == [State.INTERRUPTED, State.INTERRUPTED]
    assert kinds(stage.left) == ["finished"]


def test_a_run_taken_up_while_stopping_keeps_what_is_known(stage, play, die):
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")
    stage.handling.stop()

    run = play(stage.resume())

    assert run.state is State.RUNNING
    assert stage.scripts_run == []
    states = [entry.state for entry in stage.journal.entries("run-1")]
    assert states == [State.INTERRUPTED, State.QUEUED]


def test_what_the_journal_cannot_keep_while_stopping_is_left_to_the_next_process(
    stage, play, execution
):
    stage.script("test.triggered.sh")
    stage.journal.breaks("end", times=5)

    def stop():
        stage.handling.stop()
        return execution("done")

    stage.runner.will("test.triggered.sh", stop)
    with pytest.raises(JournalUnavailable):
        play(stage.handle(stage.accept()))

    assert stage.journal.runs["run-1"].state is State.RUNNING
    assert kinds(stage.left) == ["started"]


@pytest.mark.parametrize("repeatable", ["", REPEATABLE])
def test_a_script_ended_by_the_shutdown_was_interrupted_not_cancelled(stage, play, repeatable):
    stage.script("test.triggered.sh", repeatable)

    def shut_down():
        stage.handling.stop()
        return Execution(ending=Ending.CANCELLED)

    stage.runner.will("test.triggered.sh", shut_down)
    play(stage.handling.handle(stage.accept()))

    [entry] = stage.journal.entries("run-1")
    assert (entry.state, entry.message) == (State.INTERRUPTED, "the service was shut down")
    expected = State.QUEUED if repeatable else State.INTERRUPTED
    assert stage.journal.runs["run-1"].state is expected


def test_the_order_of_entries_does_not_matter(stage, play, die):
    for name in BOTH:
        stage.script(name)
    die("test.triggered.sh")
    ((run, accepted, entries),) = stage.journal.abandoned()

    async def story():
        handled = await stage.handling.resume(replace(run), accepted, entries[::-1])
        return await stage.to_the_end(handled)

    assert play(story()).state is State.INTERRUPTED
    assert stage.scripts_run == ["test.triggered.py"]
