"""The events we send, key by key (keptn-protocol 1.2.2 and 1.3.2; OU-6, OU-12, OU-14)."""

import json
from datetime import UTC, datetime
from itertools import count

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given, settings
from hypothesis import strategies as st

from service.answers import MAX_EVENT, Answering
from service.event import Acceptance, read_event
from service.keptn_events import Belonging, belonging_of, meaning_of
from service.outcome import ERROR_OBJECT, FollowUp, Outcome
from service.states import State

NOW = datetime(2026, 11, 21, 12, 0, 5, 250_000, tzinfo=UTC)
CONTEXT = "08735340-6f9e-4b32-97ff-3b6c292bc509"
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}
LABELS = {"gitcommit": "abc"}


def answering_to(type_="sh.keptn.event.test.triggered", *, hops=0, default=None, **attributes):
    document = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "shipyard-controller",
        "type": type_,
        "time": "2026-11-21T12:00:00Z",
        "shkeptncontext": CONTEXT,
        "data": WHERE,
    }
    document |= attributes
    document = {name: value for name, value in document.items() if value is not ...}
    event = read_event(document, accept=Acceptance.LEGACY, now=NOW)
    numbers = count(1)
    return Answering(
        event=event,
        meaning=meaning_of(event),
        belonging=belonging_of(event, default or Belonging()),
        run="run-1",
        hops=hops,
        new_id=lambda: f"answer-{next(numbers)}",
    )


def task(**data):
    return answering_to(data=WHERE | data)


def action(*, specversion="0.2", problem=None, **data):
    data = WHERE | {"action": {"action": "scale"}, "problem": problem or {}} | data
    return answering_to("sh.keptn.event.action.triggered", specversion=specversion, data=data)


def passed(output="", **fields):
    return Outcome(state=State.PASSED, output=output, **fields)


def finish(answering, outcomes, state=None):
    """Return the finished event, as bytes of JSON read again."""
    if isinstance(outcomes, Outcome):
        outcomes = {"test.triggered.sh": outcomes}
    state = state or next(iter(outcomes.values())).state
    return body(answering.finished(outcomes, state, now=NOW))


def body(outgoing):
    return json.loads(outgoing.body)


# Family B


def test_started_of_a_task_has_these_keys_and_no_others():
    answering = answering_to(data=WHERE | {"labels": LABELS, "result": "pass", "status": "unknown"})

    assert body(answering.started("test.triggered.sh", now=NOW)) == {
        "specversion": "1.0",
        "type": "sh.keptn.event.test.started",
        "source": "generic-executor-service",
        "id": "answer-1",
        "time": "2026-11-21T12:00:05.250000Z",
        "datacontenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "triggeredid": "e-1",
        "shkeptnspecversion": "0.2.4",
        "data": WHERE | {"labels": LABELS},
    }


def test_finished_of_a_task_has_these_keys_and_no_others():
    answering = answering_to(data=WHERE | {"labels": LABELS})
    outcome = passed("done\n", structured={"start": "1", "end": "2"})

    assert finish(answering, outcome) == {
        "specversion": "1.0",
        "type": "sh.keptn.event.test.finished",
        "source": "generic-executor-service",
        "id": "answer-1",
        "time": "2026-11-21T12:00:05.250000Z",
        "datacontenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "triggeredid": "e-1",
        "shkeptnspecversion": "0.2.4",
        "data": WHERE
        | {
            "labels": LABELS,
            "status": "succeeded",
            "result": "pass",
            "message": "done",
            "test": {"start": "1", "end": "2"},
        },
    }


def test_what_nobody_said_is_left_out():
    answering = answering_to(data={"project": "p"}, shkeptncontext=...)

    finished = finish(answering, passed())

    assert finished["data"] == {"project": "p", "status": "succeeded", "result": "pass"}
    assert "shkeptncontext" not in finished


@pytest.mark.parametrize("kind", ["started", "finished"])
def test_the_answer_carries_the_id_it_answers_not_the_one_it_answered(kind):
    answering = answering_to(triggeredid="earlier", gitcommitid="a" * 40)

    if kind == "started":
        answer = body(answering.started("x.sh", now=NOW))
    else:
        answer = finish(answering, passed())

    assert (answer["triggeredid"], answer["gitcommitid"]) == ("e-1", "a" * 40)


@pytest.mark.parametrize("absent", ["", '""', None])
def test_a_commit_that_was_not_given_is_not_invented(absent):
    assert "gitcommitid" not in finish(answering_to(gitcommitid=absent), passed())


@pytest.mark.parametrize(("incoming", "outgoing"), [("0.2.3", "0.2.3"), ("", "0.2.4")])
def test_the_version_of_the_specification_is_the_incoming_one(incoming, outgoing):
    answer = finish(answering_to(shkeptnspecversion=incoming), passed())

    assert answer["shkeptnspecversion"] == outgoing


@pytest.mark.parametrize("context", ["not-a-uuid", "0873-ABC", CONTEXT.upper()])
def test_the_context_is_carried_exactly_as_it_came(context):
    assert finish(answering_to(shkeptncontext=context), passed())["shkeptncontext"] == context


def test_labels_become_texts():
    labels = {"n": 1, "b": True, "x": None, "o": {"a": [1]}}

    data = finish(task(labels=labels), passed())["data"]

    assert data["labels"] == {"n": "1", "b": "true", "x": "", "o": '{"a":[1]}'}


def test_temporary_data_is_never_forwarded():
    data = {"temporaryData": {"distributor": {"subscriptionID": "x"}}}

    finished = finish(task(**data), passed())

    assert "temporaryData" not in json.dumps(finished)


def test_a_family_b_action_is_answered_as_a_task():
    finished = finish(action(specversion="1.0"), passed("done"))

    assert finished["type"] == "sh.keptn.event.action.finished"
    assert finished["triggeredid"] == "e-1"
    assert finished["data"] == WHERE | {
        "status": "succeeded",
        "result": "pass",
        "message": "done",
    }


@pytest.mark.parametrize(
    ("outcome", "data"),
    [
        (passed("x"), {"status": "succeeded", "result": "pass", "message": "x"}),
        (passed("  \n"), {"status": "succeeded", "result": "pass"}),
        (
            Outcome(state=State.FAILED, output="x\n", reason="exit code 3"),
            {"status": "succeeded", "result": "fail", "message": "exit code 3\nx"},
        ),
        (
            Outcome(state=State.WARNED, output="x", reason="result warning"),
            {"status": "succeeded", "result": "warning", "message": "result warning\nx"},
        ),
        (
            Outcome(state=State.ERRORED, output="no disk", reason=ERROR_OBJECT),
            {"status": "errored", "result": "fail", "message": "no disk"},
        ),
        (
            Outcome(state=State.TIMED_OUT, output="", reason="ran longer than 5 s"),
            {"status": "errored", "result": "fail", "message": "ran longer than 5 s"},
        ),
    ],
)
def test_the_message_tells_why_and_then_what_the_script_said(outcome, data):
    assert finish(answering_to(), outcome)["data"] == WHERE | data


def test_several_scripts_are_told_one_after_another_and_their_results_merged():
    outcomes = {
        "test.triggered.sh": passed("one", structured={"a": 1, "b": 1}),
        "test.triggered.py": Outcome(state=State.FAILED, output="two", reason="exit code 1"),
        "all.events.sh": passed("three", structured={"b": 2}),
    }

    data = finish(answering_to(), outcomes, State.FAILED)["data"]

    assert data["message"] == (
        "test.triggered.sh:\none\ntest.triggered.py:\nexit code 1\ntwo\nall.events.sh:\nthree"
    )
    assert (data["result"], data["test"]) == ("fail", {"a": 1, "b": 2})


def test_the_task_names_the_key_of_the_structured_result():
    answering = answering_to("sh.keptn.event.get-sli.triggered")

    assert finish(answering, passed(structured={"a": 1}))["data"]["get-sli"] == {"a": 1}


# Family A


def test_started_of_an_action_has_these_keys_and_no_others():
    answering = action(labels=LABELS, problem={"ProblemURL": "http://p"})

    assert body(answering.started("action.triggered.scale.sh", now=NOW)) == {
        "specversion": "0.2",
        "type": "sh.keptn.event.action.started",
        "source": "generic-executor-service",
        "id": "answer-1",
        "time": "2026-11-21T12:00:05.250Z",
        "contenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "data": WHERE
        | {
            "labels": {
                "Problem URL": "http://p",
                "scale": "action.triggered.scale.sh",
                "gitcommit": "abc",
            }
        },
    }


def test_finished_of_an_action_has_these_keys_and_no_others():
    answering = action(labels=LABELS, problem={"ProblemURL": "http://p"})

    assert finish(answering, {"action.triggered.scale.sh": passed("scaled\n")}) == {
        "specversion": "0.2",
        "type": "sh.keptn.event.action.finished",
        "source": "generic-executor-service",
        "id": "answer-1",
        "time": "2026-11-21T12:00:05.250Z",
        "contenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "data": WHERE
        | {
            "action": {"result": "pass", "status": "scaled"},
            "labels": {
                "Problem URL": "http://p",
                "scale": "action.triggered.scale.sh",
                "gitcommit": "abc",
            },
        },
    }


def test_family_a_keys_are_there_although_the_event_does_not_say():
    answering = answering_to(
        "sh.keptn.event.action.triggered",
        specversion="0.2",
        data={"project": "p", "labels": None, "action": {"action": "scale"}},
    )

    started = body(answering.started("action.triggered.sh", now=NOW))

    assert started["data"] == {
        "project": "p",
        "stage": "",
        "service": "",
        "labels": {"scale": "action.triggered.sh"},
    }


def test_an_incoming_label_wins_over_ours():
    answering = action(labels={"scale": "theirs", "Problem URL": "theirs"})

    started = body(answering.started("action.triggered.sh", now=NOW))

    assert started["data"]["labels"] == {"scale": "theirs", "Problem URL": "theirs"}


@pytest.mark.parametrize(
    ("outcome", "result", "status"),
    [
        (passed(""), "pass", "succeeded"),
        (passed(" \n"), "pass", "succeeded"),
        (passed("out"), "pass", "out"),
        (Outcome(state=State.FAILED, output="", reason="exit code 1"), "fail", "errored"),
        (Outcome(state=State.FAILED, output="bad", reason="exit code 1"), "fail", "bad"),
        (Outcome(state=State.ERRORED, output="no", reason=ERROR_OBJECT), "fail", "no"),
        (Outcome(state=State.ERRORED, output=" ", reason=ERROR_OBJECT), "fail", "errored"),
        (Outcome(state=State.ERRORED, output="", reason="no bash"), "fail", "no bash"),
        (Outcome(state=State.TIMED_OUT, output="", reason="too slow"), "fail", "too slow"),
        (Outcome(state=State.TIMED_OUT, output="half", reason="too slow"), "fail", "half"),
    ],
)
def test_the_status_of_an_action_is_its_output(outcome, result, status):
    assert finish(action(), outcome)["data"]["action"] == {"result": result, "status": status}


def test_the_result_of_an_action_is_pass_or_fail():
    outcome = Outcome(state=State.WARNED, output="x", reason="result warning")

    assert finish(action(), outcome)["data"]["action"]["result"] in ("pass", "fail")


@pytest.mark.parametrize("version", ["0.2", "0.3"])
def test_an_old_event_is_answered_in_its_own_version(version):
    finished = finish(action(specversion=version), passed())

    assert finished["specversion"] == version
    assert "datacontenttype" not in finished


# Follow-up events


def test_a_follow_up_of_family_b_carries_the_correlation():
    wanted = FollowUp(type="sh.keptn.events.tests-finished", data={"n": 1}, labels={})

    made = task(labels=LABELS).follow_up(wanted, now=NOW)

    assert body(made) == {
        "specversion": "1.0",
        "type": "sh.keptn.events.tests-finished",
        "source": "generic-executor-service",
        "id": "answer-1",
        "time": "2026-11-21T12:00:05.250000Z",
        "datacontenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "triggeredid": "e-1",
        "shkeptnspecversion": "0.2.4",
        "data": WHERE | {"n": 1, "labels": LABELS},
    }


def test_a_follow_up_of_an_old_event_is_old():
    wanted = FollowUp(type="sh.keptn.events.tests-finished", data={"n": 1}, labels={})
    answering = answering_to("sh.keptn.events.deployment-finished", specversion="0.2")

    made = body(answering.follow_up(wanted, now=NOW))

    assert (made["specversion"], made["contenttype"]) == ("0.2", "application/json")
    assert made["data"] == WHERE | {"n": 1}


def test_labels_of_the_script_are_merged_over_the_incoming_ones():
    wanted = FollowUp(type="x.y", data={}, labels={"a": "script", "c": "3"})

    made = body(task(labels={"a": "event", "b": 2}).follow_up(wanted, now=NOW))

    assert made["data"]["labels"] == {"a": "script", "b": "2", "c": "3"}


def test_identity_comes_from_the_event_that_was_accepted():
    """OU-6."""
    wanted = FollowUp(
        type="x.y",
        data={"project": "evil", "stage": "evil", "service": "evil", "labels": "evil"},
        labels={},
    )

    data = body(task(labels=LABELS).follow_up(wanted, now=NOW))["data"]

    assert data == WHERE | {"labels": LABELS}


def test_an_event_of_another_world_is_followed_without_keptns_attributes():
    wanted = FollowUp(type="com.example.done", data={}, labels={})
    answering = answering_to(
        "com.example.hello", shkeptncontext=..., data={}, default=Belonging(project="shop")
    )

    made = answering.follow_up(wanted, now=NOW)

    assert set(body(made)) == {
        "specversion",
        "type",
        "source",
        "id",
        "time",
        "datacontenttype",
        "data",
    }
    assert body(made)["data"] == {"project": "shop"}
    assert made.context == "run-1"


def test_a_follow_up_that_is_too_large_is_not_made():
    wanted = FollowUp(type="x.y", data={"x": "x" * MAX_EVENT}, labels={})

    assert task().follow_up(wanted, now=NOW) is None


# Who is answered


@pytest.mark.parametrize(
    "type_",
    [
        "sh.keptn.event.test.finished",
        "sh.keptn.event.dev.delivery.triggered",
        "sh.keptn.events.deployment-finished",
        "com.example.hello",
    ],
)
def test_nobody_is_answered_who_does_not_wait(type_):
    answering = answering_to(type_)

    assert answering.started("x.sh", now=NOW) is None
    assert answering.finished({"x.sh": passed()}, State.PASSED, now=NOW) is None
    assert answering.answer_type() == ""


def test_the_answer_type_is_the_finished_of_the_event():
    assert task().answer_type() == "sh.keptn.event.test.finished"
    assert action().answer_type() == "sh.keptn.event.action.finished"


def test_an_outgoing_event_is_ready_for_the_journal():
    started = answering_to(hops=3).started("x.sh", now=NOW)

    assert (started.id, started.run, started.kind, started.hops) == (
        "answer-1",
        "run-1",
        "started",
        4,
    )
    assert (started.type, started.context) == ("sh.keptn.event.test.started", CONTEXT)
    assert started.created_at == NOW


# Size, OU-12


@pytest.mark.parametrize("text", ["x", "ü", "🚀", '"', "\\", "a\n", "\x1b", "\u202e"])
@pytest.mark.parametrize("make", [task, action])
def test_a_huge_output_fits_and_uses_the_room(make, text):
    outgoing = make().finished({"x.sh": passed(text * 1_000_000)}, State.PASSED, now=NOW)

    assert MAX_EVENT * 0.9 < len(outgoing.body) <= MAX_EVENT


def test_the_beginning_and_the_end_stay_and_the_note_tells_how_much_is_missing():
    said = "first line\n" + "x" * 200_000 + "\nlast line"

    message = finish(task(), passed(said))["data"]["message"]

    before, _, after = message.partition("\n[… ")
    count_, _, rest = after.partition(" characters cut; all of it: genexec show run-1 …]\n")
    assert before.startswith("first line\n")
    assert rest.endswith("\nlast line")
    assert len(before) + int(count_) + len(rest) == len(said)


def test_what_fits_is_not_cut():
    said = "x" * 60_000

    assert finish(task(), passed(said))["data"]["message"] == said


def test_a_huge_structured_result_is_left_out_with_a_note():
    outcome = passed("the end", structured={"x": "x" * MAX_EVENT})

    outgoing = task(labels=LABELS).finished({"x.sh": outcome}, State.PASSED, now=NOW)

    data = body(outgoing)["data"]
    assert len(outgoing.body) <= MAX_EVENT
    assert set(data) == {*WHERE, "status", "result", "message"}
    assert data["message"] == (
        "[structured result and labels left out: too large; see genexec show run-1]\nthe end"
    )


@pytest.mark.parametrize("make", [task, action])
def test_huge_labels_are_left_out_of_finished(make):
    labels = {f"l{n}": "x" * 1000 for n in range(100)}

    outgoing = make(labels=labels).finished({"x.sh": passed("out")}, State.PASSED, now=NOW)

    assert len(outgoing.body) <= MAX_EVENT
    assert b"labels left out" in outgoing.body


@pytest.mark.parametrize("make", [task, action])
def test_huge_labels_are_left_out_of_started(make):
    labels = {f"l{n}": "x" * 1000 for n in range(100)}

    assert len(make(labels=labels).started("x.sh", now=NOW).body) <= MAX_EVENT


def test_everything_huge_at_once_fits():
    labels = {f"l{n}": "ü" * 1000 for n in range(100)}
    outcomes = {
        f"script-{n}.sh": passed("🚀" * 100_000, structured={f"k{n}": "x" * 100_000})
        for n in range(6)
    }

    outgoing = task(labels=labels).finished(outcomes, State.PASSED, now=NOW)

    assert len(outgoing.body) <= MAX_EVENT


def test_the_whole_event_is_still_json_with_one_id():
    finished = finish(task(), passed("\x00🚀\u202e" * 100_000))

    assert finished["id"] == "answer-1"


@settings(deadline=None, max_examples=30)
@given(unit=st.text(min_size=1, max_size=20), times=st.integers(0, 40_000))
def test_every_output_fits(unit, times):
    outgoing = task().finished({"x.sh": passed(unit * times)}, State.PASSED, now=NOW)

    assert len(outgoing.body) <= MAX_EVENT
    json.loads(outgoing.body)


# The public package reads what we write


@pytest.mark.parametrize(
    "make",
    [
        lambda: task(labels=LABELS).started("x.sh", now=NOW),
        lambda: task().finished({"x.sh": passed("ü🚀\n")}, State.PASSED, now=NOW),
        lambda: task().follow_up(FollowUp(type="x.y", data={"a": [1]}, labels={}), now=NOW),
        lambda: answering_to("com.example.hello").follow_up(
            FollowUp(type="x.y", data={}, labels={}), now=NOW
        ),
    ],
    ids=["started", "finished", "follow-up", "follow-up of another world"],
)
def test_the_public_package_reads_our_events(make):
    outgoing = make()
    message = HTTPMessage(
        headers={"content-type": "application/cloudevents+json"}, body=outgoing.body
    )

    event = from_http_event(message)

    assert (event.get_id(), event.get_type()) == (outgoing.id, outgoing.type)
    assert event.get_source() == "generic-executor-service"
    assert event.get_time() == NOW
    assert event.get_data() == body(outgoing)["data"]
    assert event.get_extension("shkeptncontext") == CONTEXT


def test_we_read_our_own_events():
    finished = task().finished({"x.sh": passed("done")}, State.PASSED, now=NOW)

    event = read_event(body(finished), accept=Acceptance.STRICT, now=NOW)

    assert event.extension("triggeredid") == "e-1"
    assert meaning_of(event).basenames == ("test.finished",)
