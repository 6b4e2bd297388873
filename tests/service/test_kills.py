"""Processes of the service are killed while scripts run; nothing is lost or run twice."""

import random
import time

import pytest

LONG = "sh.keptn.event.test.triggered"
SHORT = "sh.keptn.event.deployment.triggered"
HELLO = "sh.keptn.event.hello.triggered"
AGAIN = "sh.keptn.event.release.triggered"


@pytest.fixture
def service(serve, signing):
    scripts = {
        "test.triggered.sh": signing("ran") + "sleep 60 &\nsetsid sleep 60 &\nsleep 60",
        "deployment.triggered.sh": signing("ran") + "sleep 1.5",
        "hello.triggered.sh": signing("ran"),
        "release.triggered.sh": "# genexec: repeatable max-attempts=2\n"
        + signing("ran")
        + "[ $GENEXEC_ATTEMPT = 2 ] || sleep 60",
    }
    return serve(scripts).start()


def kinds(events):
    return [event["type"].rpartition(".")[2] for event in events]


def assert_back(service, event):
    """A new event is run from beginning to end."""
    task = event(HELLO)
    service.wait_until_ready()
    assert service.wait_for(service.send(task))["state"] == "passed"
    assert kinds(service.sink.wait_for(2, trigger=task["id"])) == ["started", "finished"]


@pytest.mark.promise("R2")
@pytest.mark.promise("R4")
@pytest.mark.parametrize(
    "names",
    [
        ("supervisor",),
        ("keeper",),
        ("runner",),
        ("engine",),
        ("supervisor", "engine", "arbiter", "worker"),
    ],
    ids=" ".join,
)
def test_scripts_end_with_the_service_and_are_reported_as_interrupted(service, event, until, names):
    task = event(LONG)
    run = service.send(task)
    service.wait_for_signs(1)

    service.kill(*names)

    until(lambda: not service.scripts(), seconds=2, what="a script outlives the service")
    if "supervisor" in names:
        service.process.wait()
        until(lambda: not service.living(), seconds=2, what="a process outlives the supervisor")
        service.start()
    record = service.wait_for(run)
    started, finished = service.sink.wait_for(2, trigger=task["id"])
    assert_back(service, event)
    assert (record["state"], record["result"]) == ("interrupted", "fail")
    assert kinds([started, finished]) == ["started", "finished"]
    assert finished["data"]["status"] == "errored"
    assert len(service.signs(task["id"])) == 1
    assert len(service.sink.of(trigger=task["id"])) == 2
    assert service.scripts() == []


@pytest.mark.parametrize("name", ["arbiter", "worker"])
def test_scripts_go_on_while_the_web_process_is_started_again(service, event, name):
    task = event(SHORT)
    run = service.send(task)
    service.wait_for_signs(1)
    before = service.processes()[name]

    service.kill(name)

    answers = service.sink.wait_for(2, trigger=task["id"])
    assert_back(service, event)
    assert service.processes()[name] != before
    assert service.wait_for(run)["state"] == "passed"
    assert kinds(answers) == ["started", "finished"]
    assert len(service.signs(task["id"])) == 1


@pytest.mark.promise("R4")
def test_scripts_end_at_the_latest_when_the_service_starts_again(service, event, until):
    task = event(LONG)
    run = service.send(task)
    service.wait_for_signs(1)
    service.kill()
    service.process.wait()

    service.start()

    service.wait_for(run, "interrupted")
    try:
        until(lambda: not service.scripts(), seconds=2, what="a script outlives the service")
    finally:
        service.end_scripts()


def test_events_that_come_while_the_engine_is_dead_are_run_when_it_is_back(service, event):
    service.kill("engine")
    tasks = [event(HELLO) for _ in range(5)]

    runs = [service.send(task) for task in tasks]

    assert {service.wait_for(run)["state"] for run in runs} == {"passed"}
    assert [len(service.signs(task["id"])) for task in tasks] == [1] * 5
    for task in tasks:
        assert kinds(service.sink.wait_for(2, trigger=task["id"])) == ["started", "finished"]


@pytest.mark.promise("R3")
def test_a_repeatable_script_gets_its_next_attempt_after_a_kill(service, event):
    task = event(AGAIN)
    run = service.send(task)
    service.wait_for_signs(1)
    service.kill("supervisor")
    service.process.wait()

    service.start()

    record = service.wait_for(run)
    answers = service.sink.wait_for(2, trigger=task["id"])
    assert record["state"] == "passed"
    assert [one["state"] for one in record["attempts"]] == ["interrupted", "passed"]
    assert [sign.attempt for sign in service.signs(task["id"])] == [1, 2]
    assert kinds(answers) == ["started", "finished"]


@pytest.mark.promise("R1")
@pytest.mark.promise("R2")
@pytest.mark.promise("R3")
def test_kills_at_random_times_lose_nothing_and_double_nothing(service, event):
    tasks, seed = [], random.Random(20)
    for _ in range(6):
        batch = [event(HELLO, shkeptncontext=f"context {number}") for number in range(6)]
        tasks += batch
        service.send(batch)
        time.sleep(seed.uniform(0, 0.15))
        service.kill()
        service.process.wait()
        service.start()

    service.sink.wait_for(2 * len(tasks))

    records = {run["event_id"]: run for run in service.runs()}
    assert all(records[task["id"]]["ended_at"] for task in tasks)
    assert {run["state"] for run in records.values()} <= {"passed", "interrupted"}
    assert len(service.sink.of()) == 2 * len(tasks)
    for task in tasks:
        ran = len(service.signs(task["id"]))
        assert ran == 1 or (ran == 0 and records[task["id"]]["state"] == "interrupted")
        assert kinds(service.sink.of(trigger=task["id"])) == ["started", "finished"]
