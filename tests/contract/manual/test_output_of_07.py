"""What the manual for Keptn 0.7 lets a script print: an error, or an event that follows."""

import json

import pytest

DEPLOYED = "sh.keptn.events.deployment-finished"
TESTED = "sh.keptn.events.tests-finished"
CHANGE = "sh.keptn.event.configuration.change"
BELONGING = {"project": "sockshop", "stage": "dev", "service": "carts"}
DEPLOYMENT = {
    "teststrategy": "performance",
    "deploymentstrategy": "direct",
    "deploymentURILocal": "http://carts.dev",
    "deploymentURIPublic": "https://carts.example",
    "labels": {"build": "42"},
}
TESTS = {
    "teststrategy": "performance",
    "deploymentstrategy": "direct",
    "start": "2020-11-19T16:41:00Z",
    "end": "2020-11-19T17:41:00Z",
    "result": "pass",
    "labels": {"build": "42"},
}


def printing(document):
    """Return a script that prints *document*."""
    return f"cat <<'END'\n{json.dumps(document, indent=2)}\nEND\n"


def formed(type_, fields, form):
    """Return what a script prints: fields in `data`, or flat beside `type`."""
    return {"type": type_, "data": fields} if form == "nested" else {"type": type_, **fields}


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_configuration_change_may_be_followed_by_deployment_finished(put, fire, keptn_07, form):
    put("configuration.change.sh", printing(formed(DEPLOYED, DEPLOYMENT, form)))
    (sent,) = fire(keptn_07(CHANGE)).sent
    labels = {"gitcommit": "abc123", "build": "42"}
    assert (sent["type"], sent["data"]) == (DEPLOYED, DEPLOYMENT | BELONGING | {"labels": labels})


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_deployment_finished_may_be_followed_by_tests_finished(put, fire, keptn_07, form):
    put("deployment.finished.sh", printing(formed(TESTED, TESTS, form)))
    (sent,) = fire(keptn_07(DEPLOYED)).sent
    labels = {"gitcommit": "abc123", "build": "42"}
    assert (sent["type"], sent["data"]) == (TESTED, TESTS | BELONGING | {"labels": labels})


def test_a_following_event_keeps_the_context_and_the_dialect(put, fire, keptn_07):
    put("configuration.change.sh", printing(formed(DEPLOYED, DEPLOYMENT, "flat")))
    (sent,) = fire(keptn_07(CHANGE)).sent
    names = ("specversion", "contenttype", "source", "shkeptncontext")
    assert [sent[name] for name in names] == [
        "0.2",
        "application/json",
        "generic-executor-service",
        "2d363636-3537-4030-b031-343135323139",
    ]


def test_an_answer_to_a_request_may_be_the_following_event(put, fire, keptn_07, webhook):
    webhook.answer["body"] = json.dumps(formed(DEPLOYED, DEPLOYMENT, "nested")).encode()
    put("configuration.change.http", f"POST {webhook.url}\n\n$SERVICE\n")
    (sent,) = fire(keptn_07(CHANGE)).sent
    assert sent["data"]["deploymentURIPublic"] == "https://carts.example"


def test_an_error_object_makes_the_run_fail(put, fire, keptn_07):
    put("configuration.change.sh", 'echo \'{"error" : "errormessage"}\'\n')
    seen = fire(keptn_07(CHANGE))
    assert (seen.state, seen.sent) == ("errored", [])


def test_the_text_of_an_error_object_is_the_status_of_an_action(put, fire, keptn_07):
    put("action.triggered.myaction.sh", 'echo \'{"error" : "errormessage"}\'\n')
    event = keptn_07("sh.keptn.event.action.triggered", action={"action": "myaction"})
    finished = fire(event).sent[-1]
    assert finished["data"]["action"] == {"result": "fail", "status": "errormessage"}


def test_other_output_is_only_logged(put, fire, keptn_07):
    put("configuration.change.sh", "echo just words; echo and more >&2\n")
    seen = fire(keptn_07(CHANGE))
    assert (seen.state, sorted(seen.said.splitlines()), seen.sent) == (
        "passed",
        ["and more", "just words"],
        [],
    )
