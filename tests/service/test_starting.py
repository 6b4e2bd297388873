"""What can go wrong at the start is said in a sentence, with an exit code."""

import os
import socket
import sys
import time

import pytest

TASK = "sh.keptn.event.test.triggered"


@pytest.fixture
def service(serve, signing):
    return serve({"test.triggered.sh": signing("ran")})


def test_a_second_instance_is_refused_and_the_first_undisturbed(service, event):
    service.start()
    before = service.processes()
    began = time.monotonic()

    second = service.command("serve")

    task = event(TASK)
    assert second.returncode == 65
    assert time.monotonic() - began < 5
    assert second.stderr.startswith("genexec: another instance of the service (process ")
    assert f"{service.process.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    assert service.processes() == before
    assert service.wait_for(service.send(task))["state"] == "passed"


def test_modules_in_the_folder_it_is_started_in_are_not_taken_for_its_own(service, event, tmp_path):
    folder = tmp_path / "of-somebody"
    folder.mkdir()
    for name in sys.stdlib_module_names | {"flask", "git", "gunicorn", "orjson", "yaml"}:
        (folder / f"{name}.py").write_text("raise SystemExit(__file__)")
    service.where = folder

    service.start()

    assert service.wait_for(service.send(event(TASK)))["state"] == "passed"


def test_wrong_settings_are_all_named_without_a_traceback(service):
    wrong = {
        "GENEXEC_PORT": "abc",
        "GENEXEC_TIMEOUT": "-1",
        "GENEXEC_LAYOUT": "trees",
        "GENEXEC_SCRIPTSS": "here",
        "GENEXEC_SINK": "ftp://somewhere",
    }

    said = service.command("serve", **wrong)

    lines = said.stderr.splitlines()
    assert said.returncode == 78
    assert len(lines) == 5
    for name in wrong:
        assert any(name in line for line in lines), name
    assert all(line.startswith("genexec: ") for line in lines)
    assert not (service.state / "inbox.db").exists()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("GENEXEC_SHELL", "nosuch", " is not in GENEXEC_SCRIPT_PATH="),
        ("GENEXEC_WORK_DIR", __file__, " cannot be used: File exists"),
    ],
)
def test_a_setting_that_only_the_engine_can_judge_ends_the_service_at_its_start(
    service, name, value, why
):
    said = service.command("serve", **{name: value})

    assert said.returncode == 78
    assert said.stderr.startswith(f"genexec: {name}={value}{why}")
    assert "Traceback" not in said.stderr


def test_a_setting_that_becomes_wrong_later_is_waited_for(service, event, until, tmp_path):
    place, aside = tmp_path / "work", tmp_path / "aside"
    service.environment["GENEXEC_WORK_DIR"] = str(place)
    service.start()
    place.rename(aside)
    place.write_text("")

    service.kill("engine")

    until(lambda: "GENEXEC_WORK_DIR=" in service.log.read_text())
    place.unlink()
    aside.rename(place)
    assert service.wait_for(service.send(event(TASK)))["state"] == "passed"


def test_a_service_without_scripts_is_refused(service):
    said = service.command("serve", GENEXEC_SCRIPTS="")

    assert said.returncode == 78
    assert said.stderr.startswith("genexec: GENEXEC_SCRIPTS is not set: name a directory")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ext::sh%20-c%20id", "ext"),
        ("file:///somewhere", "the scheme 'file' is not allowed"),
        ("ssh://-oProxyCommand=id/x", "host"),
        ("https://git.example.invalid/a\nb", "a line break"),
    ],
)
def test_an_address_that_git_must_not_get_is_refused(service, address, why):
    said = service.command("serve", GENEXEC_SCRIPTS=address)

    assert said.returncode == 78
    assert why in said.stderr
    assert "Traceback" not in said.stderr


def test_a_port_in_use_is_named_in_the_log(service, until):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service.environment["GENEXEC_PORT"] = str(port)
        service.launch()

        until(lambda: "in use" in service.log.read_text(), what=service.log.read_text)

    assert str(port) in service.log.read_text()
    assert "Traceback" not in service.log.read_text()


def test_its_processes_push_nobody_aside(service):
    service.start()

    policies = {name: os.sched_getscheduler(pid) for name, pid in service.processes().items()}

    working = {name: policies[name] for name in ("engine", "runner", "worker")}
    assert working == dict.fromkeys(working, os.SCHED_BATCH)
