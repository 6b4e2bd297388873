"""Scripts from Keptn's own store: a whole event, an absent Keptn, a restart, the commands."""

import hashlib
import json

import pytest

TASK = "sh.keptn.event.test.triggered"
FILE = "generic-executor/test.triggered.sh"


@pytest.fixture
def start(serve, keptn):
    def make(**options):
        options = {"genexec_keptn_scripts_interval": "300ms"} | options
        return serve(f"keptn+{keptn.url}", **options).start()

    return make


def test_a_task_is_done_by_the_script_in_keptn_and_answered(start, keptn, event):
    content = b'echo "said by $GENEXEC_LEVEL"\n'
    stage = keptn.commit({f"carts/{FILE}": content, "x": b""}, branch="dev")
    keptn.commit({f"carts/{FILE}": b"echo a later one\n"}, branch="dev")
    service = start()
    task = event(TASK, gitcommitid=stage)

    run = service.wait_for(service.send(task))

    assert (run["state"], run["commit"]) == ("passed", stage)
    assert run["message"] == "said by service\n"
    (attempt,) = run["attempts"]
    assert attempt["path"] == f"carts/{FILE}"
    assert attempt["blob"] == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    finished = service.sink.wait_for(1, trigger=task["id"], type_=".finished")[0]
    assert (finished["data"]["result"], finished["data"]["status"]) == ("pass", "succeeded")


def test_an_event_waits_for_a_keptn_that_is_away(start, keptn, event, until):
    keptn.commit({FILE: b"echo done\n"})
    keptn.set(status=503)
    service = start()
    task = event(TASK)

    run = service.send(task)

    assert "answered 503" in service.wait_for(run, "unresolved")["reason"]
    (trouble,) = service.get("/api/v1/status").json()["engine"]["troubles"]
    assert "project sockshop: Keptn answered 503" in trouble
    assert service.sink.of(trigger=task["id"]) == []
    keptn.set(status=0)
    assert service.wait_for(run)["message"] == "done\n"
    assert service.get("/api/v1/status").json()["engine"]["troubles"] == []


def test_an_event_without_a_script_is_ignored_in_silence(start, keptn, event):
    keptn.commit({"x": b""}, branch="dev")
    service = start()
    task = event(TASK)

    run = service.wait_for(service.send(task))

    assert (run["state"], run["reason"]) == ("ignored", "no script")
    assert service.sink.of(trigger=task["id"]) == []


def test_after_a_kill_what_has_not_run_yet_is_read_again_at_its_commit(
    start, keptn, event, signing
):
    next_one = "carts/generic-executor/all.events.sh"
    first = (signing("first") + "sleep 60\n").encode()
    files = {f"carts/{FILE}": first, next_one: signing("old").encode()}
    commit = keptn.commit(files, branch="dev")
    service = start()
    run = service.send(event(TASK))
    service.wait_for_signs(1)
    service.kill()
    service.process.wait()
    keptn.commit({next_one: signing("new").encode()}, branch="dev")

    service.start()

    attempts = service.wait_for(run)["attempts"]
    assert [attempt["state"] for attempt in attempts] == ["interrupted", "passed"]
    assert {attempt["commit"] for attempt in attempts} == {commit}
    assert [sign.what for sign in service.signs()] == ["first", "old"]


def test_a_refresh_says_where_the_project_is(start, keptn):
    commit = keptn.commit({FILE: b"echo done\n"})
    service = start()

    answer = service.post({}, "/api/v1/refresh/sockshop")

    assert answer.json() == {
        "message": f"project sockshop is asked for anew, it is at {commit[:7]}"
    }


@pytest.fixture
def at_hand(serve, keptn, tmp_path, event):
    """A service that is not started, and a file with an event."""
    service = serve(f"keptn+{keptn.url}", sink=False)
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(TASK)))
    return service, file


def test_explain_tells_what_keptn_holds(at_hand, keptn):
    service, file = at_hand
    project = keptn.commit({FILE: b"echo project\n"})
    stage = keptn.commit({FILE: b"echo stage\n"}, branch="dev")

    done = service.command("explain", file)

    assert done.returncode == 0, done.stderr
    assert f"runs      {FILE}" in done.stdout
    assert f"stage level on branch dev at commit {stage[:12]}" in done.stdout
    assert f"commit {project[:12]}" in done.stdout


def test_run_runs_what_keptn_holds(at_hand, keptn):
    service, file = at_hand
    keptn.commit({FILE: b"echo done by hand\n"})

    done = service.command("run", file)

    assert done.returncode == 0, done.stderr
    assert "done by hand" in done.stdout


def test_check_finds_mistakes_in_what_keptn_holds(at_hand, keptn):
    service, _ = at_hand
    keptn.commit({FILE: b"echo project\n"})
    keptn.commit({FILE: b"# genexec: repeatble\n"}, branch="dev")
    where = {"GENEXEC_DEFAULT_PROJECT": "sockshop", "GENEXEC_DEFAULT_STAGE": "dev"}

    done = service.command("check", **where)

    assert done.returncode == 1, done.stderr
    assert f"dev:{FILE}:1: error" in done.stdout
    assert "2 scripts" in done.stdout


def test_check_of_a_keptn_needs_a_project(at_hand):
    service, _ = at_hand

    done = service.command("check")

    assert done.returncode == 78
    assert "GENEXEC_DEFAULT_PROJECT" in done.stderr


@pytest.mark.parametrize("address", ["keptn:http://h:8080", "keptn+http://h:8080/{project}"])
def test_a_wrong_address_is_refused_at_start(serve, address):
    service = serve(address, sink=False)

    done = service.command("serve")

    assert done.returncode == 78
    assert "GENEXEC_SCRIPTS: the address of the scripts" in done.stderr
