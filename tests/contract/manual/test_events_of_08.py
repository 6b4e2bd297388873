"""The manual's examples for events of Keptn 0.8: paths of fields, event file, finished data."""

import json

TEST = "sh.keptn.event.test.triggered"
DEPLOYMENT = "sh.keptn.event.deployment.triggered"
DEPLOYED = {
    "configurationChange": {"values": {"image": "carts:1.2"}},
    "deployment": {"deploymentstrategy": "direct"},
}
ALL_EVENTS = """#!/bin/bash
# Runs for any event, with every field of the event and variables of the container.
echo "all.events.sh speaks"
echo "Project = $DATA_PROJECT"
echo "Service = $DATA_SERVICE"
echo "Stage = $DATA_STAGE"
echo "Image = $DATA_CONFIGURATIONCHANGE_VALUES_IMAGE"
echo "DeploymentStrategy = $DATA_DEPLOYMENT_DEPLOYMENTSTRATEGY"
echo "TestToken = $ENV_TESTTOKEN"
"""
WEBHOOK = """POST {url}/hook
Accept: application/json
Cache-Control: no-cache
Content-Type: application/cloudevents+json

{{
  "contenttype": "application/json",
  "deploymentstrategy": "blue_green_service",
  "project": "${{data.project}}",
  "service": "${{data.service}}",
  "stage": "${{data.stage}}",
  "mylabel" : "${{data.{labels}.gitcommit}}",
  "mytoken" : "${{env.testtoken}}",
  "shkeptncontext": "${{shkeptncontext}}",
  "type": "${{type}}",
  "source": "${{source}}"
}}
"""


def test_all_events_sh_prints_fields_by_their_paths(put, fire, keptn_08):
    put("all.events.sh", ALL_EVENTS)
    seen = fire(keptn_08(DEPLOYMENT, **DEPLOYED), environment={"TESTTOKEN": "tst"})
    assert seen.said.splitlines() == [
        "all.events.sh speaks",
        "Project = sockshop",
        "Service = carts",
        "Stage = dev",
        "Image = carts:1.2",
        "DeploymentStrategy = direct",
        "TestToken = tst",
    ]


def test_deployment_triggered_http_calls_the_webhook(put, fire, keptn_08, webhook):
    put("deployment.triggered.http", WEBHOOK.format(url=webhook.url, labels="labels"))
    fire(keptn_08(DEPLOYMENT), environment={"TESTTOKEN": "secret-Value"})
    assert webhook.json() == {
        "contenttype": "application/json",
        "deploymentstrategy": "blue_green_service",
        "project": "sockshop",
        "service": "carts",
        "stage": "dev",
        "mylabel": "abc123",
        "mytoken": "secret-Value",
        "shkeptncontext": "2d363636-3537-4030-b031-343135323139",
        "type": "sh.keptn.event.deployment.triggered",
        "source": "shipyard-controller",
    }


def test_the_manual_s_misspelt_label_path_becomes_empty(put, fire, keptn_08, webhook):
    put("all.events.http", WEBHOOK.format(url=webhook.url, labels="label"))
    fire(keptn_08(DEPLOYMENT))
    assert webhook.json()["mylabel"] == ""


def test_all_events_http_sends_the_times(put, fire, keptn_08, webhook):
    body = '{"at": "${timestring}", "utc": "${timeutcstring}", "ms": ${timeutcms}}'
    put("all.events.http", f"POST {webhook.url}\n\n{body}\n")
    fire(keptn_08(DEPLOYMENT))
    assert webhook.json() == {
        "at": "2021-04-02T10:10:52.511Z",
        "utc": "2021-04-02T10:10:52.511Z",
        "ms": 1617358252511,
    }


def test_the_first_argument_is_a_file_with_the_whole_event(put, fire, keptn_08):
    put("test.triggered.sh", 'cat "$1" >&2\n')
    event = keptn_08(TEST, test={"teststrategy": "performance"})
    assert json.loads(fire(event).said) == event


def test_an_object_of_a_script_becomes_the_task_s_data(put, fire, keptn_08):
    times = {"start": "2020-11-19T16:41:00Z", "end": "2020-11-19T17:41:00Z"}
    put("test.triggered.sh", f"echo '{json.dumps(times, indent=2)}'\n")
    finished = fire(keptn_08(TEST)).sent[-1]
    assert (finished["type"], finished["data"]["test"], finished["data"]["result"]) == (
        "sh.keptn.event.test.finished",
        times,
        "pass",
    )


def test_an_error_object_is_answered_as_an_error_with_its_message(put, fire, keptn_08):
    put("test.triggered.sh", 'echo \'{"error" : "errormessage"}\'\n')
    answer = fire(keptn_08(TEST)).sent[-1]["data"]
    assert (answer["result"], answer["status"], answer["message"]) == (
        "fail",
        "errored",
        "errormessage",
    )


def test_every_script_of_an_event_runs_and_one_answer_leaves(put, fire, keptn_08):
    put("test.triggered.sh", "echo test\n")
    put("all.events.py", "import requests\nprint('python')\n")
    seen = fire(keptn_08(TEST))
    assert (seen.ran, [event["type"].rpartition(".")[2] for event in seen.sent]) == (
        ["test.triggered.sh", "all.events.py"],
        ["started", "finished"],
    )


def test_plain_output_is_the_message_of_the_answer(put, fire, keptn_08):
    put("test.triggered.sh", 'echo "tested $DATA_SERVICE"\n')
    answer = fire(keptn_08(TEST)).sent[-1]["data"]
    assert (answer["result"], answer["status"], answer["message"]) == (
        "pass",
        "succeeded",
        "tested carts",
    )


def test_an_event_that_is_not_triggered_runs_its_script_unanswered(put, fire, keptn_08):
    put("evaluation.finished.sh", 'echo "$RESULT"\n')
    seen = fire(keptn_08("sh.keptn.event.evaluation.finished", result="warning"))
    assert (seen.said, seen.sent) == ("warning\n", [])


def test_a_refusing_target_is_answered_as_fail_with_its_words(put, fire, keptn_08, webhook):
    webhook.answer.update(status=503, body=b"closed today")
    put("test.triggered.http", f"POST {webhook.url}\n")
    answer = fire(keptn_08(TEST)).sent[-1]["data"]
    assert (answer["result"], answer["status"]) == ("fail", "succeeded")
    assert answer["message"].endswith("closed today")


def test_a_failing_script_is_answered_as_fail_with_its_words(put, fire, keptn_08):
    put("test.triggered.sh", "echo no users >&2; exit 4\n")
    answer = fire(keptn_08(TEST)).sent[-1]["data"]
    assert (answer["result"], answer["status"]) == ("fail", "succeeded")
    assert answer["message"].endswith("no users")


def test_the_result_file_wins_over_what_is_printed(put, fire, keptn_08):
    put(
        "test.triggered.sh",
        'echo printed\necho \'{"start": "now"}\' > "$ID.finished.event.json"\n',
    )
    answer = fire(keptn_08(TEST)).sent[-1]["data"]
    assert answer["test"] == {"start": "now"}
