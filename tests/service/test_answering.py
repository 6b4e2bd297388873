"""What the sink sees: who is answered, in which order, and how a chain of events ends."""

from itertools import pairwise

import pytest

ACTION = "sh.keptn.event.action.triggered"
DEPLOYED = "sh.keptn.events.deployment-finished"
TESTED = "sh.keptn.events.tests-finished"
LOOP = "com.example.loop"
TESTED_NEXT = 'echo \'{"type": "sh.keptn.events.tests-finished", "data": {"result": "pass"}}\''
FOREIGN = (
    f'echo \'{{"type": "{TESTED}", "id": "mine", "source": "mine", "shkeptncontext": "mine",'
    ' "data": {"project": "other", "service": "other"}}\''
)
LOOPING = f'echo \'{{"type": "{LOOP}", "data": {{"round": 1}}}}\''


@pytest.fixture(scope="module")
def service(serve_all, signing):
    scripts = {
        "test.triggered.sh": signing("ran") + 'echo "tested"',
        "test.triggered.py": "print('{\"score\": 7}')",
        "release.triggered.sh": signing("ran") + "exit 3",
        "approval.triggered.sh": signing("ran") + 'echo \'{"type": "com.example.refused"}\'',
        "action.triggered.scaleup.sh": signing("ran") + 'echo "scaled to $VALUE_replicas"',
        "action.triggered.sh": signing("general"),
        "deployment.finished.sh": signing("ran") + TESTED_NEXT,
        "tests.finished.sh": signing("ran"),
        "evaluation.finished.sh": FOREIGN,
        f"{LOOP}.sh": signing("ran") + LOOPING,
    }
    service = serve_all(scripts, genexec_follow_up_types=LOOP)
    return service.start()


def kinds(events):
    return [event["type"].rpartition(".")[2] for event in events]


@pytest.fixture
def coming_back(service):
    """Let the sink pass every event on to the service, as Keptn does."""
    service.sink.answer = lambda event: service.post(event).status_code
    yield
    service.sink.answer = lambda event: 202


@pytest.mark.promise("R2")
def test_a_task_gets_one_started_and_one_finished_for_all_its_scripts(service, event):
    task = event("sh.keptn.event.test.triggered")

    service.wait_for(service.send(task))

    started, finished = service.sink.wait_for(2, trigger=task["id"])
    assert started["type"] == "sh.keptn.event.test.started"
    assert finished["type"] == "sh.keptn.event.test.finished"
    assert started["shkeptncontext"] == finished["shkeptncontext"] == task["shkeptncontext"]
    assert finished["data"] == task["data"] | {
        "status": "succeeded",
        "result": "pass",
        "message": 'test.triggered.sh:\ntested\ntest.triggered.py:\n{"score": 7}',
        "test": {"score": 7},
    }


def test_a_failed_task_is_answered_with_fail_and_the_exit_code(service, event):
    task = event("sh.keptn.event.release.triggered")

    record = service.wait_for(service.send(task))

    _, finished = service.sink.wait_for(2, trigger=task["id"])
    assert (record["state"], record["reason"]) == ("failed", "exit code 3")
    assert finished["data"]["result"] == "fail"
    assert finished["data"]["message"] == "exit code 3"


def test_an_action_of_the_older_generation_is_answered_in_its_dialect(service, event):
    attributes = {"specversion": "0.2", "contenttype": "application/json"}
    more = {"action": {"action": "scaleup", "value": {"replicas": 3}}, "labels": {"a": "b"}}
    action = event(ACTION, data=more, **attributes)

    service.wait_for(service.send(action))

    started, finished = service.sink.wait_for(2, context=action["shkeptncontext"])
    assert started["type"] == "sh.keptn.event.action.started"
    assert finished["type"] == "sh.keptn.event.action.finished"
    assert finished["specversion"] == "0.2"
    assert finished["data"]["action"] == {"result": "pass", "status": "scaled to 3"}
    assert finished["data"]["labels"] == {"a": "b", "scaleup": "action.triggered.scaleup.sh"}
    assert [sign.what for sign in service.signs(action["id"])] == ["ran"]


def test_an_action_without_a_script_of_its_own_is_done_by_the_general_one(service, event):
    action = event(ACTION, data={"action": {"action": "toggle"}})

    service.wait_for(service.send(action))

    assert [sign.what for sign in service.signs(action["id"])] == ["general"]


@pytest.mark.promise("R5")
def test_answers_of_one_context_arrive_in_the_order_they_were_made(service, event):
    tasks = [event("sh.keptn.event.test.triggered", shkeptncontext="one") for _ in range(15)]
    runs = [service.send(task) for task in tasks]

    answers = service.sink.wait_for(30, context="one")

    for run in runs:
        service.wait_for(run)
    assert len(service.sink.of(context="one")) == 30
    assert all(a["time"] <= b["time"] for a, b in pairwise(answers))
    for task in tasks:
        assert kinds(service.sink.of(trigger=task["id"])) == ["started", "finished"]


def test_a_follow_up_event_runs_the_script_that_bears_its_name(service, event, coming_back):
    deployed = event(DEPLOYED, specversion="0.2", contenttype="application/json")

    service.wait_for(service.send(deployed))

    (follow_up,) = service.sink.wait_for(1, context=deployed["shkeptncontext"])
    assert (follow_up["type"], follow_up["source"]) == (TESTED, "generic-executor-service")
    assert follow_up["data"] == {"result": "pass"} | deployed["data"]
    assert [sign.what for sign in service.wait_for_signs(1, follow_up["id"])] == ["ran"]


def test_a_script_cannot_send_an_event_in_another_name(service, event):
    evaluated = event("sh.keptn.event.evaluation.finished")

    service.wait_for(service.send(evaluated))

    (follow_up,) = service.sink.wait_for(1, context=evaluated["shkeptncontext"])
    assert follow_up["data"] == evaluated["data"]
    assert follow_up["source"] == "generic-executor-service"
    assert follow_up["id"] != "mine"


def test_a_follow_up_of_a_type_that_is_not_allowed_is_only_noted(service, event):
    asked = event("sh.keptn.event.approval.triggered")

    record = service.wait_for(service.send(asked))

    answers = service.sink.wait_for(2, context=asked["shkeptncontext"])
    assert kinds(answers) == ["started", "finished"]
    assert "com.example.refused" in record["note"]


@pytest.mark.promise("R14")
def test_a_chain_of_own_events_ends_after_eight_hops(service, event, coming_back):
    first = event(LOOP)

    service.send(first)

    sent = service.sink.wait_for(9, context=first["shkeptncontext"])
    stopped = next(run["id"] for run in service.runs() if run["event_id"] == sent[-1]["id"])
    record = service.wait_for(stopped)
    ran = [service.signs(one["id"]) for one in (first, *sent)]
    assert (record["state"], record["reason"]) == ("ignored", "loop stopped after 8 hops")
    assert list(map(len, ran)) == [1] * 9 + [0]
    assert service.get("/readyz").ok
