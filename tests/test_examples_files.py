"""The files that users copy: example scripts, test events, and what deploys the service."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.directives import read_directives
from service.event import Acceptance, read_event
from service.http_binding import read_message
from service.http_file import parse_http_file, problems
from service.keptn_events import NAME, Belonging, belonging_of, meaning_of
from service.scripts import SUFFIXES, Found, Layout, Listing, look_up, plan
from service.variables import event_variables

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "scripts_examples"
SCRIPTS = sorted(path for path in EXAMPLES.rglob("*") if path.suffix in SUFFIXES)
EVENTS = sorted(path for path in (ROOT / "test-events").iterdir() if path.suffix != ".md")
FAMILIES = {"a": "A", "b": "B", "c": "C", "plain": "other"}
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def read_events(path):
    """Return the events of a file, read the way the service reads a request."""
    if path.suffix == ".json":
        return (read_event(json.loads(path.read_text()), accept=Acceptance.LEGACY, now=NOW),)
    head, _, body = path.read_bytes().partition(b"\n\n")
    request, *lines = [line for line in head.split(b"\n") if not line.startswith(b"#")]
    assert request == b"POST http://localhost:8080/"
    headers = [line.split(b": ", 1) for line in lines]
    return read_message(headers, body, accept=Acceptance.LEGACY, now=NOW)


def scripts_for(event):
    """Return the example scripts that an event runs, as paths below the examples."""
    where = belonging_of(event, Belonging())
    question = look_up(meaning_of(event), where, Layout.FOLDERS, "")
    found = {
        (place, name): Found(
            project=where.project, place=place, name=name, path=f"{place.folder}/{name}",
            blob="", commit="",
        )
        for place in question.places
        for name in question.names
        if (EXAMPLES / place.folder / name).is_file()
    }  # fmt: skip
    return [one.path for one in plan(meaning_of(event), question, Listing(found=found)).scripts]


def run_script(script, event, directory):
    """Run an example as the service would, without a network address in its variables."""
    variables = event_variables(event, belonging_of(event, Belonging()), {}).mapping()
    document = directory / "event.json"
    document.write_text(json.dumps(event.document))
    interpreter = "bash" if script.endswith(".sh") else sys.executable
    return subprocess.run(
        [interpreter, str(EXAMPLES / script), str(document)],
        env=variables | {"PATH": os.environ["PATH"], "HOME": str(directory)},
        cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=30,
    )  # fmt: skip


def documented_names():
    """Return the variables that are set for every event."""
    (event,) = read_events(ROOT / "test-events/plain.com.example.backup.done--text.http")
    return event_variables(event, Belonging(), {}).mapping()


ALL_EVENTS = [(path, event) for path in EVENTS for event in read_events(path)]
OFFLINE_RUNS = [
    pytest.param(script, event, id=f"{script} for {path.name}")
    for path, event in ALL_EVENTS
    for script in scripts_for(event)
    if not script.endswith(".http")
]


def test_there_are_scripts_and_events():
    assert len(SCRIPTS) >= 15
    assert len([path for path in EVENTS if path.suffix == ".http"]) >= 50
    assert len([path for path in EVENTS if path.suffix == ".json"]) >= 2
    assert len([path for path, _ in ALL_EVENTS if path.stem == "batch"]) == 2
    assert len(OFFLINE_RUNS) >= 80


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_a_script_is_written_correctly_and_lies_where_it_is_found(path):
    content = path.read_bytes()

    read_directives(content)
    if path.suffix == ".sh":
        subprocess.run(["bash", "-n", str(path)], check=True)
    elif path.suffix == ".py":
        compile(content, str(path), "exec", dont_inherit=True)
    else:
        assert problems(parse_http_file(content), names=documented_names()) == ()
    assert NAME.fullmatch(path.name)
    assert path.parent.name == "generic-executor"


@pytest.mark.parametrize(
    ("name", "event"), [(path.stem, event) for path, event in ALL_EVENTS if path.stem != "batch"]
)
def test_an_event_means_what_its_file_name_says(name, event):
    family, _, stem = name.partition(".")

    meaning = meaning_of(event)

    assert meaning.family == FAMILIES[family]
    assert meaning.basenames[0] == stem.partition("--")[0]
    assert event.warnings == ()


KINDS_OF_A = [
    "internal.event.project.create",
    "internal.event.project.delete",
    "internal.event.service.create",
    "internal.event.service.delete",
    "internal.event.get-sli",
    "internal.event.get-sli.done",
    "event.configuration.change",
    "event.start-evaluation",
    "event.problem.open",
    "event.monitoring.configure",
    "event.approval.triggered",
    "event.approval.finished",
    "event.action.triggered",
    "event.action.started",
    "event.action.finished",
    "event.remediation.triggered",
    "event.remediation.started",
    "event.remediation.status.changed",
    "event.remediation.finished",
    "events.deployment-finished",
    "events.tests-finished",
    "events.problem",
    "events.evaluation-done",
    "events.evaluation.invalidated",
]
TASKS_OF_B = [
    "deployment",
    "test",
    "evaluation",
    "get-sli",
    "release",
    "rollback",
    "approval",
    "get-action",
    "action",
    "configure-monitoring",
    "remediation",
]
KINDS_OF_B = [f"event.{task}.{kind}" for task in TASKS_OF_B for kind in ("triggered", "finished")]
KINDS_OF_B += [
    "event.test.started",
    "event.test.status.changed",
    "event.remediation.status.changed",
    "event.evaluation.invalidated",
    "event.dev.delivery.triggered",
    "event.dev.delivery.finished",
    "event.project.create.started",
    "event.project.create.finished",
    "event.project.delete.started",
    "event.project.delete.finished",
    "event.service.create.started",
    "event.service.create.finished",
    "event.service.delete.started",
    "event.service.delete.finished",
    "log.error",
]
PHASES_OF_C = {
    *(
        f"{what} {when}-Deployment {kind}"
        for what in ("App", "Workload")
        for when in ("Pre", "Post")
        for kind in ("Tasks", "Evaluations")
    ),
    *("App Deployment", "Workload Deployment", "Promotion Tasks", "Reconcile Evaluation"),
    *("Reconcile Task", "Reconcile Workloads", "Create Evaluation", "Create Task"),
    *("Create AppCreationRequest", "Create Workload", "Update Workload"),
    *("Create WorkloadVersion", "Create AppVersion", "Deprecate AppVersion"),
    *("App Completed", "Workload Completed", "Completed", "Deprecated"),
}
STATES_OF_C = {"Started", "Finished", "Failed", "StatusChanged", "ReconcileError", "NotFound"}
STATES_OF_C |= {"ReconcileTimeout", "GetAppVersionFailed", "AppVersionNotFound"}


@pytest.mark.parametrize(("family", "kinds"), [("A", KINDS_OF_A), ("B", KINDS_OF_B)])
def test_every_kind_of_event_that_keptn_sends_is_there(family, kinds):
    types = {event.type for _, event in ALL_EVENTS if meaning_of(event).family == family}

    assert {f"sh.keptn.{kind}" for kind in kinds} - types == set()


def test_every_phase_and_state_of_the_lifecycle_toolkit_is_there():
    types = [event.type for _, event in ALL_EVENTS if meaning_of(event).family == "C"]

    assert PHASES_OF_C - {type_.partition(".")[0] for type_ in types} == set()
    assert STATES_OF_C - {type_.partition(".")[2] for type_ in types} == set()


def test_no_two_events_have_the_same_identity():
    identities = [(event.source, event.id) for _, event in ALL_EVENTS]

    assert len(identities) == len(set(identities))


def test_every_script_answers_some_event():
    beaten = {  # variants of the power outage, there to show what wins over them
        "generic-executor/action.triggered.poweroutageaction.http",
        "sockshop/production/generic-executor/action.triggered.poweroutageaction.py",
    }

    answering = {script for _, event in ALL_EVENTS for script in scripts_for(event)}

    assert answering | beaten == {path.relative_to(EXAMPLES).as_posix() for path in SCRIPTS}


@pytest.mark.parametrize(
    ("project", "stage", "service", "script"),
    [
        ("sockshop", "production", "carts", "sockshop/production/carts/{}.sh"),
        ("sockshop", "production", "orders", "sockshop/production/{}.py"),
        ("sockshop", "dev", "carts", "sockshop/{}.py"),
        ("other", "dev", "carts", "{}.http"),
    ],
)
def test_the_power_outage_is_handled_by_the_script_the_readme_names(
    make_event, project, stage, service, script
):
    data = {"project": project, "stage": stage, "service": service}
    data["action"] = {"action": "poweroutageaction"}
    event = make_event("sh.keptn.event.action.triggered", data=data)

    name = "generic-executor/action.triggered.poweroutageaction"
    assert scripts_for(event) == [script.format(name)]


@pytest.mark.parametrize(("script", "event"), OFFLINE_RUNS)
def test_a_script_runs_without_a_network(script, event, tmp_path):
    result = run_script(script, event, tmp_path)

    assert (result.returncode, result.stdout != "") == (0, True), result.stderr


RELEASE = "sockshop/production/generic-executor/release.triggered.sh"
TESTS_FINISHED = "sh.keptn.events.tests-finished"
NO_CHANGE = "no change number: start the delivery with the label change=CHG…"


@pytest.mark.parametrize(
    ("script", "event", "said"),
    [
        ("generic-executor/test.triggered.py", "b.test.triggered", ("result", "pass")),
        (
            "generic-executor/deployment.finished.sh",
            "a.deployment.finished",
            ("type", TESTS_FINISHED),
        ),
        (RELEASE, "b.release.triggered", ("error", NO_CHANGE)),
    ],
)
def test_a_script_returns_one_json_object(script, event, said, tmp_path):
    (event,) = read_events(ROOT / "test-events" / f"{event}.http")

    result = run_script(script, event, tmp_path)

    assert said in json.loads(result.stdout).items()


def test_the_manual_names_every_variable_and_every_example():
    manual = (ROOT / "docs/scripts.md").read_text()
    listing = (EXAMPLES / "README.md").read_text()

    names = documented_names()

    assert [name for name in names if f"`{name}`" not in manual] == []
    assert [p.name for p in SCRIPTS if p.name not in listing and "poweroutage" not in p.name] == []
