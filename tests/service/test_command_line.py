"""`genexec send`, `runs` and `show` beside a running service, as its user calls them."""

import json

import pytest

HELLO = "com.example.hello"
TASK = "sh.keptn.event.test.triggered"


@pytest.fixture(scope="module")
def service(serve_all, signing):
    scripts = {
        f"{HELLO}.sh": signing("ran") + 'echo "hello $DATA_GREETING"',
        "test.triggered.sh": "echo tested; exit 3",
    }
    return serve_all(scripts).start()


@pytest.fixture
def send(service, tmp_path):
    """Write an event to a file and send it as a user does."""

    def send_it(document, *options):
        file = tmp_path / "event.json"
        file.write_text(json.dumps(document))
        return service.command("send", file, "--to", service.address, *options)

    return send_it


@pytest.fixture
def ran(service, event):
    """Return the record of a run that ended."""
    return service.wait_for(service.send(event(HELLO, data={"greeting": "you"})))


def test_send_prints_the_answer(send, service, event):
    said = send(event(HELLO))

    status, body = said.stdout.splitlines()
    (run,) = json.loads(body)["runs"]
    assert (said.returncode, status) == (0, "202 Accepted")
    assert service.wait_for(run)["state"] == "passed"


def test_send_takes_a_request_file(service, tmp_path):
    file = tmp_path / "hello.http"
    file.write_text(
        "POST http://elsewhere.invalid/\ncontent-type: application/cloudevents+json\n\n"
        f'{{"specversion": "1.0", "id": "http-file", "source": "s", "type": "{HELLO}",'
        ' "data": {"project": "sockshop", "greeting": "file"}}\n'
    )

    said = service.command("send", file, "--to", service.address, "--json")

    (run,) = json.loads(said.stdout)["answer"]["runs"]
    assert service.wait_for(run)["message"] == "hello file\n"


def test_send_prints_json_for_a_program(send, event):
    said = json.loads(send(event(HELLO), "--json").stdout)

    assert said["status"] == 202
    assert len(said["answer"]["runs"]) == 1


def test_an_event_with_a_new_id_runs_again(send, service, event):
    first = event(HELLO)
    (once,) = json.loads(send(first, "--json").stdout)["answer"]["runs"]

    (again,) = json.loads(send(first, "--json", "--new-id").stdout)["answer"]["runs"]

    assert once != again
    assert service.wait_for(again)["event_id"] != first["id"]


def test_send_says_what_was_wrong_with_the_event(send):
    said = send({"specversion": "1.0", "type": HELLO})

    assert said.returncode == 65
    assert "the attribute 'id' is missing" in said.stdout


def test_send_to_nobody_ends_with_69(service, tmp_path):
    file = tmp_path / "event.json"
    file.write_text("{}")

    said = service.command("send", file, "--to", "http://127.0.0.1:1/")

    assert said.returncode == 69
    assert said.stderr.startswith("genexec: http://127.0.0.1:1/ cannot be reached")
    assert said.stderr.count("\n") == 1


def test_runs_lists_the_newest_first(service, ran):
    lines = service.command("runs").stdout.splitlines()

    assert lines[0].split() == ["RUN", "STATE", "ACCEPTED", "TYPE", "WHERE", "WHY"]
    assert lines[1].startswith(f"{ran['id']}  ")
    assert "passed" in lines[1]
    assert "sockshop/dev/carts" in lines[1]


def test_runs_as_json_are_those_of_the_api(service, ran):
    said = json.loads(service.command("runs", "--json", "--limit", 1).stdout)

    assert said == service.runs()[:1]
    assert said[0]["id"] == ran["id"]


def test_runs_can_be_chosen_by_state(service, event):
    service.wait_for(service.send(event(TASK)))

    said = json.loads(service.command("runs", "--json", "--state", "failed").stdout)

    assert {run["state"] for run in said} == {"failed"}


def test_show_last_tells_the_whole_story(service, event):
    task = event(TASK)
    run = service.send(task)
    service.wait_for(run)
    service.sink.wait_for(2, trigger=task["id"])

    said = service.command("show", "last").stdout

    assert f"run       {run}\n" in said
    assert "state     failed  (exit code 3)\n" in said
    assert f"event     {TASK}   id {task['id']}   from test\n" in said
    assert "script    generic-executor/test.triggered.sh  (project level" in said
    assert "  | tested\n" in said
    assert "sh.keptn.event.test.started" in said
    assert "sh.keptn.event.test.finished" in said


def test_show_takes_the_beginning_of_an_id(service, ran):
    said = service.command("show", ran["id"][:-1])

    assert said.stdout.startswith(f"run       {ran['id']}\n")


def test_show_output_prints_what_the_scripts_said(service, ran):
    assert service.command("show", ran["id"], "--output").stdout == "hello you\n"


def test_show_as_json_has_the_record_and_the_outputs(service, ran):
    said = json.loads(service.command("show", ran["id"], "--json").stdout)

    assert said.pop("outputs") == [{"position": 0, "number": 1, "output": "hello you\n"}]
    assert said == service.run(ran["id"])


def test_an_unknown_run_is_said_in_one_line(service):
    said = service.command("show", "zzz")

    assert said.returncode == 65
    assert said.stdout == ""
    assert said.stderr.startswith("genexec: ")
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("runs",), 0, "no such runs here; --state-dir or GENEXEC_STATE_DIR tells where to look"),
        (("show",), 65, "genexec: there are no runs yet"),
    ],
)
def test_a_state_directory_that_holds_nothing_is_said(service, tmp_path, words, code, sentence):
    said = service.command(*words, "--state-dir", tmp_path / "nothing")

    assert said.returncode == code
    assert said.stdout + said.stderr == f"{sentence}\n"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("words", [("runs",), ("show",), ("dead",), ("resend", "--all")])
def test_a_state_directory_that_is_a_file_is_refused(service, words):
    said = service.command(*words, "--state-dir", __file__)

    assert said.returncode == 2
    assert f"Directory '{__file__}' is a file" in said.stderr


def test_the_record_is_readable_after_the_service_ended(service, ran):
    service.stop()

    said = service.command("show", ran["id"])

    service.start()
    assert "  | hello you\n" in said.stdout
