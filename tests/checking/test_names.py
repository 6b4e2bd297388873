"""Which names are found to be impossible or doubtful, with the way out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checking.findings import File, Weight
from service.checking.names import name_findings
from service.event import Acceptance, read_event
from service.keptn_events import meaning_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FOLDER = "generic-executor"
words = st.sampled_from(["test", "get-sli", "release", "dev", "delivery", "problem", "x1"])
kinds = st.sampled_from(["triggered", "started", "finished", "invalidated"])
types = st.one_of(
    st.builds("sh.keptn.event.{}.{}".format, words, kinds),
    st.builds("sh.keptn.event.{}.{}.{}".format, words, words, kinds),
    st.builds("sh.keptn.events.{}-{}".format, words, st.sampled_from(["finished", "done"])),
    st.builds("com.example.{}.{}".format, words, words),
    st.sampled_from(
        [
            *("sh.keptn.event.configuration.change", "sh.keptn.events.problem"),
            *("sh.keptn.log.error", "sh.keptn.event.test.status.changed"),
            "App Deployment.Started",
        ]
    ),
)


def meant(type_, specversion="1.0"):
    """Return the names by which an event of a type is looked for."""
    document = {"specversion": specversion, "id": "1", "source": "s", "type": type_, "data": {}}
    return meaning_of(read_event(document, accept=Acceptance.LEGACY, now=NOW)).basenames


def errors(name):
    file = File(branch="", path=f"{FOLDER}/{name}", content=b"exit 0")
    return [found.message for found in name_findings(file) if found.weight is Weight.ERROR]


@given(type_=types, suffix=st.sampled_from([".sh", ".py", ".http"]))
def test_no_name_that_an_event_has_is_an_error(type_, suffix):
    assert [problem for name in meant(type_) for problem in errors(name + suffix)] == []


@pytest.mark.parametrize(
    "type_",
    ["sh.keptn.event.heartbeat", "sh.keptn.event.test.paused", "sh.keptn.event.a.b.c.triggered"],
)
def test_a_keptn_type_that_is_looked_for_by_its_whole_name_is_no_error(type_):
    assert meant(type_) == (type_,)
    assert errors(f"{type_}.sh") == []


@pytest.mark.parametrize(
    "name",
    [
        *("test.triggered.sh", "action.triggered.scale-up.py", "all.events.http"),
        *("dev.delivery.triggered.sh", "com.github.push.sh", "configuration.change.http"),
        *("problem.open.sh", "start.evaluation.sh", "test.status.changed.sh", "evaluation.done.sh"),
        *("workload-pre-deployment-tasks.started.sh", "evaluation.invalidated.sh", "hello.py"),
        *("README.md", "readme", "LICENSE", "notes.txt", ".gitkeep", ".gitignore"),
    ],
)
def test_a_name_as_it_should_be_is_not_mentioned(findings, name):
    assert findings([f"{FOLDER}/{name}"]) == []


@pytest.mark.parametrize("name", ["test.triggered.bash", "deploy", "test.triggered.SH", "a.json"])
def test_a_file_with_another_ending_is_never_run(findings, name):
    assert findings([f"{FOLDER}/{name}"]) == [
        f"{FOLDER}/{name}: warning: never run: a script ends with .sh, .py or .http"
    ]


@pytest.mark.parametrize("name", ["test triggered.sh", "tést.triggered.sh", "-x.sh", "a..b.sh"])
def test_a_name_with_a_foreign_character_is_an_error(findings, name):
    (line,) = findings([f"{FOLDER}/{name}"])

    assert line.startswith(f"{FOLDER}/{name}: error: no event can have this name: use letters")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("sh.keptn.event.test.triggered.sh", "test.triggered"),
        ("sh.keptn.event.dev.delivery.triggered.sh", "dev.delivery.triggered"),
        ("sh.keptn.events.deployment-finished.py", "deployment.finished"),
        ("sh.keptn.events.tests-finished.http", "tests.finished"),
        ("sh.keptn.event.start-evaluation.sh", "start.evaluation"),
    ],
)
def test_the_prefix_of_keptn_is_an_error_that_tells_the_name(findings, name, short):
    (line,) = findings([f"{FOLDER}/{name}"])

    why = "no event has this name: Keptn's prefix is left out"
    assert line == f"{FOLDER}/{name}: error: {why}, name it {short!r}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deployment-finished.sh", "Keptn's deployment-finished is answered by "),
        ("Test.Triggered.sh", "names are compared byte for byte, and Keptn's are in lower case"),
        ("all.event.sh", "did you mean 'all.events'?"),
        ("allevents.sh", "did you mean 'all.events'?"),
        ("test.trigered.sh", "did you mean 'test.triggered'?"),
        ("deployment.finish.sh", "did you mean 'deployment.finished'?"),
        ("dev.delivery.strated.py", "did you mean 'dev.delivery.started'?"),
    ],
)
def test_a_name_that_is_hardly_meant_gets_a_warning(findings, name, message):
    (line,) = findings([f"{FOLDER}/{name}"])

    assert line.startswith(f"{FOLDER}/{name}: warning: {message}")


def test_a_script_outside_every_scripts_folder_has_any_name(findings):
    assert findings(["tools/sh.keptn.event.test.triggered.sh"]) == []
