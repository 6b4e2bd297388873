"""What a sender sees: answers, duplicates, and a run behind every 202."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

HELLO = "com.example.hello"
TASK = "sh.keptn.event.test.triggered"


@pytest.fixture(scope="module")
def service(serve_all, signing):
    scripts = {
        f"{HELLO}.sh": signing("ran") + 'echo "hello $DATA_GREETING"',
        "test.triggered.sh": signing("ran"),
    }
    return serve_all(scripts).start()


def test_the_location_of_a_202_leads_to_the_run(service, event):
    answer = service.post(event(HELLO, data={"greeting": "you"}))

    record = service.wait_for(answer.json()["runs"][0])
    assert answer.status_code == 202
    assert service.get(answer.headers["location"]).json() == record
    assert (record["state"], record["message"]) == ("passed", "hello you\n")


def test_an_event_in_binary_mode_is_run(service):
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "binary%2F1",
        "ce-source": "test",
        "ce-type": HELLO,
    }
    body = json.dumps({"project": "sockshop", "greeting": "binary"})

    answer = requests.post(service.address, data=body, headers=headers, timeout=10)

    record = service.wait_for(answer.json()["runs"][0])
    assert record["event_id"] == "binary/1"
    assert record["message"] == "hello binary\n"


def test_every_event_of_a_batch_is_run(service, event):
    events = [event(HELLO, data={"greeting": str(number)}) for number in range(3)]

    answer = service.post(events)

    records = [service.wait_for(run) for run in answer.json()["runs"]]
    assert answer.headers["location"] == "/api/v1/runs"
    assert [record["event_id"] for record in records] == [one["id"] for one in events]
    assert [record["message"] for record in records] == ["hello 0\n", "hello 1\n", "hello 2\n"]


@pytest.mark.promise("R7")
def test_an_event_sent_fifty_times_at_once_is_run_once(service, event):
    again = event(HELLO)

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(service.post, [again] * 50))

    (run,) = {answer.json()["runs"][0] for answer in answers}
    service.wait_for(run)
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json().get("duplicates", 0) for answer in answers) == 49
    assert len(service.signs(again["id"])) == 1


@pytest.mark.promise("R7")
def test_a_duplicate_after_a_restart_is_answered_with_the_first_run(service, event):
    again = event(TASK)
    run = service.send(again)
    service.wait_for(run)
    service.sink.wait_for(2, trigger=again["id"])
    service.stop()
    service.start()

    answer = service.post(again)

    service.wait_for(service.send(event(HELLO)))
    assert answer.json() == {"runs": [run], "duplicates": 1}
    assert len(service.signs(again["id"])) == 1
    assert len(service.sink.of(trigger=again["id"])) == 2


def test_the_same_id_with_other_content_is_refused(service, event):
    first = event(HELLO)
    service.wait_for(service.send(first))

    answer = service.post(first | {"data": {"project": "sockshop", "greeting": "other"}})

    assert (answer.status_code, answer.json()["code"]) == (422, "content-conflict")
    assert len(service.signs(first["id"])) == 1


def test_an_event_that_no_script_answers_is_ignored(service, event):
    unknown = event("sh.keptn.event.unheard-of.triggered")

    record = service.wait_for(service.send(unknown))

    assert (record["state"], record["outgoing"], record["attempts"]) == ("ignored", [], [])
    assert "no script" in record["reason"]


def test_answers_that_come_back_are_ignored(service, event):
    task = event(TASK)
    service.wait_for(service.send(task))
    answers = service.sink.wait_for(2, trigger=task["id"])

    records = [service.wait_for(service.send(answer)) for answer in answers]

    assert [record["state"] for record in records] == ["ignored", "ignored"]
    assert {record["reason"] for record in records} == {"an answer of our own"}


@pytest.mark.promise("R8")
def test_no_request_leaves_a_traceback_in_the_log(service):
    bodies = [b"", b"null", b"[]", b"{", b'{"specversion": "1.0"}', b"\xff", b"[" * 2000]
    headers = {"content-type": "application/cloudevents+json"}

    answers = [
        requests.post(service.address, data=body, headers=headers, timeout=10) for body in bodies
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert "Traceback" not in service.log.read_text()
