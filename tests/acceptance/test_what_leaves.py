"""What leaves the service: masked, within the size of an event, true about where it belongs."""

import base64
import json
import re
from html import escape

import pytest

WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}
TOKEN = 'tok-en/"9"+<x>'
TESTS_FINISHED = "sh.keptn.events.tests-finished"
LIMIT = 64 * 1024


def sent(done, kind):
    return [json.loads(one.body) for one in done.outgoing if one.kind == kind]


def everything(done):
    """Return all that is kept or sent, as one text, also without JSON's backslashes."""
    bodies = [one.body.decode() for one in done.outgoing]
    texts = [*bodies, repr(done.detail), *(one.decode() for one in done.outputs.values())]
    return "\n".join([*texts, *(text.replace("\\", "") for text in texts)])


def printing(document):
    return f"cat <<'END'\n{json.dumps(document)}\nEND\n"


@pytest.mark.parametrize("login", ["me", "you", "user"])
def test_a_token_in_basic_authorization_is_masked(run_shared, make_event, login):
    script = f'printf %s "{login}:$ENV_TOKEN" | base64 -w0\n'

    done = run_shared(make_event(), {"test.triggered.sh": script}, TOKEN=TOKEN)

    said = everything(done)
    encoded = base64.b64encode(f"{login}:{TOKEN}".encode()).decode()
    assert "***" in said
    assert encoded[8:-4] not in said


@pytest.mark.parametrize("wrap", [str, escape, json.dumps], ids=["as it is", "html", "json"])
def test_a_token_that_a_server_sends_back_is_masked(run_shared, make_event, target, wrap):
    target.answer["body"] = lambda headers: wrap(headers["Authorization"]).encode()
    script = f"POST {target.url}\nAuthorization: Bearer $ENV_TOKEN\n"

    done = run_shared(make_event(), {"test.triggered.http": script}, TOKEN=TOKEN)

    assert target.requests[0][1]["Authorization"] == f"Bearer {TOKEN}"
    assert sent(done, "finished")[0]["data"]["message"].strip('"') == "Bearer ***"
    assert TOKEN not in everything(done)


def test_a_long_output_is_masked_before_it_is_cut(run_shared, make_event):
    script = f"import os\nprint(os.environ['ENV_TOKEN'] * {300_000 // len(TOKEN)})\n"

    done = run_shared(make_event(), {"test.triggered.py": script}, TOKEN=TOKEN)

    (finished,) = done.outgoing[1:]
    message = json.loads(finished.body)["data"]["message"]
    assert set(message.partition("\n[…")[0]) == {"*"}
    assert LIMIT - 1024 < len(finished.body) <= LIMIT
    assert set(done.outputs[0, 1].decode().strip()) == {"*"}


@pytest.mark.parametrize("character", ["x", "\\", "ü", "\x01"])
def test_an_answer_fits_into_an_event_and_tells_what_was_cut(run_shared, make_event, character):
    script = f"print('first ' + {character!r} * 200_000 + ' last')\n"

    done = run_shared(make_event(), {"test.triggered.py": script})

    finished = done.outgoing[-1]
    message = json.loads(finished.body)["data"]["message"]
    note = rf"\n\[… (\d+) characters cut; all of it: genexec show {done.detail.run.id} …\]\n"
    head, cut, tail = re.split(note, message)
    assert LIMIT - 8 * 1024 < len(finished.body) <= LIMIT
    assert (head[:6], tail[-5:]) == ("first ", " last")
    assert len(head) + int(cut) + len(tail) == len(f"first {character * 200_000} last")
    assert len(done.outputs[0, 1].decode()) == 200_012


def test_an_object_too_large_for_an_event_is_left_out_and_said_so(run_shared, make_event):
    script = "import json\nprint(json.dumps({'a': 'x' * 70_000, 'result': 'warning'}))\n"

    done = run_shared(make_event(), {"test.triggered.py": script})

    finished = done.outgoing[-1]
    data = json.loads(finished.body)["data"]
    assert len(finished.body) <= LIMIT
    assert (data["result"], "test" in data) == ("warning", False)
    assert "structured result and labels left out: too large" in data["message"]


def test_a_follow_up_event_belongs_where_its_cause_does(run_shared, make_event):
    claimed = {"project": "other", "stage": "production", "service": "orders", "result": "pass"}
    envelope = {"source": "helm-service", "shkeptncontext": "other", "id": "1", "triggeredid": "2"}
    script = printing({"type": TESTS_FINISHED, **envelope, "data": claimed})

    done = run_shared(make_event("com.example.built"), {"com.example.built.sh": script})

    (event,) = sent(done, "follow-up")
    assert event["data"] == WHERE | {"result": "pass"}
    assert event["source"] == "generic-executor-service"
    assert event["shkeptncontext"] == "08735340-6f9e-4b32-97ff-3b6c292bc509"
    assert (event["id"] != "1", "triggeredid" in event) == (True, False)
    assert "come from the event, not the script" in done.detail.run.note


def test_a_follow_up_event_of_a_project_names_no_stage(run_shared, make_event):
    script = printing({"type": TESTS_FINISHED, "data": {"stage": "production", "service": "x"}})
    event = make_event("com.example.built", data={"project": "sockshop"})

    done = run_shared(event, {"com.example.built.sh": script})

    assert sent(done, "follow-up")[0]["data"] == {"project": "sockshop"}


@pytest.mark.parametrize(
    ("type_", "setting", "leaves"),
    [
        ("sh.keptn.event.test.finished", "", False),
        ("sh.keptn.event.evaluation.finished", "", True),
        ("sh.keptn.event.evaluation.triggered", "", False),
        ("sh.keptn.event.dev.delivery.finished", "", False),
        ("com.example.done", "", False),
        ("com.example.done", "com.example.*", True),
        ("com.example.very.done", "com.example.*", False),
        ("sh.keptn.event.test.finished", "sh.keptn.event.test.*", False),
    ],
)
def test_a_script_may_send_allowed_types_but_never_our_own_answer(
    run_shared, make_event, type_, setting, leaves
):
    script = {"test.triggered.sh": printing({"type": type_, "a": 1})}

    done = run_shared(make_event(), script, GENEXEC_FOLLOW_UP_TYPES=setting)

    follow_ups = [event["type"] for event in sent(done, "follow-up")]
    assert follow_ups == ([type_] if leaves else [])
    assert len(sent(done, "finished")) == 1
    assert ("is not allowed" in done.detail.run.note) is not leaves


def test_an_answer_names_the_event_and_the_version_it_was_asked_with(run_shared, make_event):
    event = make_event(shkeptnspecversion="0.2.1", triggeredid="before", id="e-9")

    done = run_shared(event, {"test.triggered.sh": "true"})

    for answer in [*sent(done, "started"), *sent(done, "finished")]:
        named = ("triggeredid", "shkeptnspecversion", "shkeptncontext", "source")
        assert [answer[name] for name in named] == [
            "e-9",
            "0.2.1",
            "08735340-6f9e-4b32-97ff-3b6c292bc509",
            "generic-executor-service",
        ]


def test_an_answer_to_a_request_is_read_like_standard_output(run_shared, make_event, target):
    target.answer["body"] = b' {"result": "warning", "users": 7}\n'

    done = run_shared(make_event(), {"test.triggered.http": f"POST {target.url}\n"})

    data = sent(done, "finished")[0]["data"]
    assert (data["result"], data["status"]) == ("warning", "succeeded")
    assert data["test"] == {"result": "warning", "users": 7}


@pytest.mark.parametrize(
    ("error", "message"),
    [('{"code": 7}', '{"code":7}'), ("[1, 2]", "[1,2]"), ("7", "7"), ("true", "true")],
)
def test_an_error_that_is_no_text_is_told_as_compact_json(run_shared, make_event, error, message):
    done = run_shared(make_event(), {"test.triggered.sh": f"echo '{{\"error\": {error}}}'"})

    data = sent(done, "finished")[0]["data"]
    assert (data["result"], data["status"], data["message"]) == ("fail", "errored", message)


@pytest.mark.parametrize("error", ["null", '""'])
def test_an_error_that_says_nothing_is_none(run_shared, make_event, error):
    done = run_shared(make_event(), {"test.triggered.sh": f"echo '{{\"error\": {error}}}'"})

    data = sent(done, "finished")[0]["data"]
    assert (data["result"], data["status"]) == ("pass", "succeeded")


@pytest.mark.parametrize("said", ['text {"error": "x"}', '{"error": "x"', "[1]", '{"error": NaN}'])
def test_what_is_not_wholly_one_object_is_text(run_shared, make_event, said):
    done = run_shared(make_event(), {"test.triggered.sh": f"echo '{said}'"})

    data = sent(done, "finished")[0]["data"]
    assert (data["result"], data["message"]) == ("pass", said)


def test_the_operator_narrows_what_scripts_see(run_shared, make_event):
    done = run_shared(
        make_event(),
        {"test.triggered.sh": "env | grep -o '^ENV_[A-Za-z_]*' | sort\n"},
        GENEXEC_EXPOSE_ENV="DT_*,Region",
        DT_TENANT="t",
        REGISTRY="r",
        Region="eu",
    )

    assert done.outputs[0, 1].decode().split() == ["ENV_DT_TENANT", "ENV_REGION", "ENV_Region"]


def test_a_value_too_large_for_a_variable_is_named_and_stands_in_the_file(run_shared, make_event):
    data = WHERE | {"labels": {"big": "x" * 200_000, "small": "y"}}
    script = 'echo "$GENEXEC_SKIPPED_VARS"; echo "$LABEL_small ${LABEL_big-unset}"; wc -c <"$1"'

    done = run_shared(make_event(data=data), {"test.triggered.sh": script})

    skipped, labels, size = done.outputs[0, 1].decode().splitlines()
    assert skipped.split() == ["LABEL_big", "LABEL_BIG", "DATA_LABELS_BIG"]
    assert labels == "y unset"
    assert int(size) > 200_000
