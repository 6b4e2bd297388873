"""What people have done over the API: run, run again, cancel, explain, look at scripts."""

import pytest

from service.keptn_events import Belonging

WISH = {"type": "test.triggered", "project": "sockshop", "stage": "dev", "service": "carts"}
ALICE = {"name": "alice", "url": "https://chat.example.com/1"}
THIRD = "1jkq9m2x3-000000"


class Restricted:
    """A visitor for one project, who may send one type."""

    name = "bot"
    everywhere = False

    def may_touch(self, project):
        return project == "sockshop"

    def may_send(self, type_):
        return type_ == "sh.keptn.event.test.triggered"


@pytest.fixture
def restricted(client):
    def ask(path, **what):
        scope = {"genexec.sender": Restricted()}
        return client.open(path, environ_overrides={"asgi.scope": scope}, **what)

    return ask


def test_a_wish_becomes_an_event_that_says_who_asked(client, door):
    answer = client.post("/api/v1/runs", json=WISH | {"values": {"COLOR": "blue"}, "asker": ALICE})

    (event,) = door.taken
    assert (answer.status_code, answer.json) == (202, {"run": "run-1"})
    assert answer.headers["Location"] == "/api/v1/runs/run-1"
    assert event.type == "sh.keptn.event.test.triggered"
    assert event.data == {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "labels": {"COLOR": "blue"},
    }
    assert event.extension("genexecuser") == "alice"
    assert event.extension("genexecurl") == "https://chat.example.com/1"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"type": 1}, "type"),
        ({"type": ""}, "type"),
        ({"project": "../x"}, "project"),
        ({"values": ["a"]}, "values"),
        ({"values": {"a": 1}}, "values"),
        ({"values": {str(n): "" for n in range(101)}}, "values"),
        ({"asker": "alice"}, "asker"),
        ({"asker": {"mail": "x"}}, "mail"),
        ({"projcet": "x"}, "projcet"),
        ({"action": "scale"}, "action"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused_with_the_name_of_what_is_wrong(
    client, door, wrong, named
):
    answer = client.post("/api/v1/runs", json=WISH | wrong)

    assert (answer.status_code, door.taken) == (400, [])
    assert named in answer.json["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type": "a", "type": "b"}'])
def test_a_body_that_is_no_object_is_refused(client, door, body):
    answer = client.post("/api/v1/runs", data=body, content_type="application/json")

    assert (answer.status_code, door.taken) == (400, [])


def test_a_form_as_a_page_sends_it_is_no_wish(client, door):
    answer = client.post("/api/v1/runs", data=b'{"type": "a.triggered"}', content_type="text/plain")

    assert (answer.status_code, door.taken) == (415, [])


def test_what_the_door_refuses_is_403(restricted):
    answer = restricted("/api/v1/runs", method="POST", json=WISH | {"type": "other.triggered"})

    assert (answer.status_code, answer.json["code"]) == (403, "not-permitted")


def test_a_rerun_is_the_same_event_with_another_id(client, door, make_event):
    answer = client.post(f"/api/v1/runs/{THIRD}/rerun", json={"asker": ALICE})

    (event,) = door.taken
    first = make_event()
    assert answer.status_code == 202
    assert event.id != first.id
    assert (event.type, event.data, event.context) == (first.type, first.data, first.context)
    assert event.extension("genexecrerunof") == THIRD
    assert event.extension("genexecuser") == "alice"


def test_a_rerun_needs_no_body(client, door):
    assert client.post(f"/api/v1/runs/{THIRD}/rerun").status_code == 202
    assert len(door.taken) == 1


def test_what_is_no_longer_kept_cannot_be_run_again(client, door):
    answer = client.post("/api/v1/runs/1jkq9m2x1-000000/rerun")

    assert (answer.status_code, answer.json["code"], door.taken) == (410, "event-forgotten", [])


@pytest.mark.parametrize("order", ["rerun", "cancel"])
def test_the_run_of_another_project_is_neither_repeated_nor_cancelled(
    restricted, order, door, engine
):
    answer = restricted(f"/api/v1/runs/1jkq9m2x2/{order}", method="POST")

    assert (answer.status_code, door.taken, engine.asked) == (404, [], [])


def test_a_run_is_cancelled_in_the_name_of_whoever_asks(client, engine):
    answer = client.post(f"/api/v1/runs/{THIRD}/cancel", json={"asker": ALICE})

    assert (answer.status_code, answer.json) == (202, {"run": THIRD, "cancelled": True})
    assert engine.asked == [("cancel", THIRD, "alice")]


def test_who_gives_no_name_cancels_in_the_name_of_the_sender(restricted, engine):
    restricted(f"/api/v1/runs/{THIRD}/cancel", method="POST")

    assert engine.asked == [("cancel", THIRD, "bot")]


def test_explaining_asks_the_engine_about_what_decides_only(client, engine, make_event):
    event = dict(make_event(data={"project": "sockshop", "secret": "x" * 9999}).document)

    answer = client.post("/api/v1/explain", json=event)

    ((_, document),) = engine.asked
    assert (answer.status_code, answer.json) == (200, {"runs": []})
    assert document["type"] == event["type"]
    assert document["data"] == {"project": "sockshop"}


def test_a_wish_is_explained_too(client, engine):
    client.post("/api/v1/explain", json={"action": "scale", "project": "sockshop"})

    ((_, document),) = engine.asked
    assert document["type"] == "sh.keptn.event.action.triggered"
    assert document["data"] == {"project": "sockshop", "action": {"action": "scale"}}


def test_scripts_are_asked_for_by_place(client, engine):
    answer = client.get("/api/v1/scripts?project=sockshop&stage=dev")

    assert answer.json == {"scripts": [{"name": "a.sh"}]}
    assert engine.asked == [("scripts", Belonging(project="sockshop", stage="dev"))]


def test_a_script_that_is_not_there_is_404(client):
    assert client.get("/api/v1/scripts/a.sh?project=sockshop").json["text"] == "echo"
    answer = client.get("/api/v1/scripts/b.sh?project=sockshop")

    assert (answer.status_code, answer.json["code"]) == (404, "unknown-script")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/api/v1/scripts?project=other", {}),
        ("/api/v1/scripts/a.sh?project=other", {}),
        ("/api/v1/explain", {"method": "POST", "json": WISH | {"project": "other"}}),
    ],
)
def test_scripts_of_other_projects_are_not_shown(restricted, engine, path, what):
    assert (restricted(path, **what).status_code, engine.asked) == (403, [])


def test_a_list_tells_who_asked_and_which_scripts_ran(client):
    (run, *_) = client.get("/api/v1/runs").json["runs"]

    assert (run["asked_by"], run["scripts"]) == ("alice", ["a.sh"])


def test_runs_can_be_chosen_by_stage_and_service(client):
    assert len(client.get("/api/v1/runs?stage=dev&service=carts").json["runs"]) == 3
    assert client.get("/api/v1/runs?stage=prod").json["runs"] == []
