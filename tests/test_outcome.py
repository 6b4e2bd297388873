"""The output contract: what an execution means (OU-1 to OU-16, PR-1, HT-17)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.masks import Masks
from service.outcome import (
    ERROR_OBJECT,
    Ending,
    Execution,
    Outcome,
    read_outcome,
    readable,
    type_allowed,
    worst,
)
from service.states import State

ALLOWED = (
    "sh.keptn.events.deployment-finished",
    "sh.keptn.events.tests-finished",
    "sh.keptn.event.*.finished",
)
ANSWER = "sh.keptn.event.test.finished"


def read(stdout=b"", *, masks=None, allowed=ALLOWED, answer_type=ANSWER, **facts):
    """Read the outcome of a script that said this on standard output and nothing else."""
    content = stdout.encode() if isinstance(stdout, str) else stdout
    facts = {"ending": Ending.EXIT, "exit_code": 0, "stdout": content, "output": content} | facts
    return read_outcome(
        Execution(**facts),
        masks=masks or Masks(),
        follow_up_types=allowed,
        answer_type=answer_type,
    )


def follow_up(**fields):
    return read(json.dumps({"type": "sh.keptn.events.tests-finished"} | fields))


# What the facts say


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        ({"exit_code": 0}, State.PASSED, ""),
        ({"exit_code": 1}, State.FAILED, "exit code 1"),
        ({"exit_code": 126}, State.FAILED, "exit code 126"),
        ({"exit_code": 127}, State.FAILED, "exit code 127"),
        ({"exit_code": 255}, State.FAILED, "exit code 255"),
        ({"exit_code": None, "signal": 11}, State.FAILED, "signal 11 (SIGSEGV)"),
        ({"exit_code": None, "signal": 9}, State.FAILED, "signal 9 (SIGKILL)"),
        ({"exit_code": None, "signal": 40}, State.FAILED, "signal 40 (real-time signal)"),
        ({"exit_code": None, "http_status": 200}, State.PASSED, ""),
        ({"exit_code": None, "http_status": 204}, State.PASSED, ""),
        ({"exit_code": None, "http_status": 299}, State.PASSED, ""),
        ({"exit_code": None, "http_status": 300}, State.FAILED, "HTTP 300"),
        ({"exit_code": None, "http_status": 304}, State.FAILED, "HTTP 304"),
        ({"exit_code": None, "http_status": 400}, State.FAILED, "HTTP 400"),
        ({"exit_code": None, "http_status": 404}, State.FAILED, "HTTP 404"),
        ({"exit_code": None, "http_status": 500}, State.FAILED, "HTTP 500"),
        ({"exit_code": None, "http_status": 101}, State.FAILED, "HTTP 101"),
    ],
)
def test_the_end_of_a_script_is_its_verdict(facts, state, reason):
    outcome = read("text", **facts)

    assert (outcome.state, outcome.reason, outcome.output) == (state, reason, "text")


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.DEADLINE, State.TIMED_OUT),
        (Ending.OUTPUT_LIMIT, State.ERRORED),
        (Ending.DISK_LIMIT, State.ERRORED),
        (Ending.CANCELLED, State.CANCELLED),
        (Ending.INTERRUPTED, State.INTERRUPTED),
        (Ending.NOT_RUN, State.ERRORED),
    ],
)
def test_a_script_that_was_ended_did_not_do_its_job(ending, state):
    outcome = read('{"result": "pass"}', ending=ending, exit_code=None)

    assert (outcome.state, outcome.result, outcome.status) == (state, "fail", "errored")
    assert (outcome.reason, outcome.structured) == (f"ended by the {ending}", {})


def test_the_detail_of_the_end_is_the_reason():
    outcome = read(ending=Ending.DEADLINE, detail="ran longer than 5 s")

    assert outcome.reason == "ran longer than 5 s"


@pytest.mark.parametrize(
    ("state", "result", "status"),
    [
        (State.PASSED, "pass", "succeeded"),
        (State.WARNED, "warning", "succeeded"),
        (State.FAILED, "fail", "succeeded"),
        (State.ERRORED, "fail", "errored"),
        (State.TIMED_OUT, "fail", "errored"),
        (State.INTERRUPTED, "fail", "errored"),
        (State.CANCELLED, "fail", "errored"),
    ],
)
def test_every_end_has_a_result_and_a_status(state, result, status):
    outcome = Outcome(state=state, output="")

    assert (outcome.result, outcome.status) == (result, status)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.PASSED], State.PASSED),
        ([State.PASSED, State.WARNED], State.WARNED),
        ([State.FAILED, State.WARNED, State.PASSED], State.FAILED),
        ([State.FAILED, State.ERRORED], State.ERRORED),
        ([State.ERRORED, State.TIMED_OUT], State.TIMED_OUT),
        ([State.INTERRUPTED, State.TIMED_OUT, State.CANCELLED], State.INTERRUPTED),
    ],
)
def test_several_scripts_have_the_state_of_the_worst(states, expected):
    assert worst(states) is expected


# Error objects, OU-1 and OU-2


@pytest.mark.parametrize("exit_code", [0, 1])
def test_an_error_object_fails_whatever_the_exit_code(exit_code):
    outcome = read('{"error": "no disk"}', exit_code=exit_code)

    assert (outcome.state, outcome.output, outcome.reason) == (
        State.ERRORED,
        "no disk",
        ERROR_OBJECT,
    )
    assert (outcome.result, outcome.status) == ("fail", "errored")


@pytest.mark.parametrize(
    ("error", "text"),
    [("123", "123"), ('{"a": 1}', '{"a":1}'), ('["x"]', '["x"]'), ("true", "true"), ('" "', " ")],
)
def test_an_error_that_is_no_text_becomes_one(error, text):
    outcome = read(f'{{"error": {error}}}')

    assert (outcome.state, outcome.output) == (State.ERRORED, text)


@pytest.mark.parametrize("error", ["null", '""', "{}", "[]"])
def test_an_empty_error_is_none(error):
    assert read(f'{{"error": {error}, "result": "pass"}}').state is State.PASSED


def test_an_error_object_wins_over_a_follow_up():
    outcome = read('{"error": "no", "type": "sh.keptn.events.tests-finished"}')

    assert (outcome.state, outcome.follow_up) == (State.ERRORED, None)


# What is structured, OU-3 and OU-4


@pytest.mark.parametrize(
    "stdout",
    [
        'hello {"a": 1}',
        '{"a": 1} bye',
        '{"a": 1}\n{"b": 2}',
        '{"a": 1',
        "{a: 1}",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '[{"a": 1}]',
        '"text"',
        "{}x{}",
        "",
        " \n",
        '{"a":' * 100 + "1" + "}" * 100,
        '\ufeff{"a": 1}',
    ],
)
def test_anything_but_one_json_object_is_text(stdout):
    outcome = read(stdout)

    assert (outcome.structured, outcome.state, outcome.output) == ({}, State.PASSED, stdout)


@pytest.mark.parametrize("stdout", ['{"a": 1}', '\n\t {"a": 1}\r\n\n'])
def test_blanks_around_an_object_do_not_matter(stdout):
    assert read(stdout).structured == {"a": 1}


def test_only_standard_output_is_interpreted():
    outcome = read('{"a": 1}', output=b'+ set -x\n{"a": 1}')

    assert outcome.structured == {"a": 1}
    assert outcome.output == '+ set -x\n{"a": 1}'


def test_an_object_on_standard_error_is_text():
    assert read("", output=b'{"error": "no"}').state is State.PASSED


def test_the_result_file_is_looked_at_first():
    outcome = read('{"error": "no"}', result_file=b' {"a": 1}\n')

    assert (outcome.state, outcome.structured) == (State.PASSED, {"a": 1})


def test_a_result_file_that_is_no_object_hides_standard_output_all_the_same():
    outcome = read('{"error": "no"}', result_file=b"done")

    assert (outcome.state, outcome.structured) == (State.PASSED, {})


# The result lowers, and never raises


@pytest.mark.parametrize(
    ("said", "exit_code", "state"),
    [
        ("pass", 0, State.PASSED),
        ("warning", 0, State.WARNED),
        ("fail", 0, State.FAILED),
        ("pass", 1, State.FAILED),
        ("warning", 1, State.FAILED),
        ("fail", 1, State.FAILED),
        ("PASS", 0, State.PASSED),
        ("failed", 0, State.PASSED),
        (5, 0, State.PASSED),
        (None, 0, State.PASSED),
        ({"fail": 1}, 0, State.PASSED),
    ],
)
def test_a_result_lowers_the_verdict_and_never_raises_it(said, exit_code, state):
    outcome = read(json.dumps({"result": said}), exit_code=exit_code)

    assert outcome.state is state


def test_a_lowered_result_is_the_reason():
    assert read('{"result": "warning"}').reason == "result warning"
    assert read('{"result": "fail"}').reason == "result fail"
    assert read('{"result": "fail"}', exit_code=3).reason == "exit code 3"


def test_structured_output_of_a_failed_script_is_kept():
    assert read('{"score": 3}', exit_code=1).structured == {"score": 3}


# Follow-up events, OU-5 to OU-8


def test_a_follow_up_has_the_data_the_script_gave():
    outcome = follow_up(data={"score": 1})

    assert outcome.follow_up.type == "sh.keptn.events.tests-finished"
    assert (outcome.follow_up.data, outcome.follow_up.labels) == ({"score": 1}, {})
    assert (outcome.structured, outcome.notes) == ({}, ())


def test_the_flat_form_of_the_predecessor_is_data():
    outcome = follow_up(score=1, image="carts", labels={"a": "b"})

    assert outcome.follow_up.data == {"score": 1, "image": "carts"}
    assert outcome.follow_up.labels == {"a": "b"}


def test_labels_are_found_in_data_as_well():
    outcome = follow_up(labels={"a": "1"}, data={"labels": {"b": "2"}})

    assert outcome.follow_up.labels == {"a": "1", "b": "2"}
    assert outcome.follow_up.data == {}


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_identity_never_comes_from_the_script(form):
    claim = {"project": "p", "stage": "s", "service": "v"}

    outcome = follow_up(**claim) if form == "flat" else follow_up(data=claim)

    assert outcome.follow_up.data == {}
    assert outcome.notes == (
        "follow-up event: project, service, stage come from the event, not the script",
    )


@pytest.mark.parametrize(
    "name",
    ["source", "id", "specversion", "time", "shkeptncontext", "triggeredid", "gitcommitid"],
)
def test_attributes_never_come_from_the_script(name):
    outcome = follow_up(**{name: "evil"})

    assert outcome.follow_up.data == {}
    assert outcome.notes == (f"follow-up event: {name} come from the event, not the script",)


def test_an_empty_error_beside_a_follow_up_is_no_claim():
    assert follow_up(error=None).notes == ()


@pytest.mark.parametrize(
    "type_",
    [
        "sh.keptn.event.x.triggered",
        "sh.keptn.event.x.started",
        "sh.keptn.internal.event.project.delete",
        "sh.keptn.event.dev.delivery.finished",
        "sh.keptn.events.evaluation-done",
        "com.example.any",
        "xsh.keptn.events.tests-finished",
        "sh.keptn.events.tests-finishedx",
        "sh.keptn.event..finished",
        ANSWER,
        "",
    ],
)
def test_a_type_that_is_not_allowed_is_text_and_is_noted(type_):
    stdout = json.dumps({"type": type_, "result": "fail"})

    outcome = read(stdout)

    assert (outcome.follow_up, outcome.structured, outcome.output) == (None, {}, stdout)
    assert (outcome.state, len(outcome.notes)) == (State.PASSED, 1)
    assert outcome.notes[0].endswith("not sent: the type is not allowed")


def test_the_answer_of_another_task_may_be_sent():
    assert read(json.dumps({"type": "sh.keptn.event.deploy.finished"})).follow_up is not None


def test_without_an_answer_of_our_own_its_type_may_be_sent():
    assert read(json.dumps({"type": ANSWER}), answer_type="").follow_up is not None


def test_an_object_whose_type_is_no_text_is_a_structured_result():
    outcome = read('{"type": 5, "result": "warning"}')

    assert (outcome.structured["type"], outcome.state) == (5, State.WARNED)


def test_a_failing_script_may_ask_for_an_event():
    outcome = read('{"type": "sh.keptn.events.tests-finished"}', exit_code=1)

    assert outcome.follow_up is not None
    assert outcome.state is State.FAILED


def test_labels_that_are_no_texts_become_texts():
    outcome = follow_up(labels={"n": 1, "b": True, "x": None, "l": [1]})

    assert outcome.follow_up.labels == {"n": "1", "b": "true", "x": "", "l": "[1]"}


@pytest.mark.parametrize("labels", ["text", [1], None, 3])
def test_labels_that_are_no_object_are_none(labels):
    assert follow_up(labels=labels).follow_up.labels == {}


def test_at_most_128_labels_are_kept():
    outcome = follow_up(labels={f"l{n}": "x" for n in range(10_000)})

    assert len(outcome.follow_up.labels) == 128
    assert outcome.notes == ("9872 labels of the follow-up event dropped: too many or too large",)


def test_at_most_16_kibibytes_of_labels_are_kept():
    outcome = follow_up(labels={"a": "1", "big": "x" * 2_000_000, "b": "2"})

    assert outcome.follow_up.labels == {"a": "1"}
    assert outcome.notes == ("2 labels of the follow-up event dropped: too many or too large",)


@pytest.mark.parametrize(
    ("type_", "patterns", "allowed"),
    [
        ("a.b", ("a.b",), True),
        ("a.b", ("a.*",), True),
        ("a.b.c", ("a.*",), False),
        ("a.b.c", ("a.*.c",), True),
        ("axb", ("a.b",), False),
        ("a.", ("a.*",), False),
        ("a.b\n", ("a.b",), False),
        ("a.b", (), False),
    ],
)
def test_a_star_stands_for_one_part(type_, patterns, allowed):
    assert type_allowed(type_, patterns) is allowed


# Text, OU-10, OU-11, OU-13


def test_secrets_are_masked_before_anything_is_read():
    masks = Masks(["s3cr3t-value"])

    outcome = read('{"a": "s3cr3t-value"}', masks=masks)

    assert (outcome.structured, outcome.output) == ({"a": "***"}, '{"a": "***"}')


@pytest.mark.parametrize(
    "stdout",
    [
        '{"error": "s3cr3t-value"}',
        '{"type": "sh.keptn.events.tests-finished", "a": "s3cr3t-value"}',
    ],
)
def test_secrets_are_masked_in_errors_and_follow_ups(stdout):
    assert "s3cr3t" not in repr(read(stdout, masks=Masks(["s3cr3t-value"])))


def test_secrets_are_masked_in_the_result_file_and_the_reason():
    masks = Masks(["s3cr3t-value"])

    assert read(result_file=b'{"a": "s3cr3t-value"}', masks=masks).structured == {"a": "***"}
    assert read(ending=Ending.NOT_RUN, detail="no s3cr3t-value", masks=masks).reason == "no ***"


def test_nul_is_removed_and_bad_bytes_are_replaced():
    assert readable(b"a\0b\xff\xc3\xbc\x1b[31m") == "ab\ufffdü\x1b[31m"


@settings(deadline=None)
@given(stdout=st.binary(max_size=200), exit_code=st.integers(0, 255))
def test_whatever_a_script_says_it_has_an_outcome(stdout, exit_code):
    outcome = read(stdout, exit_code=exit_code)

    outcome.output.encode("utf-8")
    assert "\0" not in outcome.output
    assert outcome.state in {State.PASSED, State.FAILED, State.WARNED, State.ERRORED}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(
    said=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("error", "result", "data", "labels", "project"), json_values)
        | {"type": st.sampled_from([*ALLOWED, ANSWER, "x"]) | json_values},
    )
)
def test_whatever_object_a_script_says_it_has_an_outcome(said):
    outcome = read(json.dumps(said).encode())

    if outcome.follow_up is not None:
        assert type_allowed(outcome.follow_up.type, ALLOWED)
        assert not {"project", "stage", "service"} & set(outcome.follow_up.data)
        assert all(isinstance(value, str) for value in outcome.follow_up.labels.values())


def test_output_does_not_stand_in_a_representation():
    assert "hello" not in repr(
        Execution(ending=Ending.EXIT, stdout=b"hello", output=b"hello", result_file=b"hello")
    )
