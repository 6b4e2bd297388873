"""The manual's examples for events of Keptn 0.6 and 0.7: names, variables, order, levels."""

import subprocess

import pytest

CHANGE = "sh.keptn.event.configuration.change"
ALL_EVENTS = """#!/bin/bash
# Runs for any event, with details of the event, labels and variables of the container.
echo "all.events.sh speaks"
echo "Context = $CONTEXT"
echo "Project = $PROJECT"
echo "Service = $SERVICE"
echo "Stage = $STAGE"
echo "GitCommit = $LABEL_gitcommit"
echo "TestToken = $ENV_TESTTOKEN"
"""
WEBHOOK = """POST {url}/hook
Accept: application/json
Cache-Control: no-cache
Content-Type: application/cloudevents+json

{{
  "contenttype": "application/json",
  "deploymentstrategy": "blue_green_service",
  "project": "$PROJECT",
  "service": "$SERVICE",
  "stage": "$STAGE",
  "mylabel" : "$LABEL_gitcommit",
  "mytoken" : "$ENV_TESTTOKEN",
  "shkeptncontext": "$CONTEXT",
  "event": "$EVENT",
  "source": "$SOURCE"
}}
"""
TYPES = {
    "configuration.change": CHANGE,
    "deployment.finished": "sh.keptn.events.deployment-finished",
    "tests.finished": "sh.keptn.events.tests-finished",
    "start.evaluation": "sh.keptn.event.start-evaluation",
    "evaluation.done": "sh.keptn.events.evaluation-done",
    "problem.open": "sh.keptn.event.problem.open",
}


def test_all_events_sh_prints_the_context_the_label_and_the_variable(put, fire, keptn_07):
    put("all.events.sh", ALL_EVENTS)
    seen = fire(keptn_07(CHANGE), environment={"TESTTOKEN": "tst"})
    assert seen.said.splitlines() == [
        "all.events.sh speaks",
        "Context = 2d363636-3537-4030-b031-343135323139",
        "Project = sockshop",
        "Service = carts",
        "Stage = dev",
        "GitCommit = abc123",
        "TestToken = tst",
    ]


def test_a_printed_token_reaches_the_script_but_not_the_record(put, fire, keptn_07):
    put("all.events.sh", 'echo "$ENV_TESTTOKEN is ${#ENV_TESTTOKEN} long"\n')
    seen = fire(keptn_07(CHANGE), environment={"TESTTOKEN": "secret-Value"})
    assert seen.said == "*** is 12 long\n"


def test_configuration_change_http_calls_the_webhook(put, fire, keptn_07, webhook):
    put("configuration.change.http", WEBHOOK.format(url=webhook.url))
    fire(keptn_07(CHANGE), environment={"TESTTOKEN": "secret-Value"})
    assert webhook.json() == {
        "contenttype": "application/json",
        "deploymentstrategy": "blue_green_service",
        "project": "sockshop",
        "service": "carts",
        "stage": "dev",
        "mylabel": "abc123",
        "mytoken": "secret-Value",
        "shkeptncontext": "2d363636-3537-4030-b031-343135323139",
        "event": "sh.keptn.event.configuration.change",
        "source": "remediation-service",
    }


def test_the_webhook_gets_the_method_the_path_and_the_headers(put, fire, keptn_07, webhook):
    put("all.events.http", WEBHOOK.format(url=webhook.url))
    fire(keptn_07(CHANGE))
    method, path, headers, _ = webhook.only()
    names = ("accept", "cache-control", "content-type")
    assert (method, path, *(headers[name] for name in names)) == (
        "POST",
        "/hook",
        "application/json",
        "no-cache",
        "application/cloudevents+json",
    )


@pytest.mark.parametrize("basename", TYPES)
def test_every_event_of_the_list_has_its_script(put, fire, keptn_07, basename):
    put(f"{basename}.sh", 'echo "$EVENT"\n')
    seen = fire(keptn_07(TYPES[basename]))
    assert seen.said == f"{TYPES[basename]}\n"


@pytest.mark.parametrize("basename", TYPES)
def test_every_event_of_the_list_has_its_request(put, fire, keptn_07, webhook, basename):
    put(f"{basename}.http", f"GET {webhook.url}/$SERVICE?event=$EVENT\n")
    fire(keptn_07(TYPES[basename]))
    assert webhook.only()[:2] == ("GET", f"/carts?event={TYPES[basename]}")


def test_every_documented_variable_of_a_deployment_is_there(put, fire, keptn_07):
    names = "TIMESTRING TIMEUTCSTRING TIMEUTCMS DEPLOYMENT TESTSTRATEGY SOURCE"
    names += " DEPLOYMENTURILOCAL DEPLOYMENTURIPUBLIC LABEL_gitcommit LABEL_GITCOMMIT"
    put("deployment.finished.sh", f'for name in {names}; do echo "$name=${{!name}}"; done\n')
    seen = fire(
        keptn_07(
            TYPES["deployment.finished"],
            deploymentstrategy="direct",
            teststrategy="performance",
            deploymentURILocal="http://carts.dev",
            deploymentURIPublic="https://carts.example",
        )
    )
    assert seen.said.splitlines() == [
        "TIMESTRING=2020-11-19T16:41:00.123Z",
        "TIMEUTCSTRING=2020-11-19T16:41:00.123Z",
        "TIMEUTCMS=1605804060123",
        "DEPLOYMENT=direct",
        "TESTSTRATEGY=performance",
        "SOURCE=remediation-service",
        "DEPLOYMENTURILOCAL=http://carts.dev",
        "DEPLOYMENTURIPUBLIC=https://carts.example",
        "LABEL_gitcommit=abc123",
        "LABEL_GITCOMMIT=abc123",
    ]


def test_tests_finished_http_sends_a_metric_with_the_time(put, fire, keptn_07, webhook):
    put("tests.finished.http", f"POST {webhook.url}/metric\n\n$TESTSTRATEGY,$STAGE 1 $TIMEUTCMS\n")
    fire(keptn_07(TYPES["tests.finished"], teststrategy="performance"))
    assert webhook.only()[3] == "performance,dev 1 1605804060123\n"


def test_evaluation_done_http_sends_the_result(put, fire, keptn_07, webhook):
    body = '{"service": "$SERVICE", "result": "$RESULT", "evaluation": "$EVALUATIONRESULT"}'
    put("evaluation.done.http", f"POST {webhook.url}\n\n{body}\n")
    details = {"result": "warning", "score": 80}
    fire(keptn_07(TYPES["evaluation.done"], result="pass", evaluationdetails=details))
    assert webhook.json() == {"service": "carts", "result": "pass", "evaluation": "warning"}


def test_scripts_of_the_event_run_before_those_of_all_events(put, fire, keptn_07, webhook):
    for name in ("all.events", "configuration.change"):
        put(f"{name}.sh", "echo sh\n")
        put(f"{name}.py", "print('py')\n")
        put(f"{name}.http", f"GET {webhook.url}\n")
    assert fire(keptn_07(CHANGE)).ran == [
        "configuration.change.sh",
        "configuration.change.py",
        "configuration.change.http",
        "all.events.sh",
        "all.events.py",
        "all.events.http",
    ]


@pytest.fixture
def ask_tree(tmp_path, fire, keptn_07):
    """Fire an event at a Git repository with the manual's sample folder structure."""

    def ask(folder, type_):
        repository = tmp_path / "sockshop"

        def git(*words):
            subprocess.run(["git", "-C", repository, *words], check=True, capture_output=True)

        def add(level, *names):
            path = repository / level / folder
            path.mkdir(parents=True, exist_ok=True)
            for name in names:
                (path / name).write_text(f'echo "{name} of $GENEXEC_LEVEL"\n')
            git("add", "-A")
            git("commit", "-m", "scripts")

        repository.mkdir()
        git("init", "-b", "master")
        add("", "all.events.sh", "configuration.change.sh", "start.evaluation.sh")
        git("checkout", "-b", "dev")
        git("rm", "-r", "-q", folder)
        add("", "configuration.change.sh", "tests.finished.sh")
        add("carts", "configuration.change.sh")
        git("checkout", "master")
        return fire(
            keptn_07(type_),
            GENEXEC_SCRIPTS=f"file://{repository}",
            GENEXEC_LAYOUT="branches",
            GENEXEC_GIT_SCHEMES="file",
        )

    return ask


@pytest.mark.parametrize("folder", ["generic-executor", "genericexecutor"])
@pytest.mark.parametrize(
    ("basename", "level"),
    [
        ("configuration.change", "service"),
        ("tests.finished", "stage"),
        ("start.evaluation", "project"),
    ],
)
def test_each_file_name_is_looked_up_in_service_stage_and_project(
    ask_tree, folder, basename, level
):
    seen = ask_tree(folder, TYPES[basename])
    assert seen.said == f"{basename}.sh of {level}\nall.events.sh of project\n"
