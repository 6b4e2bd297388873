"""What differs between versions of Keptn and has cost others a day, one test for each."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from service.answers import MAX_EVENT, SOURCE, Answering
from service.event import Acceptance, read_event
from service.keptn_events import Belonging, Reply, belonging_of, meaning_of
from service.outcome import Outcome
from service.states import State
from service.variables import event_variables

NOW = datetime(2026, 11, 21, 12, 0, 5, 250_000, tzinfo=UTC)
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}
TASK = "sh.keptn.event.test.triggered"
ACTION = "sh.keptn.event.action.triggered"


def read(type_=TASK, *, data=None, **attributes):
    document = {
        "specversion": "1.0", "id": "e-1", "source": "shipyard-controller", "type": type_,
        "shkeptncontext": "c", "data": WHERE | (data or {}), **attributes,
    }  # fmt: skip
    return read_event(document, accept=Acceptance.LEGACY, now=NOW)


def answers(event, state=State.PASSED, output="", **fields):
    """Return our `started` and `finished` as they leave."""
    answering = Answering(
        event=event, meaning=meaning_of(event), belonging=belonging_of(event, Belonging()),
        run="r", hops=0, new_id=lambda: str(uuid4()),
    )  # fmt: skip
    outcomes = {"test.triggered.sh": Outcome(state=state, output=output, **fields)}
    made = (
        answering.started("test.triggered.sh", now=NOW),
        answering.finished(outcomes, state, now=NOW),
    )
    return [json.loads(one.body) for one in made]


def action(specversion):
    data = {"action": {"action": "scale"}, "problem": {}}
    return read(ACTION, data=data, specversion=specversion)


@pytest.mark.parametrize("state", [State.PASSED, State.WARNED, State.FAILED, State.ERRORED])
def test_trap_1_words_for_a_result_are_those_of_the_version(state):
    (_, old), (_, new) = (answers(action(version), state) for version in ("0.2", "1.0"))

    assert old["data"]["action"]["result"] in {"pass", "fail"}
    assert new["data"]["result"] in {"pass", "warning", "fail"}


def test_trap_2_the_verdict_is_in_the_action_up_to_0_7_and_at_the_root_from_0_8():
    (_, old), (_, new) = (answers(action(version)) for version in ("0.2", "1.0"))

    assert not {"status", "result"} & old["data"].keys()
    assert (new["data"]["status"], new["data"]["result"]) == ("succeeded", "pass")


def test_trap_3_started_and_finished_have_one_source():
    assert {event["source"] for event in answers(read())} == {SOURCE}


def test_trap_4_answers_name_the_id_of_the_event_and_not_what_triggered_it():
    event = read(id="this", triggeredid="another")

    assert [answer["triggeredid"] for answer in answers(event)] == ["this", "this"]


@pytest.mark.parametrize(
    "name", ["dev.delivery.triggered", "project.create.started", "dev.delivery.finished"]
)
def test_trap_5_sequence_events_are_never_answered(name):
    assert meaning_of(read(f"sh.keptn.event.{name}")).reply is Reply.NONE


def test_trap_6_our_own_events_that_come_back_run_nothing(start, keptn, ended, until, signing):
    service = start("1.4 NATS", {"test.triggered.sh": "echo ok\n", "all.events.sh": signing("any")})

    context = keptn.begin(["dev", "delivery", ["test"]])

    ended(context)
    until(lambda: len(service.runs()) >= 5 and all(run["ended_at"] for run in service.runs()))
    own = [run for run in service.runs() if run["source"] == SOURCE]
    assert {run["reason"] for run in own} == {"an answer of our own"}
    assert len(own) == 2


def test_trap_7_an_event_for_several_subscriptions_is_answered_once(serve, event, until):
    service = serve({"test.triggered.sh": "echo ok\n"}).start()
    task = event(TASK)

    for number in range(3):
        extra = {"temporaryData": {"distributor": {"subscriptionID": str(number)}}}
        assert service.post(task | {"data": task["data"] | extra}).status_code == 202

    service.sink.wait_for(2, trigger=task["id"])
    until(lambda: all(run["ended_at"] for run in service.runs()))
    assert len(service.sink.of(trigger=task["id"])) == 2
    assert "temporaryData" not in json.dumps(service.sink.taken)


def test_trap_8_an_answer_is_below_64_kib_however_much_is_said():
    huge = 'é"\\\n' * 100_000

    _, finished = answers(read(data={"labels": {"a": "b"}}), output=huge)
    _, slim = answers(read(), output=huge, structured={"list": [huge]})

    assert all(len(json.dumps(one).encode()) <= MAX_EVENT for one in (finished, slim))


def test_trap_9_answers_bring_back_nothing_of_what_came():
    event = read(data={"deployment": {"replicas": 3}, "list": [1], "temporaryData": {"x": 1}})

    for answer in answers(event, structured={"count": "3"}):
        assert answer["data"].keys() <= {*WHERE, "labels", "status", "result", "message", "test"}


@pytest.mark.parametrize(
    ("deployment", "shown"),
    [("primary", ""), ({"deploymentstrategy": "direct"}, "direct"), (None, ""), ([], "")],
)
def test_trap_10_a_deployment_may_be_an_object_or_a_text(deployment, shown):
    event = read("sh.keptn.event.get-sli.triggered", data={"deployment": deployment})

    variables = event_variables(event, belonging_of(event, Belonging()), {}).mapping()

    assert variables["DEPLOYMENT"] == shown


def test_trap_11_all_labels_that_are_sent_are_texts():
    labels = {"build": 12, "green": True, "none": None, "list": [1]}

    for answer in answers(read(data={"labels": labels})):
        assert all(isinstance(value, str) for value in answer["data"]["labels"].values())


@pytest.mark.parametrize(
    "context", ["-6665700014152199021", "ABCDEF00-1111-4111-8111-AbCdEf000000"]
)
def test_trap_12_the_context_comes_back_letter_by_letter(context):
    event = read(shkeptncontext=context)

    assert [answer["shkeptncontext"] for answer in answers(event)] == [context, context]


def test_trap_13_a_script_keeps_its_bytes(serve, keptn, event):
    keptn.commit({"generic-executor/test.triggered.py": b"print('one')\r\nprint('two')\r\n"})
    service = serve(f"keptn+{keptn.url}").start()

    run = service.wait_for(service.send(event(TASK)))

    assert (run["state"], run["message"].split()) == ("passed", ["one", "two"])


def test_trap_14_a_finished_after_an_abort_is_sent_and_harms_nobody(start, keptn, until):
    service = start("1.4 NATS", {"test.triggered.sh": "sleep 1\n"})
    context = keptn.begin(["dev", "delivery", ["test"]])
    until(lambda: keptn.events(context, source=SOURCE, type_=".started"))

    keptn.set(open={})

    until(lambda: keptn.events(context, source=SOURCE, type_=".finished"))
    assert keptn.state()["sequences"][context]["state"] == "started"
    until(lambda: all(run["ended_at"] for run in service.runs()))


def test_trap_15_an_old_event_without_a_time_gets_the_one_of_its_arrival():
    event = read("sh.keptn.event.configuration.change", specversion="0.2", id="")

    variables = event_variables(event, belonging_of(event, Belonging()), {}).mapping()

    assert variables["TIMEUTCMS"] == str(int(NOW.timestamp() * 1000))
