"""What scripts are told: the names of the contract (section 4) and their limits (EN-1 to EN-14)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.event import Acceptance, read_event
from service.exposure import exposed_environment
from service.fitting import MAX_TOTAL, MAX_VARIABLE
from service.keptn_events import Belonging, belonging_of
from service.times import parse_time
from service.variables import ALWAYS_SET, MAX_LABELS, event_variables

PREFIXES = ("LABEL_", "VALUE_", "ENV_", "DATA_")
OF_THE_RUN = {f"GENEXEC_{name}" for name in ("RUN_ID", "ATTEMPT", "SCRIPT", "LEVEL", "COMMIT")}
"""Added when a script starts, see `story`."""
OF_THE_EVENT = ALWAYS_SET - OF_THE_RUN
DOCUMENTED = {
    "CONTEXT", "SHKEPTNCONTEXT", "EVENT", "TYPE", "SOURCE", "ID", "TRIGGEREDID", "GITCOMMITID",
    "SPECVERSION", "TIMESTRING", "TIMEUTCSTRING", "TIMEUTCMS", "PROJECT", "STAGE", "SERVICE",
    "DEPLOYMENT", "TESTSTRATEGY", "DEPLOYMENTURILOCAL", "DEPLOYMENTURIPUBLIC", "IMAGE", "TAG",
    "TESTSTART", "TESTEND", "EVALUATIONSTART", "EVALUATIONEND", "EVALUATIONRESULT", "RESULT",
    "STATUS", "ACTION", "PROBLEMID", "PROBLEMSTATE", "PID", "PROBLEMTITLE", "PROBLEMURL",
    "GENEXEC_SKIPPED_VARS",
}  # fmt: skip

FAMILY_A = {
    "specversion": "0.2",
    "contenttype": "application/json",
    "time": "2020-11-25T21:04:01.832123456Z",
    "data": {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "teststrategy": "performance",
        "deploymentstrategy": "direct",
        "tag": "0.11.1",
        "image": "docker.io/keptnexamples/carts",
        "deploymentURILocal": "http://carts.sockshop-dev",
        "deploymentURIPublic": "http://carts.example.com",
        "start": "2020-11-25T21:00:00Z",
        "end": "2020-11-25T21:04:00Z",
        "result": "pass",
        "labels": None,
    },
}
FAMILY_B = {
    "triggeredid": "t-1",
    "gitcommitid": "a" * 40,
    "time": "2022-05-04T10:11:12.345+02:00",
    "data": {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "status": "succeeded",
        "result": "warning",
        "deployment": {
            "deploymentstrategy": "blue_green_service",
            "deploymentURIsLocal": ["http://local-1", "http://local-2"],
            "deploymentURIsPublic": ["http://public-1"],
        },
        "test": {"teststrategy": "functional", "start": "10:00", "end": "10:05"},
        "configurationChange": {"values": {"image": "carts:0.12", "tag": "0.12"}},
        "evaluation": {"timeStart": "09:00", "timeEnd": "09:05", "result": "fail"},
    },
}
ACTION = {
    "data": {
        "project": "sockshop",
        "action": {
            "name": "Scaling up",
            "action": "scale",
            "value": {"Message": "one more", "count": 2, "deep": {"a": [1, None]}},
        },
        "problem": {
            "State": "OPEN",
            "ProblemID": "762",
            "PID": "93a5",
            "ProblemTitle": "cpu",
            "ProblemURL": "http://p",
        },
    }
}


@pytest.fixture
def variables(make_event):
    """Return what a script is told about an event with these attributes."""

    def make(type_="sh.keptn.event.test.triggered", exposed=None, **attributes):
        event = make_event(type_, **attributes)
        return event_variables(event, belonging_of(event, Belonging()), exposed or {})

    return make


@pytest.fixture
def values(variables):
    def make(*arguments, **attributes):
        return variables(*arguments, **attributes).mapping()

    return make


@pytest.fixture
def labelled(variables):
    """Return variables of an event with these labels."""

    def make(labels):
        return variables(data={"project": "p", "labels": labels})

    return make


def starting(mapping, prefix):
    return {name: value for name, value in mapping.items() if name.startswith(prefix)}


@pytest.mark.parametrize("attributes", [FAMILY_A, FAMILY_B, ACTION], ids=["A", "B", "action"])
def test_every_documented_name_is_set_in_both_generations(values, attributes):
    assert set(values(**attributes)) >= DOCUMENTED


def test_the_table_has_the_documented_names():
    assert DOCUMENTED == OF_THE_EVENT


def test_a_name_the_event_does_not_have_is_empty(values):
    told = values("com.example.hello", data=None, shkeptncontext=...)

    empty = {name for name in OF_THE_EVENT if told[name] == ""}
    full = {"EVENT", "TYPE", "SOURCE", "ID", "SPECVERSION"}
    full |= {"TIMESTRING", "TIMEUTCSTRING", "TIMEUTCMS"}
    assert empty == OF_THE_EVENT - full


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "CONTEXT": "08735340-6f9e-4b32-97ff-3b6c292bc509",
        "SHKEPTNCONTEXT": "08735340-6f9e-4b32-97ff-3b6c292bc509",
        "EVENT": "sh.keptn.event.test.triggered",
        "TYPE": "sh.keptn.event.test.triggered",
        "SOURCE": "test",
        "ID": "e-1",
        "SPECVERSION": "0.2",
        "TRIGGEREDID": "",
        "GITCOMMITID": "",
        "TIMESTRING": "2020-11-25T21:04:01.832123456Z",
        "TIMEUTCSTRING": "2020-11-25T21:04:01.832Z",
        "TIMEUTCMS": "1606338241832",
        "PROJECT": "sockshop",
        "STAGE": "dev",
        "SERVICE": "carts",
        "DEPLOYMENT": "direct",
        "TESTSTRATEGY": "performance",
        "DEPLOYMENTURILOCAL": "http://carts.sockshop-dev",
        "DEPLOYMENTURIPUBLIC": "http://carts.example.com",
        "IMAGE": "docker.io/keptnexamples/carts",
        "TAG": "0.11.1",
        "TESTSTART": "2020-11-25T21:00:00Z",
        "TESTEND": "2020-11-25T21:04:00Z",
        "RESULT": "pass",
        "STATUS": "",
    }.items(),
)
def test_family_a_tells(values, name, value):
    assert values(**FAMILY_A)[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "SPECVERSION": "1.0",
        "TRIGGEREDID": "t-1",
        "GITCOMMITID": "a" * 40,
        "TIMESTRING": "2022-05-04T10:11:12.345+02:00",
        "TIMEUTCSTRING": "2022-05-04T08:11:12.345Z",
        "TIMEUTCMS": "1651651872345",
        "DEPLOYMENT": "blue_green_service",
        "TESTSTRATEGY": "functional",
        "DEPLOYMENTURILOCAL": "http://local-1",
        "DEPLOYMENTURIPUBLIC": "http://public-1",
        "IMAGE": "carts:0.12",
        "TAG": "0.12",
        "TESTSTART": "10:00",
        "TESTEND": "10:05",
        "EVALUATIONSTART": "09:00",
        "EVALUATIONEND": "09:05",
        "EVALUATIONRESULT": "fail",
        "RESULT": "warning",
        "STATUS": "succeeded",
    }.items(),
)
def test_family_b_tells(values, name, value):
    assert values(**FAMILY_B)[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "ACTION": "scale",
        "PROBLEMID": "762",
        "PROBLEMSTATE": "OPEN",
        "PID": "93a5",
        "PROBLEMTITLE": "cpu",
        "PROBLEMURL": "http://p",
        "VALUE_Message": "one more",
        "VALUE_MESSAGE": "one more",
        "VALUE_count": "2",
        "VALUE_COUNT": "2",
        "VALUE_deep": '{"a":[1,null]}',
        "DATA_ACTION_NAME": "Scaling up",
        "DATA_ACTION_VALUE_DEEP_A_0": "1",
    }.items(),
)
def test_an_action_tells(values, name, value):
    assert values("sh.keptn.event.action.triggered", **ACTION)[name] == value


def test_a_problem_at_the_top_of_data_tells_the_same(values):
    data = {"project": "p", **ACTION["data"]["problem"]}

    told = values("sh.keptn.event.problem.open", specversion="0.2", data=data)

    assert (told["PROBLEMID"], told["PROBLEMSTATE"], told["PID"]) == ("762", "OPEN", "93a5")


def test_keys_are_read_in_any_case(values):
    data = {"project": "p", "problem": {"problemid": "1", "STATE": "OPEN"}, "Image": "carts"}

    told = values("sh.keptn.event.problem.open", data=data)

    assert (told["PROBLEMID"], told["PROBLEMSTATE"], told["IMAGE"]) == ("1", "OPEN", "carts")


def test_the_address_of_a_problem_is_found_in_the_labels_as_well(values):
    data = {"project": "p", "labels": {"Problem URL": "http://p"}}

    assert values("sh.keptn.event.action.triggered", data=data)["PROBLEMURL"] == "http://p"


def test_the_older_form_of_an_evaluation_tells_the_same(values):
    details = {"timeStart": "1", "timeEnd": "2", "result": "pass"}
    data = {"project": "p", "evaluationdetails": details}

    told = values("sh.keptn.events.evaluation-done", specversion="0.2", data=data)

    assert [told[f"EVALUATION{name}"] for name in ("START", "END", "RESULT")] == ["1", "2", "pass"]


def test_an_extension_written_as_two_quotation_marks_is_absent(values):
    assert values(triggeredid='""')["TRIGGEREDID"] == ""


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 9, 123, 499, 500, 999])
def test_milliseconds_are_exact(values, milliseconds):
    told = values(time=f"2026-11-21T11:59:58.{milliseconds:03}Z")

    assert told["TIMEUTCMS"] == str(1795262398000 + milliseconds)


def test_milliseconds_are_exact_in_every_year(values):
    told = {ms: values(time=f"1970-01-01T00:00:01.{ms:03}Z")["TIMEUTCMS"] for ms in range(1000)}

    assert told == {ms: str(1000 + ms) for ms in range(1000)}


# Labels, EN-1 to EN-7, EN-10, EN-12


def test_foreign_characters_of_a_label_become_underscores(labelled):
    told = starting(labelled({"a b-c.d": "x"}).mapping(), "LABEL_")

    assert told == {"LABEL_a_b_c_d": "x", "LABEL_A_B_C_D": "x"}


def test_every_label_stands_there_twice(labelled):
    told = labelled({"gitcommit": "abc"}).mapping()

    assert (told["LABEL_gitcommit"], told["LABEL_GITCOMMIT"]) == ("abc", "abc")


def test_the_exact_name_wins_over_a_replaced_one(labelled):
    told = labelled({"a-b": "1", "a_b": "2"})

    assert told.mapping()["LABEL_a_b"] == "2"
    assert "LABEL_a_b is 'a_b'; 'a-b' has the same name" in told.warnings


def test_the_upper_cased_name_belongs_to_the_same_label(labelled):
    assert labelled({"a-b": "1", "a_b": "2"}).mapping()["LABEL_A_B"] == "2"


def test_of_two_labels_with_one_upper_cased_name_the_first_in_byte_order_wins(labelled):
    told = labelled({"git": "2", "Git": "1"})

    assert starting(told.mapping(), "LABEL_") == {
        "LABEL_git": "2",
        "LABEL_Git": "1",
        "LABEL_GIT": "1",
    }
    assert told.warnings == ("LABEL_GIT is 'Git'; 'git' has the same name",)


def test_a_label_that_is_written_in_upper_case_keeps_its_name(labelled):
    told = labelled({"GIT": "2", "Git": "1"}).mapping()

    assert told["LABEL_GIT"] == "2"


def test_labels_that_say_the_same_are_no_reason_for_a_warning(labelled):
    assert labelled({"git": "1", "Git": "1", "g-t": "2", "g_t": "2"}).warnings == ()


@pytest.mark.parametrize("name", ["", "-", "---", "__", "ä", "🚀", "."])
def test_a_label_without_a_usable_character_makes_no_variable(labelled, name):
    assert starting(labelled({name: "x"}).mapping(), "LABEL_") == {}


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\tb", "\"'", "$(id)", "`id`", "; rm -rf x", "%s", "-rf", "$ENV_TOKEN", "${env.a}"],
)
def test_a_value_is_passed_on_unchanged(labelled, value):
    assert labelled({"x": value}).mapping()["LABEL_x"] == value


def test_a_value_with_nul_is_left_out_and_named(labelled):
    told = labelled({"x": "a\0b", "y": "c"})

    assert told.skipped[:2] == ("LABEL_x", "LABEL_X")
    assert "LABEL_x" not in told.mapping()
    assert told.mapping()["LABEL_y"] == "c"
    assert told.mapping()["GENEXEC_SKIPPED_VARS"].split()[:2] == ["LABEL_x", "LABEL_X"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        (None, ""),
        ([1, "a"], '[1,"a"]'),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
        ("ü🚀", "ü🚀"),
        ({"a": "ü"}, '{"a":"ü"}'),
    ],
)
def test_values_have_the_documented_text_form(labelled, value, text):
    assert labelled({"x": value}).mapping()["LABEL_x"] == text


@pytest.mark.parametrize("labels", [None, "text", [1, 2], 5, {}])
def test_labels_that_are_no_object_are_no_labels(labelled, labels):
    assert starting(labelled(labels).mapping(), "LABEL_") == {}


@pytest.mark.parametrize("value", ["text", ["a"], None, 7])
def test_an_action_value_that_is_no_object_makes_no_values(values, value):
    told = values(data={"project": "p", "action": {"value": value}})

    assert starting(told, "VALUE_") == {}


def test_the_largest_value_is_one_byte_below_the_kernels_limit(labelled):
    name = "LABEL_X"
    fits = MAX_VARIABLE - len(name) - 2

    assert labelled({"X": "x" * fits}).mapping()[name] == "x" * fits
    assert labelled({"X": "x" * (fits + 1)}).skipped[0] == name


def test_the_size_of_a_value_is_counted_in_bytes(labelled):
    assert "LABEL_X" in labelled({"X": "ü" * 66_000}).skipped


def test_at_most_512_labels_are_variables_and_all_others_are_named(labelled):
    told = labelled({f"l{number}": "x" * 1024 for number in range(5000)})

    assert len(starting(told.mapping(), "LABEL_")) == MAX_LABELS
    assert len([name for name in told.skipped if name.startswith("LABEL_")]) == 10_000 - MAX_LABELS
    assert size(told) <= MAX_TOTAL + 4096


def test_twenty_thousand_tiny_labels_are_no_problem(labelled):
    told = labelled({f"{number}": "x" for number in range(19_990)})

    assert len(starting(told.mapping(), "LABEL_")) == MAX_LABELS
    assert len(told.mapping()["GENEXEC_SKIPPED_VARS"]) == 4096


def test_all_together_take_at_most_a_mebibyte(values):
    data = {"project": "p", "labels": {f"l{n}": "x" * 100_000 for n in range(9)}}

    told = values(data=data | {f"d{n}": "y" * 100_000 for n in range(9)})

    assert sum(len(name) + 1 + len(value) for name, value in told.items()) <= MAX_TOTAL
    assert told["PROJECT"] == "p"
    assert "DATA_D8" in told["GENEXEC_SKIPPED_VARS"]


def size(told):
    return sum(len(item.name) + 1 + len(item.value.encode()) for item in told.items)


# Leaves of data


def test_every_scalar_of_data_is_told(values):
    data = {
        "project": "p",
        "a": {"b.c": [10, {"d-e": True}], "n": None, "f": 1.5},
        "empty": {},
        "nothing": [],
    }

    assert starting(values(data=data), "DATA_") == {
        "DATA_PROJECT": "p",
        "DATA_A_B_C_0": "10",
        "DATA_A_B_C_1_D_E": "true",
        "DATA_A_N": "",
        "DATA_A_F": "1.5",
    }


def test_of_two_paths_with_one_name_the_first_is_told(values):
    assert values(data={"project": "p", "a-b": 1, "a_b": 2})["DATA_A_B"] == "1"


@pytest.mark.parametrize("data", ["text", 7, None, True])
def test_data_without_leaves_makes_no_variables(values, data):
    assert starting(values("com.example.hello", data=data), "DATA") == {}


def test_leaves_of_a_list_are_told(values):
    told = values("com.example.hello", data=[{"a": 1}, 2])

    assert starting(told, "DATA_") == {"DATA_0_A": "1", "DATA_1": "2"}


# What an event cannot do, EN-8, EN-9

DANGEROUS = [
    "PATH", "IFS", "HOME", "ENV", "BASH_ENV", "PS4", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH",
    "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "PERL5OPT", "NODE_OPTIONS", "GIT_SSH_COMMAND",
    "http_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GCONV_PATH", "GLIBC_TUNABLES",
    "BASH_FUNC_ls%%", "GENEXEC_RESULT_FILE", "TMPDIR",
]  # fmt: skip


def test_an_event_sets_no_name_outside_the_table(values):
    everywhere = dict.fromkeys(DANGEROUS, "evil")
    data = everywhere | {
        "project": "p",
        "labels": everywhere,
        "action": {"action": "a", "value": everywhere},
    }

    told = values(data=data, path="evil", home="evil", ifs="evil", ldpreload="evil")

    assert {name for name in told if not name.startswith(PREFIXES)} == OF_THE_EVENT
    assert all("%" not in name for name in told)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    scalars | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
known_keys = ("labels", "action", "problem", "deployment", "test", "evaluation", "Ä")
keptn_data = st.fixed_dictionaries({}, optional=dict.fromkeys(known_keys, json_values))


@settings(deadline=None)
@given(data=keptn_data)
def test_whatever_an_event_says_the_names_are_safe_and_the_values_are_texts(data):
    document = {"specversion": "1.0", "id": "1", "source": "s", "type": "x.y", "data": data}
    event = read_event(document, accept=Acceptance.STRICT, now=parse_time("2026-01-01T00:00:00Z"))

    told = event_variables(event, Belonging(), {})

    for item in told.items:
        assert re.fullmatch(r"[A-Za-z0-9_]+", item.name, re.ASCII)
        assert isinstance(item.value, str)
        assert "\0" not in item.value
        assert item.name in OF_THE_EVENT or item.name.startswith(PREFIXES)
    assert len({item.name for item in told.items}) == len(told.items)


# The environment, EN-14


def test_exposed_variables_are_told_twice_and_untouched(values):
    told = values(exposed={"region": "north West", "Token": "x"})

    assert starting(told, "ENV_") == {
        "ENV_region": "north West",
        "ENV_REGION": "north West",
        "ENV_Token": "x",
        "ENV_TOKEN": "x",
    }


def test_an_event_does_not_reach_the_exposed_ones(values):
    data = {"project": "p", "ENV_region": "evil", "labels": {"ENV_region": "evil"}}

    told = values(exposed={"region": "north"}, data=data)

    assert told["ENV_region"] == "north"


def test_own_settings_and_secrets_are_never_exposed():
    environment = {
        "GENEXEC_SINK": "1",
        "K_SINK": "1",
        "secret_token": "1",
        "SECRET_TOKEN": "1",
        "region": "north",
    }

    exposed = exposed_environment(environment, own=("GENEXEC_*", "K_SINK"), patterns=("*",))

    assert exposed == {"region": "north"}


@pytest.mark.parametrize("pattern", ["GENEXEC_SINK", "GENEXEC_*", "secret_token", "*"])
def test_no_pattern_opens_what_is_hidden(pattern):
    environment = {"GENEXEC_SINK": "1", "secret_token": "1"}

    assert exposed_environment(environment, own=("GENEXEC_*",), patterns=(pattern,)) == {}


@pytest.mark.parametrize(
    ("patterns", "exposed"),
    [
        (("*",), {"APP_A", "APP_B", "app_c", "OTHER"}),
        (("APP_*",), {"APP_A", "APP_B"}),
        (("app_*", "OTHER"), {"app_c", "OTHER"}),
        ((), set()),
    ],
)
def test_patterns_narrow_what_is_exposed(patterns, exposed):
    environment = dict.fromkeys(("APP_A", "APP_B", "app_c", "OTHER"), "1")

    assert set(exposed_environment(environment, own=(), patterns=patterns)) == exposed


# Where a value comes from


@pytest.mark.parametrize(
    ("name", "origin"),
    {
        "CONTEXT": "shkeptncontext",
        "TYPE": "type",
        "TIMEUTCMS": "time",
        "PROJECT": "data.project",
        "DEPLOYMENT": "data.deployment.deploymentstrategy",
        "DEPLOYMENTURILOCAL": "data.deployment.deploymentURIsLocal[0]",
        "PROBLEMID": "not in this event",
        "DATA_DEPLOYMENT_DEPLOYMENTURISLOCAL_1": "data.deployment.deploymentURIsLocal[1]",
        "LABEL_a": "data.labels.a",
        "LABEL_A": "data.labels.a",
        "ENV_region": "environment.region",
        "GENEXEC_SKIPPED_VARS": "run",
    }.items(),
)
def test_a_variable_tells_where_it_comes_from(variables, name, origin):
    data = FAMILY_B["data"] | {"labels": {"a": "1"}}

    told = variables(**FAMILY_B | {"data": data}, exposed={"region": "north"})

    assert {item.name: item.origin for item in told.items}[name] == origin


@pytest.mark.parametrize(
    ("attributes", "origin"),
    [
        ({"data": {"project": "p"}}, "data.project"),
        ({"data": {}, "project": "p"}, "attribute project"),
        ({"data": {}}, "derived"),
    ],
)
def test_the_project_tells_where_it_comes_from(make_event, attributes, origin):
    event = make_event("com.example.hello", **attributes)

    told = event_variables(event, belonging_of(event, Belonging(project="p")), {})

    assert next(item.origin for item in told.items if item.name == "PROJECT") == origin
