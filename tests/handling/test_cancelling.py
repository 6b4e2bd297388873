"""A person ends a run: it is answered, and starts nothing any more."""

import asyncio

import pytest

from service.errors import SourceUnavailable
from service.outcome import Ending, Execution
from service.states import State


@pytest.fixture
def work(stage, play):
    """Play a story beside a worker."""

    def work_(story, **places):
        async def whole():
            worker = stage.make_worker(**places)
            loop = asyncio.create_task(worker.run())
            await asyncio.sleep(0.5)
            answer = await story(worker)
            await worker.stop(0)
            await loop
            return answer

        return play(whole())

    return work_


def run_of(stage, run):
    return stage.journal.runs[run]


def test_a_running_script_is_ended_and_its_run_says_by_whom(stage, work):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", 60.0)
    run = stage.accept().run

    async def story(worker):
        answer = await worker.cancel(run, "cancelled by alice")
        await asyncio.sleep(1.0)
        return answer

    assert work(story) is True
    assert run_of(stage, run).state is State.CANCELLED
    assert run_of(stage, run).reason == "cancelled by alice"
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_the_scripts_that_come_after_it_are_not_started(stage, work):
    stage.script("test.triggered.sh")
    stage.script("all.events.sh")
    stage.runner.will("test.triggered.sh", 60.0)
    run = stage.accept().run

    async def story(worker):
        await worker.cancel(run, "cancelled by alice")
        await asyncio.sleep(1.0)

    work(story)

    assert stage.scripts_run == ["test.triggered.sh"]
    assert [(a.script, a.state) for a in stage.journal.entries(run)] == [
        ("test.triggered.sh", State.CANCELLED),
        ("all.events.sh", State.CANCELLED),
    ]


def test_a_run_that_waits_for_its_turn_is_ended_at_once_and_answered(stage, work):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", 60.0)
    stage.accept()
    waiting = stage.accept().run

    async def story(worker):
        answer = await worker.cancel(waiting, "cancelled by alice")
        await asyncio.sleep(1.0)
        return answer, worker.running

    assert work(story, at_once=1) == (True, 1)
    assert run_of(stage, waiting).state is State.CANCELLED
    assert stage.scripts_run == ["test.triggered.sh"]
    kinds = [event.kind for event in stage.left if event.run == waiting]
    assert kinds == ["started", "finished"]


def test_a_run_that_waits_for_its_next_attempt_is_ended_at_once(stage, work):
    stage.script("test.triggered.sh", "# genexec: repeatable max-attempts=3\n")
    failed = Execution(ending=Ending.EXIT, exit_code=1)
    stage.runner.will("test.triggered.sh", failed)
    run = stage.accept().run

    async def story(worker):
        before = run_of(stage, run).state
        await worker.cancel(run, "cancelled by alice")
        await asyncio.sleep(1.0)
        return before

    assert work(story) is State.QUEUED
    assert run_of(stage, run).state is State.CANCELLED
    assert stage.scripts_run == ["test.triggered.sh"]
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_a_run_whose_scripts_cannot_be_looked_up_is_ended_in_silence(stage, work):
    stage.source.away = SourceUnavailable("the remote is away")
    run = stage.accept().run

    async def story(worker):
        before = run_of(stage, run).state
        await worker.cancel(run, "cancelled by alice")
        await asyncio.sleep(1.0)
        return before

    assert work(story) is State.UNRESOLVED
    assert run_of(stage, run).state is State.CANCELLED
    assert stage.left == []


def test_a_waiting_run_that_has_no_script_is_ignored_and_not_cancelled(stage, work):
    stage.script("deployment.triggered.sh")
    stage.runner.will("deployment.triggered.sh", 60.0)
    stage.accept("sh.keptn.event.deployment.triggered")
    run = stage.accept().run

    async def story(worker):
        await worker.cancel(run, "cancelled by alice")
        await asyncio.sleep(1.0)

    work(story, at_once=1)

    assert run_of(stage, run).state is State.IGNORED


def test_a_run_that_is_over_is_not_cancelled(stage, work):
    stage.script("test.triggered.sh")
    run = stage.accept().run

    async def story(worker):
        return await worker.cancel(run, "cancelled by alice"), await worker.cancel("x", "by bob")

    assert work(story) == (False, False)
    assert run_of(stage, run).state is State.PASSED


def test_cancelling_twice_is_cancelling_once(stage, work):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", 60.0)
    run = stage.accept().run

    async def story(worker):
        both = (worker.cancel(run, "cancelled by alice"), worker.cancel(run, "cancelled by bob"))
        await asyncio.gather(*both)
        await asyncio.sleep(1.0)

    work(story)

    assert run_of(stage, run).reason == "cancelled by alice"
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_a_place_is_free_again_after_a_run_was_cancelled(stage, work):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", 60.0, Execution(ending=Ending.EXIT, exit_code=0))
    first, second = stage.accept().run, stage.accept().run

    async def story(worker):
        await worker.cancel(first, "cancelled by alice")
        await asyncio.sleep(1.0)

    work(story, at_once=1)

    assert run_of(stage, second).state is State.PASSED
