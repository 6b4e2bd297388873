"""The manual's remediation examples, in both dialects: scripts of actions and their answers."""

import pytest

PROBLEM_URL = "https://abc.example/#problems/problemdetails;pid=-666V2"
TYPE = "sh.keptn.event.action.triggered"
SCRIPT = "action.triggered.poweroutageaction"
PYTHON = """import os
import sys

argument = sys.argv[1] if len(sys.argv) > 1 else ""
print("I got " + ("a file" if os.path.isfile(argument) else "nothing"))
print("PID=" + os.getenv("{pid}", "") + ", CONTEXT=" + os.getenv("{context}", ""))
print("SOURCE=" + os.getenv("SOURCE", ""))
print("PROJECT=" + os.getenv("{project}", ""))
print("PROBLEMTITLE=" + os.getenv("{title}", ""))
print("Message: " + os.getenv("{message}", "NO MESSAGE"))
"""
NAMES_07 = {
    "pid": "PID",
    "context": "CONTEXT",
    "project": "PROJECT",
    "title": "PROBLEMTITLE",
    "message": "VALUE_MESSAGE",
}
NAMES_08 = {
    "pid": "DATA_PROBLEM_PID",
    "context": "SHKEPTNCONTEXT",
    "project": "DATA_PROJECT",
    "title": "DATA_PROBLEM_PROBLEMTITLE",
    "message": "DATA_ACTION_VALUE_MESSAGE",
}
ADVICE = "Please make sure nobody dripped on a cable!"
DATA = {
    "action": {
        "name": "Handle Power Outage",
        "action": "poweroutageaction",
        "description": "In a power outage scenario we look at the cables",
        "value": {"Message": ADVICE},
    },
    "problem": {
        "PID": "-6665700014152199021",
        "ProblemTitle": "Simulated Power outage",
        "ProblemURL": PROBLEM_URL,
    },
}
BEFORE_083 = {
    "Name": "Handle Power Outage",
    "Action": "poweroutageaction",
    "Description": "as Keptn 0.8.0 wrote it",
    "Value": {"message": ADVICE},
}


def said(source):
    """Return what the manual's Python script prints."""
    return (
        "I got a file\n"
        "PID=-6665700014152199021, CONTEXT=2d363636-3537-4030-b031-343135323139\n"
        f"SOURCE={source}\n"
        "PROJECT=sockshop\n"
        "PROBLEMTITLE=Simulated Power outage\n"
        f"Message: {ADVICE}\n"
    )


def finished(seen):
    """Return the last of exactly two events: started, finished."""
    started, last = seen.sent
    assert started["type"] == "sh.keptn.event.action.started"
    assert last["type"] == "sh.keptn.event.action.finished"
    return last


@pytest.mark.parametrize("names", [NAMES_07, NAMES_08], ids=["names of 0.7", "names of 0.8"])
def test_python_action_of_07_is_answered_as_the_manual_shows(put, fire, keptn_07, names):
    put(f"{SCRIPT}.py", PYTHON.format(**names))
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert answer["data"] == {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "action": {"result": "pass", "status": said("remediation-service").strip()},
        "labels": {
            "gitcommit": "abc123",
            "Problem URL": PROBLEM_URL,
            "poweroutageaction": "action.triggered.poweroutageaction.py",
        },
    }


def test_the_answer_of_07_has_the_envelope_of_07(put, fire, keptn_07):
    put(f"{SCRIPT}.py", PYTHON.format(**NAMES_07))
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert {name: answer[name] for name in sorted(set(answer) - {"data", "id", "time"})} == {
        "contenttype": "application/json",
        "shkeptncontext": "2d363636-3537-4030-b031-343135323139",
        "source": "generic-executor-service",
        "specversion": "0.2",
        "type": "sh.keptn.event.action.finished",
    }


def test_action_started_of_07_has_the_labels_and_no_action(put, fire, keptn_07):
    put(f"{SCRIPT}.sh", "echo done\n")
    started = fire(keptn_07(TYPE, **DATA)).sent[0]
    assert started["data"] == {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "labels": {
            "gitcommit": "abc123",
            "Problem URL": PROBLEM_URL,
            "poweroutageaction": "action.triggered.poweroutageaction.sh",
        },
    }


@pytest.mark.parametrize("names", [NAMES_07, NAMES_08], ids=["names of 0.7", "names of 0.8"])
def test_python_action_of_08_is_answered_with_its_output(put, fire, keptn_08, names):
    put(f"{SCRIPT}.py", PYTHON.format(**names))
    answer = finished(fire(keptn_08(TYPE, **DATA)))
    assert answer["data"] == {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "labels": {"gitcommit": "abc123"},
        "status": "succeeded",
        "result": "pass",
        "message": said("shipyard-controller").strip(),
    }


def test_the_answer_of_08_names_the_event_that_triggered_it(put, fire, keptn_08):
    put(f"{SCRIPT}.sh", "echo done\n")
    answer = finished(fire(keptn_08(TYPE, **DATA)))
    names = ("specversion", "source", "shkeptncontext", "triggeredid")
    assert [answer[name] for name in names] == [
        "1.0",
        "generic-executor-service",
        "2d363636-3537-4030-b031-343135323139",
        "e-08",
    ]


def test_the_capital_keys_of_the_test_event_find_the_action(put, fire, keptn_08):
    put(f"{SCRIPT}.sh", 'echo "$VALUE_MESSAGE"\n')
    seen = fire(keptn_08(TYPE, action=BEFORE_083))
    assert seen.said == f"{ADVICE}\n"


@pytest.mark.parametrize("message", ["$VALUE_MESSAGE", "$VALUE_Message"])
def test_http_action_of_07_sends_the_message_and_answers_the_body(
    put, fire, keptn_07, webhook, message
):
    webhook.answer["body"] = b"ticket 17 opened"
    put(f"{SCRIPT}.http", f'POST {webhook.url}\n\n{{"text": "$PROBLEMTITLE: {message}"}}\n')
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert (webhook.json(), answer["data"]["action"]) == (
        {"text": f"Simulated Power outage: {ADVICE}"},
        {"result": "pass", "status": "ticket 17 opened"},
    )


def test_http_action_of_08_sends_the_message_and_answers_the_body(put, fire, keptn_08, webhook):
    webhook.answer["body"] = b"ticket 17 opened"
    body = '{"text": "${data.problem.ProblemTitle}: ${data.action.value.Message}"}'
    put(f"{SCRIPT}.http", f"POST {webhook.url}\nContent-Type: application/json\n\n{body}\n")
    answer = finished(fire(keptn_08(TYPE, **DATA)))
    assert (webhook.json(), answer["data"]["message"]) == (
        {"text": f"Simulated Power outage: {ADVICE}"},
        "ticket 17 opened",
    )


def test_a_silent_action_of_07_succeeded(put, fire, keptn_07):
    put(f"{SCRIPT}.sh", "exit 0\n")
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert answer["data"]["action"] == {"result": "pass", "status": "succeeded"}


def test_a_silent_failing_action_of_07_errored(put, fire, keptn_07):
    put(f"{SCRIPT}.sh", "exit 3\n")
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert answer["data"]["action"] == {"result": "fail", "status": "errored"}


def test_a_failing_action_of_07_keeps_what_it_said(put, fire, keptn_07):
    put(f"{SCRIPT}.sh", "echo the cable is wet >&2; exit 1\n")
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert answer["data"]["action"] == {"result": "fail", "status": "the cable is wet"}


@pytest.fixture
def answered_with(put, fire, keptn_07, webhook):
    """Return the `action` of the answer after a request that is answered with a status."""

    def answered(http_status):
        webhook.answer.update(status=http_status, body=b"said")
        put(f"{SCRIPT}.http", f"POST {webhook.url}\n")
        return finished(fire(keptn_07(TYPE, **DATA)))["data"]["action"]

    return answered


@pytest.mark.parametrize(("http_status", "result"), [(299, "pass"), (302, "fail"), (500, "fail")])
def test_an_http_action_passes_with_2xx_only(answered_with, http_status, result):
    assert answered_with(http_status) == {"result": result, "status": "said"}


def test_all_events_answers_an_action_that_has_no_script(put, fire, keptn_07):
    put("all.events.sh", "echo I answer anything\n")
    answer = finished(fire(keptn_07(TYPE, **DATA)))
    assert answer["data"]["action"]["status"] == "I answer anything"
    assert answer["data"]["labels"]["poweroutageaction"] == "all.events.sh"


@pytest.mark.parametrize("dialect", ["keptn_07", "keptn_08"])
def test_an_action_runs_its_first_script_and_not_all_events(put, fire, request, dialect):
    for name in (f"{SCRIPT}.sh", f"{SCRIPT}.py", "all.events.sh"):
        put(name, "pass = 0\n" if name.endswith(".py") else "echo $GENEXEC_SCRIPT\n")
    seen = fire(request.getfixturevalue(dialect)(TYPE, **DATA))
    assert seen.ran == ["action.triggered.poweroutageaction.sh"]


@pytest.mark.parametrize("dialect", ["keptn_07", "keptn_08"])
def test_an_action_of_another_name_has_no_script(put, fire, request, dialect):
    put("action.triggered.genericactionname.sh", "echo wrong\n")
    seen = fire(request.getfixturevalue(dialect)(TYPE, **DATA))
    assert (seen.state, seen.sent) == ("ignored", [])
