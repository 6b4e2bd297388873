"""What a type means and where an event belongs: the tables of the script contract."""

import pytest

from service.errors import InvalidName
from service.event import Acceptance
from service.keptn_events import NAME, Belonging, Family, Reply, belonging_of, meaning_of, pick

EVENT = "sh.keptn.event."
ACTION = {"action": {"action": "scale"}}
NO_DEFAULT = Belonging()


@pytest.fixture
def meaning(make_event):
    """Say what an event of a type means, as a tuple that fits into a table."""

    def read(type_, version, **more):
        found = meaning_of(make_event(type_, specversion=version, accept=Acceptance.LEGACY, **more))
        return found.family.value, found.basenames, found.reply.value, found.task

    return read


@pytest.mark.parametrize(
    ("type_", "basename"),
    [
        ("sh.keptn.event.configuration.change", "configuration.change"),
        ("sh.keptn.event.monitoring.configure", "monitoring.configure"),
        ("sh.keptn.event.problem.open", "problem.open"),
        ("sh.keptn.events.problem", "problem.open"),
        ("sh.keptn.events.deployment-finished", "deployment.finished"),
        ("sh.keptn.events.tests-finished", "tests.finished"),
        ("sh.keptn.events.evaluation-done", "evaluation.done"),
        ("sh.keptn.events.start-evaluation", "start.evaluation"),
        ("sh.keptn.event.start-evaluation", "start.evaluation"),
        ("sh.keptn.events.evaluation.invalidated", "evaluation.invalidated"),
    ],
)
@pytest.mark.parametrize("version", ["0.2", "1.0"])
def test_the_names_of_the_first_generation_mean_the_same_in_every_envelope(
    meaning, type_, basename, version
):
    assert meaning(type_, version) == ("A", (basename,), "none", "")


@pytest.mark.parametrize("task", [
    "deployment", "test", "evaluation", "get-sli", "release", "rollback", "approval", "get-action",
    "configure-monitoring", "remediation", "my-own-task",
])  # fmt: skip
def test_a_triggered_task_of_the_second_generation_is_answered(meaning, task):
    assert meaning(f"{EVENT}{task}.triggered", "1.0") == ("B", (f"{task}.triggered",), "task", task)


@pytest.mark.parametrize("kind", ["started", "finished", "invalidated"])
@pytest.mark.parametrize("task", ["deployment", "action", "get-sli", "evaluation"])
def test_other_kinds_of_task_events_are_not_answered(meaning, task, kind):
    assert meaning(f"{EVENT}{task}.{kind}", "1.0") == ("B", (f"{task}.{kind}",), "none", task)


@pytest.mark.parametrize("name", [
    "approval.triggered", "approval.started", "approval.finished", "action.started",
    "action.finished", "remediation.triggered", "remediation.started", "remediation.finished",
])  # fmt: skip
def test_task_events_of_the_first_generation_are_not_answered(meaning, name):
    assert meaning(EVENT + name, "0.2") == ("A", (name,), "none", name.split(".")[0])


@pytest.mark.parametrize(
    ("version", "family", "reply"),
    [("0.2", "A", "action"), ("0.3", "A", "action"), ("1.0", "B", "task")],
)
def test_an_action_is_answered_in_its_dialect(meaning, version, family, reply):
    names = ("action.triggered.scale", "action.triggered")

    assert meaning(f"{EVENT}action.triggered", version, data=ACTION) == (
        family,
        names,
        reply,
        "action",
    )


@pytest.mark.parametrize(
    ("rest", "basenames"),
    [
        ("dev.delivery.triggered", ("dev.delivery.triggered", "delivery.triggered")),
        ("dev.delivery.finished", ("dev.delivery.finished", "delivery.finished")),
        ("pre-prod.hot-fix.triggered", ("pre-prod.hot-fix.triggered", "hot-fix.triggered")),
        ("prod.remediation.triggered", ("prod.remediation.triggered", "remediation.triggered")),
        ("project.create.started", ("project.create.started", "create.started")),
        ("service.delete.finished", ("service.delete.finished", "delete.finished")),
    ],
)
def test_a_sequence_event_has_two_names_and_no_answer(meaning, rest, basenames):
    assert meaning(EVENT + rest, "1.0") == ("B", basenames, "none", "")


@pytest.mark.parametrize("version", ["0.2", "1.0"])
def test_progress_of_a_task_is_not_a_sequence(meaning, version):
    found = meaning(f"{EVENT}remediation.status.changed", version)

    assert found[1:] == (("remediation.status.changed",), "none", "remediation")


@pytest.mark.parametrize("type_", [
    "sh.keptn.internal.event.project.create", "sh.keptn.internal.event.project.delete",
    "sh.keptn.internal.event.service.create", "sh.keptn.internal.event.service.delete",
    "sh.keptn.internal.event.get-sli", "sh.keptn.internal.event.get-sli.done", "sh.keptn.log.error",
    "sh.keptn.event.test", "sh.keptn.event.test.paused", "sh.keptn.event.a.b.c.triggered",
])  # fmt: skip
def test_any_other_keptn_type_is_its_own_name(meaning, type_):
    assert meaning(type_, "1.0") == ("B", (type_,), "none", "")


@pytest.mark.parametrize(
    "type_", ["com.example.sold", "x", "Order.Placed", "sh.keptnish.event.a.triggered"]
)
def test_the_type_of_an_ordinary_event_is_its_name(meaning, type_):
    assert meaning(type_, "1.0", data=...) == ("other", (type_,), "none", "")


PHASES = [
    f"{what} {when} {of}"
    for what in ("Workload", "App")
    for when in ("Pre-Deployment", "Post-Deployment")
    for of in ("Tasks", "Evaluations")
] + [
    "Workload Deployment", "App Deployment", "Promotion Tasks", "Reconcile Evaluation",
    "Reconcile Task", "Reconcile Workloads", "Create Evaluation", "Create Task",
    "Create AppCreationRequest", "Create Workload", "Update Workload", "Create WorkloadVersion",
    "Create AppVersion", "Deprecate AppVersion", "App Completed", "Workload Completed",
    "Completed", "Deprecated",
]  # fmt: skip
STATES = [
    "Started", "Finished", "Failed", "StatusChanged", "ReconcileError", "ReconcileTimeout",
    "NotFound", "GetAppVersionFailed", "AppVersionNotFound",
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("phase", PHASES)
def test_phrases_of_the_lifecycle_toolkit_become_file_names(meaning, phase, state):
    name = f"{phase}.{state}".lower().replace(" ", "-")

    assert meaning(f"{phase}.{state}", "1.0", source="keptn.sh") == ("C", (name,), "none", "")


def test_a_phrase_is_recognised_without_its_source(meaning):
    assert meaning("App Deployment.Finished", "1.0")[:2] == ("C", ("app-deployment.finished",))


@pytest.mark.parametrize(
    "type_",
    ["sh.keptn", "sh.keptn.", "sh.keptn..x", "sh.keptn.event.test.", "sh.keptn.event..triggered"],
)
def test_a_keptn_type_with_missing_parts_is_ignored(make_event, type_):
    found = meaning_of(make_event(type_))

    assert (found.basenames, found.ignored) == ((), "a Keptn type has at least three parts")


@pytest.mark.parametrize("type_", [
    "a/b.c.d", "..", "a..b", ".a", "-a", "../../x", "a\\b", "a b", "a;b", "$(id)", "ä.b", "a" * 129,
    "sh.keptn.event.../x.triggered", "sh.keptn.event.a/b.triggered", "sh.keptn.events.a/b",
    "sh.keptn.event.-x.triggered", "sh.keptn.event.dev.a/b.triggered",
])  # fmt: skip
def test_a_type_that_is_no_file_name_is_ignored(make_event, type_):
    found = meaning_of(make_event(type_))

    assert found.basenames == ()
    assert found.ignored in (
        "no script can have this name",
        "a Keptn type has at least three parts",
    )
    assert found.reply is Reply.NONE


@pytest.mark.parametrize(
    "action",
    ["../../x", "x;id", "x y", "$(id)", "", "a/b", "..", None, 5, ["a"], {}, "a" * 129, "ä"],
    ids=str,
)
@pytest.mark.parametrize("version", ["0.2", "1.0"])
def test_an_invalid_action_is_ignored_and_not_answered(make_event, version, action):
    found = meaning_of(
        make_event(
            f"{EVENT}action.triggered", specversion=version, data={"action": {"action": action}}
        )
    )

    assert (found.basenames, found.ignored, found.reply) == ((), "invalid action name", Reply.NONE)


@pytest.mark.parametrize(
    "data", [{}, {"action": "scale"}, {"action": {}}, {"action": {"name": "scale"}}, ...]
)
def test_an_action_without_a_key_is_ignored(make_event, data):
    assert (
        meaning_of(make_event(f"{EVENT}action.triggered", data=data)).ignored
        == "invalid action name"
    )


@pytest.mark.parametrize(
    "data", [{"Action": {"Action": "scale"}}, {"ACTION": {"action": "scale", "name": "x"}}]
)
def test_an_action_may_be_written_in_any_case(meaning, data):
    assert meaning(f"{EVENT}action.triggered", "0.2", data=data)[1][0] == "action.triggered.scale"


def test_only_an_action_is_done_by_the_first_script(make_event):
    first_only = {
        name: meaning_of(make_event(name, data=ACTION)).first_only
        for name in (
            f"{EVENT}action.triggered", f"{EVENT}action.finished", f"{EVENT}test.triggered",
            f"{EVENT}dev.delivery.triggered", "com.example.sold", "sh.keptn",
        )
    }  # fmt: skip

    assert [name for name, first in first_only.items() if first] == [f"{EVENT}action.triggered"]


@pytest.mark.parametrize("type_", [f"{EVENT}dev.action.triggered", "action.triggered"])
def test_an_event_that_only_sounds_like_an_action_is_not_one(make_event, type_):
    assert not meaning_of(make_event(type_)).first_only


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (
            {"project": "p", "stage": "s", "service": "v"},
            Belonging(project="p", stage="s", service="v"),
        ),
        ({"Project": "p", "STAGE": "s"}, Belonging(project="p", stage="s")),
        ({"project": "p", "Project": "q"}, Belonging(project="p")),
        ({"project": 5, "stage": None, "service": ""}, Belonging(project="5")),
        ({"project": {"a": 1}, "stage": ["s"]}, Belonging()),
        (None, Belonging()),
    ],
)
def test_a_keptn_event_belongs_where_its_data_say(make_event, data, where):
    event = make_event(data=data, project="extension", stage="extension")

    assert belonging_of(event, Belonging(project="d", stage="d", service="d")) == where


@pytest.mark.parametrize(
    ("data", "extensions", "where"),
    [
        ({"project": "p"}, {"project": "e", "stage": "e"}, ("p", "e", "d")),
        ({}, {"project": "e"}, ("e", "d", "d")),
        ([1], {"service": "e"}, ("d", "d", "e")),
        (..., {}, ("d", "d", "d")),
        ({"project": ""}, {"project": '""'}, ("d", "d", "d")),
    ],
)
def test_other_events_belong_by_data_then_extensions_then_defaults(
    make_event, data, extensions, where
):
    event = make_event("com.example.sold", data=data, **extensions)

    found = belonging_of(event, Belonging(project="d", stage="d", service="d"))

    assert (found.project, found.stage, found.service) == where


def test_a_lifecycle_event_belongs_to_namespace_and_resource(make_event):
    resource = {"group": "", "kind": "", "version": "v1", "name": "podtato", "namespace": "apps"}
    event = make_event("App Deployment.Finished", source="keptn.sh", data={"resource": resource})

    assert belonging_of(event, Belonging(stage="d")) == Belonging(project="apps", service="podtato")


BAD_NAMES = [
    "..", ".", "../x", "/etc", "a/b", "a\\b", "%2e%2e", ".git", "-x", "--upload-pack=x", "x" * 129,
    "x" * 300, "ä", "a b", " a", "a\n", "a\0", "a..b", "$(id)", "٣", "a:b",
    "refs/heads/x", "a@{1}", "_x",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("level", ["project", "stage", "service"])
def test_a_name_that_could_be_a_path_or_an_option_is_refused(make_event, level, name):
    event = make_event(data={"project": "p", level: name})

    with pytest.raises(InvalidName, match=f"invalid name: {level} "):
        belonging_of(event, NO_DEFAULT)


@pytest.mark.parametrize("event", [
    {"type_": "com.example.sold", "data": ..., "stage": "../x"},
    {"type_": "App Deployment.Finished", "data": {"resource": {"namespace": "a/b"}}},
])  # fmt: skip
def test_names_from_elsewhere_are_refused_too(make_event, event):
    with pytest.raises(InvalidName):
        belonging_of(make_event(**event), NO_DEFAULT)


@pytest.mark.parametrize(
    "name", ["a", "A", "0", "a.b", "a-b_c.d", "pre-prod", "x.git", "a.", "x" * 128]
)
def test_ordinary_names_are_taken(make_event, name):
    assert NAME.fullmatch(name)
    assert belonging_of(make_event(data={"project": name}), NO_DEFAULT).project == name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a",), {"B": 1, "b": 2}),
        (("a", "b"), 2),
        (("A", "B"), 1),
        (("c", "d"), 3),
        (("a", "x"), None),
        (("a", "b", "x"), None),
        (("x", "y"), None),
    ],
)
def test_keys_are_looked_up_exactly_and_then_in_any_case(path, value):
    assert pick({"a": {"B": 1, "b": 2}, "C": {"D": 3}}, *path) == value


def test_families_are_known_by_one_word():
    assert [family.value for family in Family] == ["A", "B", "C", "other"]
