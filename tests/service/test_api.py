"""The API of the real service: scopes, streams, and the commands that use it."""

import json

import pytest
import requests

SLEEP = "echo begun; echo 'x very-secret-token y'; sleep 60\n"
WISH = {"type": "test.triggered", "project": "sockshop"}
SENDERS = """
- name: bot
  tokens: [token-of-the-bot-0123456789]
  scopes: [send]
  projects: [sockshop]
- name: reader
  tokens: [token-of-a-reader-0123456789]
  scopes: [read]
- name: operator
  tokens: [token-of-operator-0123456789]
  scopes: [operate]
"""
TOKENS = {
    "bot": "token-of-the-bot-0123456789",
    "reader": "token-of-a-reader-0123456789",
    "operator": "token-of-operator-0123456789",
}


@pytest.fixture
def service(serve):
    settings = {"genexec_expose_env": "API_TOKEN", "api_token": "very-secret-token"}
    scripts = {"test.triggered.sh": SLEEP, "deployment.triggered.sh": "echo done\n"}
    return serve(scripts, **settings, genexec_grace="1s").start()


@pytest.fixture(scope="module")
def guarded(serve_all, tmp_path_factory):
    file = tmp_path_factory.mktemp("senders") / "senders.yaml"
    file.write_text(SENDERS)
    scripts = {"test.triggered.sh": "echo\n"}
    return serve_all(scripts, genexec_senders_file=file).start()


def post(service, path, body=None, who=""):
    headers = {"Authorization": f"Bearer {TOKENS[who]}"} if who else {}
    return requests.post(f"{service.address}/api/v1{path}", json=body, headers=headers, timeout=10)


def test_what_a_running_script_writes_is_seen_masked_until_it_is_cancelled(service):
    run = post(service, "/runs", WISH).json()["run"]
    service.wait_for(run, "running")
    url = f"{service.address}/api/v1/runs/{run}/output/0/live"

    with requests.get(url, stream=True, timeout=15) as stream:
        text, kinds = "", []
        for line in stream.iter_lines():
            if line.startswith(b"event: "):
                kinds.append(line[7:].decode())
            elif line.startswith(b"data: "):
                data = json.loads(line[6:])
                text += data.get("text", "")
            if "y" in text and "asked" not in kinds:
                kinds.append("asked")
                post(service, f"/runs/{run}/cancel", {"asker": {"name": "alice"}})

    assert text == "begun\nx *** y\n"
    assert (kinds[0], kinds[-1], data) == ("attempt", "end", {"run": run, "state": "cancelled"})
    assert service.run(run)["reason"] == "cancelled by alice"


def test_keptn_is_told_that_a_task_was_cancelled(service, event):
    trigger = event("sh.keptn.event.test.triggered")
    run = service.send(trigger)
    service.wait_for(run, "running")

    post(service, f"/runs/{run}/cancel")
    service.wait_for(run, "cancelled")

    started, finished = service.sink.wait_for(2, trigger=trigger["id"])
    assert started["type"].endswith(".started")
    assert finished["data"]["status"] == "errored"


def test_events_are_taken_at_the_address_of_the_api_too(service, event):
    answer = service.post(event("sh.keptn.event.deployment.triggered"), "/api/v1/events")

    assert answer.status_code == 202
    assert service.wait_for(answer.json()["runs"][0])["state"] == "passed"


def test_a_run_is_repeated_and_cancelled_on_the_command_line(service, event):
    service.send(event("sh.keptn.event.deployment.triggered"))
    service.wait_for(service.runs()[0]["id"])

    again = service.command("rerun", "last", "--url", service.address)
    new = service.wait_for(again.stdout.strip())
    late = service.command("cancel", new["id"], "--url", service.address)
    run = post(service, "/runs", WISH).json()["run"]
    service.wait_for(run, "running")
    cancelled = service.command("cancel", run, "--url", service.address, "--json")

    assert (again.returncode, new["state"]) == (0, "passed")
    assert new["event"]["genexecrerunof"] != new["id"]
    assert (late.returncode, late.stdout) == (1, f"{new['id']} was over already\n")
    assert json.loads(cancelled.stdout) == {"run": run, "cancelled": True}
    assert "asked by" in service.command("show", new["id"]).stdout
    assert service.wait_for(run)["state"] == "cancelled"


def test_a_service_that_is_not_there_is_told_on_the_command_line(serve):
    service = serve({"a.sh": ""})

    done = service.command("cancel", "last", "--url", "http://127.0.0.1:9/")

    assert done.returncode == 69
    assert "cannot be reached" in done.stderr


@pytest.mark.parametrize(
    ("path", "body", "may"),
    [
        ("/runs", WISH, "bot"),
        ("/runs/zz/rerun", {}, "bot"),
        ("/runs/zz/cancel", {}, "operator"),
        ("/explain", WISH, "reader"),
    ],
)
def test_each_address_asks_for_its_scope(guarded, path, body, may):
    answers = {who: post(guarded, path, body, who).status_code for who in TOKENS}
    stranger = post(guarded, path, body).status_code

    assert stranger == 401
    assert {who for who, status in answers.items() if status not in (401, 403)} == {may}


def test_a_wish_for_another_project_is_not_taken(guarded):
    answer = post(guarded, "/runs", WISH | {"project": "other"}, "bot")

    assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")


def test_a_large_event_is_explained(service, event):
    large = event("sh.keptn.event.test.triggered", data={"blob": "x" * 500_000})

    answer = post(service, "/explain", large)

    assert answer.status_code == 200, answer.text
    assert [one["script"] for one in answer.json()["runs"]] == ["test.triggered.sh"]
