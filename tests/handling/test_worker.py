"""The loop of the engine: places, order, faults of ours, and the end."""

import asyncio
import logging

import pytest

from service.errors import JournalUnreadable, SourceUnavailable
from service.states import State


@pytest.fixture
def work(stage, play):
    """Let a worker run until nothing is left to do, or for so many seconds; then stop it."""

    def work_(story=None, *, seconds=None, grace=25.0, **places):
        async def whole():
            worker = stage.worker = stage.make_worker(**places)
            loop = asyncio.create_task(worker.run())
            if story is not None:
                await story(worker)
            elif seconds is not None:
                await asyncio.sleep(seconds)
            else:
                await settled(stage)
            await worker.stop(grace)
            await loop

        play(whole())

    return work_


async def settled(stage):
    """Wait until every accepted event has an end."""
    journal = stage.journal
    while not (
        len(journal.runs) == len(journal.events)
        and all(run.ended_at for run in journal.runs.values())
    ):
        await asyncio.sleep(1.0)


def states(stage):
    return [stage.journal.runs[run].state for run in sorted(stage.journal.runs)]


def order_of_projects(stage):
    return [order.event.fields["project"] for order in stage.runner.orders]


@pytest.fixture
def slow(stage):
    """Every event runs one script that takes ten seconds."""
    stage.source.files["generic-executor/all.events.sh"] = b""
    stage.runner.will("all.events.sh", 10.0)


@pytest.mark.usefixtures("slow")
def test_everything_that_was_accepted_is_run(stage, work):
    for _ in range(20):
        stage.accept()

    work()

    assert states(stage) == [State.PASSED] * 20
    assert len(stage.scripts_run) == 20


@pytest.mark.usefixtures("slow")
def test_more_events_wait_than_one_look_at_the_journal_shows(stage, work):
    stage.runner.will("all.events.sh", 0.001)
    for _ in range(1100):
        stage.accept()

    work(at_once=100, per_project=100)

    assert len({order.run for order in stage.runner.orders}) == 1100


@pytest.mark.usefixtures("slow")
def test_never_more_run_at_once_than_there_are_places(stage, work):
    for number in range(12):
        stage.accept_for(f"p{number}")

    work(at_once=3, per_project=2)

    assert stage.runner.at_once["all"] == 3


@pytest.mark.usefixtures("slow")
def test_never_more_of_one_project_run_at_once_than_it_may(stage, work):
    for number in range(12):
        stage.accept_for(f"p{number % 2}")

    work(at_once=8, per_project=2)

    assert (stage.runner.at_once["p0"], stage.runner.at_once["p1"]) == (2, 2)
    assert stage.runner.at_once["all"] == 4


@pytest.mark.usefixtures("slow")
def test_the_next_starts_while_the_end_of_the_last_is_written_down(stage, work, monkeypatch):
    end = stage.journal.end

    async def when_two_have_started(*entries):
        async with asyncio.timeout(60):
            while len(stage.runner.orders) < 2:
                await asyncio.sleep(1.0)
        await end(*entries)

    monkeypatch.setattr(stage.journal, "end", when_two_have_started)
    stage.accept_for("shop")
    stage.accept_for("shop")

    work(at_once=1)

    assert states(stage) == [State.PASSED, State.PASSED]
    assert stage.runner.at_once["all"] == 1


@pytest.mark.usefixtures("slow")
def test_events_start_in_the_order_they_came(stage, work):
    for number in range(9):
        stage.accept_for(f"p{number % 3}", id=f"event-{number}")

    work(at_once=1)

    assert [order.event.id for order in stage.runner.orders] == [f"event-{n}" for n in range(9)]


@pytest.mark.usefixtures("slow")
def test_a_busy_project_does_not_hold_up_another(stage, work):
    for _ in range(50):
        stage.accept_for("busy")
    stage.accept_for("quiet")

    work(seconds=5, grace=0, at_once=8, per_project=4)

    assert order_of_projects(stage) == ["busy"] * 4 + ["quiet"]


@pytest.mark.usefixtures("slow")
def test_an_event_that_comes_later_starts_when_the_worker_is_called(stage, work):
    async def story(worker):
        await asyncio.sleep(0.5)
        stage.accept()
        worker.wake()
        await asyncio.sleep(0.01)
        assert worker.running == 1

    work(story)

    assert states(stage) == [State.PASSED]


@pytest.mark.usefixtures("slow")
def test_an_event_nobody_called_for_is_found_within_a_second_or_so(stage, work):
    async def story(worker):
        await asyncio.sleep(0.5)
        stage.accept()
        await asyncio.sleep(1.1)
        assert worker.running == 1

    work(story)


def test_an_event_whose_scripts_cannot_be_looked_up_gives_its_place_to_others(stage, work):
    stage.script("all.events.sh", level="sockshop")
    stage.source.away = SourceUnavailable("away")
    for _ in range(3):
        stage.accept()

    async def story(_):
        await asyncio.sleep(60)
        assert states(stage) == [State.UNRESOLVED] * 3
        stage.source.away = None
        await settled(stage)

    work(story, at_once=1)

    assert states(stage) == [State.PASSED] * 3


def test_an_attempt_that_follows_comes_after_its_pause(stage, work, execution):
    stage.script("test.triggered.sh", "# genexec: repeatable\n")
    stage.runner.will("test.triggered.sh", execution("", exit_code=1), execution("done"))
    stage.accept()

    async def story(worker):
        await asyncio.sleep(4)
        assert (len(stage.scripts_run), worker.running) == (1, 0)
        await asyncio.sleep(2)
        assert len(stage.scripts_run) == 2

    work(story)

    assert states(stage) == [State.PASSED]


def test_what_an_earlier_process_left_comes_first(stage, work, play):
    stage.script("test.triggered.sh", "# genexec: repeatable\n")
    stage.runner.will("test.triggered.sh", 100.0)
    stage.accept(id="old")
    work(seconds=1, grace=0)
    assert states(stage) == [State.QUEUED]
    stage.restart()
    stage.runner.will("test.triggered.sh", 1.0)
    stage.runner.orders.clear()
    stage.accept(id="new")

    work(at_once=1)

    assert states(stage) == [State.PASSED] * 2
    assert sorted(order.event.id for order in stage.runner.orders) == ["new", "old"]


@pytest.mark.parametrize("method", ["accepted", "hops"])
def test_an_event_that_the_journal_cannot_tell_now_is_taken_up_again(stage, work, caplog, method):
    stage.script("test.triggered.sh")
    stage.journal.breaks(method, times=3)
    stage.accept()

    work()

    assert states(stage) == [State.PASSED]
    assert len(stage.scripts_run) == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["no space left on device; the event is taken up again"] * 3


def test_a_journal_that_cannot_be_looked_at_now_is_looked_at_again(stage, work):
    """R18: the service recovers without a restart."""
    stage.script("test.triggered.sh")
    stage.journal.breaks("waiting", times=3)
    stage.accept()

    work(seconds=10)

    assert states(stage) == [State.PASSED]


def test_an_event_the_journal_has_lost_is_left_alone_and_others_go_on(stage, work):
    stage.script("test.triggered.sh")
    stage.journal.breaks("accepted", error=JournalUnreadable("the stored event is damaged"))
    for _ in range(2):
        stage.accept()

    work(seconds=5)

    assert len(stage.scripts_run) == 1
    assert states(stage) == [State.PASSED]


def test_a_damaged_journal_ends_the_loop_so_that_the_next_start_repairs_it(stage, play):
    stage.script("test.triggered.sh")
    stage.journal.breaks("begin", error=JournalUnreadable("the record is damaged"))
    stage.accept()

    with pytest.raises(JournalUnreadable, match="the record is damaged"):
        play(stage.make_worker().run())


def test_a_fault_of_ours_ends_the_event_as_errored_and_others_go_on(stage, work, caplog):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", ZeroDivisionError("a slip"), 1.0)
    for _ in range(2):
        stage.accept()

    work()

    assert states(stage) == [State.ERRORED, State.PASSED]
    assert stage.journal.runs["run-1"].reason == (
        "internal error of generic-executor-service; see its log"
    )
    kinds = [event.kind for event in stage.left if event.run == "run-1"]
    assert kinds == ["started", "finished"]
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == "a fault of ours; the event ends as errored"
    assert record.run == "run-1"


def test_a_fault_of_ours_leaves_the_record_of_what_was_begun(stage, work):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", ZeroDivisionError("a slip"))
    stage.accept()

    work()

    run, [entry] = stage.journal.runs["run-1"], stage.journal.entries("run-1")
    assert run.started_at is not None
    assert run.commit == "c" * 40
    assert entry.state is State.ERRORED


def test_a_fault_before_anything_was_started_is_not_answered(stage, work):
    """R10: an executor that has not said `started` must not say `finished`."""
    stage.source.away = ZeroDivisionError("a slip")
    stage.accept()

    work()

    assert states(stage) == [State.ERRORED]
    assert [event.kind for event in stage.left] == []


def test_every_end_is_one_line_in_the_log(stage, work, caplog):
    caplog.set_level(logging.INFO)
    stage.script("test.triggered.sh")
    stage.accept(id="the-event")

    work()

    [record] = [record for record in caplog.records if record.name == "service.worker"]
    assert record.getMessage() == "sh.keptn.event.test.triggered: passed"
    assert (record.run, record.event, record.state) == ("run-1", "the-event", State.PASSED)


@pytest.mark.usefixtures("slow")
def test_stopping_waits_for_what_runs(stage, work):
    stage.accept()

    work(seconds=1, grace=25)

    assert states(stage) == [State.PASSED]
    assert stage.runner.cancelled == []


@pytest.mark.usefixtures("slow")
def test_what_does_not_end_within_the_grace_is_interrupted_and_told(stage, work):
    stage.accept()

    work(seconds=1, grace=3)

    assert states(stage) == [State.INTERRUPTED]
    assert set(stage.runner.cancelled) == {"run-1"}
    assert [event.kind for event in stage.left] == ["started", "finished"]


@pytest.mark.usefixtures("slow")
def test_nothing_starts_after_the_stop(stage, work):
    for _ in range(6):
        stage.accept()

    async def story(worker):
        await asyncio.sleep(1)
        stage.accept()
        worker.wake()

    work(story, at_once=2)

    assert len(stage.scripts_run) == 2
    assert states(stage) == [State.PASSED] * 2


def test_of_several_scripts_the_rest_is_left_to_the_next_process(stage, work):
    for name in ("test.triggered.sh", "test.triggered.py"):
        stage.script(name)
        stage.runner.will(name, 10.0)
    stage.accept()

    work(seconds=1, grace=2)

    assert stage.scripts_run == ["test.triggered.sh"]
    assert states(stage) == [State.RUNNING]
    entries = stage.journal.entries("run-1")
    assert [entry.state for entry in entries] == [State.INTERRUPTED, State.QUEUED]
    assert [event.kind for event in stage.left] == ["started"]

    stage.restart()
    work()

    assert stage.scripts_run == ["test.triggered.sh", "test.triggered.py"]
    assert states(stage) == [State.INTERRUPTED]
    assert [event.kind for event in stage.left] == ["started", "finished"]


def test_stopping_ends_although_the_journal_cannot_be_written(stage, work, execution):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", execution(""))
    stage.journal.breaks("end", times=10_000)
    stage.accept()

    work(seconds=5, grace=2)

    assert states(stage) == [State.RUNNING]


def test_a_worker_without_work_stops_at_once(work):
    work(seconds=0, grace=1000)
