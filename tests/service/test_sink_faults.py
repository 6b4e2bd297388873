"""The sink is away, refuses, or says nothing: what that means for each context."""

import json
import time
from itertools import pairwise

import pytest

TASK = "sh.keptn.event.test.triggered"


@pytest.fixture(scope="module")
def running(serve_all, signing):
    scripts = {"test.triggered.sh": signing("ran")}
    return serve_all(scripts, genexec_sink_timeout="2s").start()


@pytest.fixture
def service(running):
    """The service, with a sink that is well and has nothing yet."""
    running.sink.answer = lambda event: 202
    running.sink.taken.clear()
    running.sink.refused.clear()
    return running


def kinds(events):
    return [event["type"].rpartition(".")[2] for event in events]


@pytest.mark.promise("R5")
@pytest.mark.promise("R6")
def test_everything_is_delivered_in_order_after_the_sink_was_away(service, event):
    service.sink.down()
    tasks = [event(TASK, shkeptncontext=f"context-{number % 3}") for number in range(12)]
    for task in tasks:
        service.wait_for(service.send(task))

    service.sink.up()

    service.sink.wait_for(24)
    for number in range(3):
        delivered = service.sink.of(context=f"context-{number}")
        assert all(a["time"] <= b["time"] for a, b in pairwise(delivered))
    for task in tasks:
        assert kinds(service.sink.of(trigger=task["id"])) == ["started", "finished"]


def test_an_event_that_the_sink_refuses_is_a_dead_letter_and_later_ones_go_on(
    service, event, until
):
    bad, good = event(TASK, shkeptncontext="same"), event(TASK, shkeptncontext="same")
    service.sink.answer = lambda sent: 400 if sent["triggeredid"] == bad["id"] else 202

    run = service.send(bad)
    service.wait_for(service.send(good))

    assert kinds(service.sink.wait_for(2, context="same")) == ["started", "finished"]
    until(lambda: [one["state"] for one in service.run(run)["outgoing"]] == ["dead", "dead"])
    shown = service.command("show", run).stdout
    assert shown.count("  dead   id ") == 2
    assert f"the sink {service.sink.url} answers 400" in shown
    assert len(service.sink.refused) == 2


@pytest.mark.promise("R5")
def test_a_context_that_fails_alone_does_not_hold_up_the_others(service, event):
    stuck, others = event(TASK, shkeptncontext="stuck"), [event(TASK) for _ in range(8)]
    service.sink.answer = lambda sent: 500 if sent["shkeptncontext"] == "stuck" else 202

    service.send(stuck)
    for task in others:
        service.send(task)

    service.sink.wait_for(16)
    assert service.sink.of(context="stuck") == []
    service.sink.answer = lambda sent: 202
    assert kinds(service.sink.wait_for(2, context="stuck")) == ["started", "finished"]


def test_a_sink_that_says_nothing_holds_up_its_own_context_only(service, event):
    silent, other = event(TASK, shkeptncontext="silent"), event(TASK)
    service.sink.answer = lambda sent: None if sent["shkeptncontext"] == "silent" else 202
    service.send(silent)
    asked = time.monotonic()

    service.send(other)

    service.sink.wait_for(2, trigger=other["id"])
    assert time.monotonic() - asked < 1.5
    service.sink.answer = lambda sent: 202
    assert kinds(service.sink.wait_for(2, context="silent")) == ["started", "finished"]


def test_an_answer_is_sent_again_with_the_same_id(service, event):
    task = event(TASK)
    service.sink.answer = lambda sent: 503 if len(service.sink.refused) < 1 else 202

    service.send(task)

    started, _ = service.sink.wait_for(2, trigger=task["id"])
    assert [one["id"] for one in service.sink.refused] == [started["id"]]


def test_without_a_sink_the_answers_stay_in_the_record(serve, signing, event):
    service = serve({"test.triggered.sh": signing("ran")}, sink=False).start()

    run = service.send(event(TASK))

    record = service.wait_for(run)
    shown = json.loads(service.command("show", run, "--json").stdout)
    assert record["state"] == "passed"
    assert [one["kind"] for one in shown["outgoing"]] == ["started", "finished"]
    assert "no sink is set" in service.log.read_text()
