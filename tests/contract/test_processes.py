"""Contract sections 5 and 7: what a script finds, and what its output means."""

import base64
import json
import os
from urllib.parse import quote, quote_plus

import pytest

from service.variables import ALWAYS_SET

FACTS = """
import json, os, stat, sys
def mode(path): return oct(stat.S_IMODE(os.stat(path).st_mode))
print(json.dumps({
    "names": sorted(os.environ), "arguments": len(sys.argv) - 1, "event": open(sys.argv[1]).read(),
    "event_mode": mode(sys.argv[1]), "stdin": sys.stdin.read(), "cwd": os.getcwd(),
    "cwd_mode": mode("."), "home": os.environ["HOME"], "tmp": os.environ["TMPDIR"],
    "files": sorted(set(os.listdir(".")) - {os.path.basename(sys.argv[1])}),
}))
open("left-behind", "w").close()
"""
ON_BOTH = pytest.mark.parametrize("suffix", [".sh", ".py"])
BASE = {"GENEXEC_RESULT_FILE", "PATH", "HOME", "TMPDIR", "LANG"}
OF_BASH = {"PWD", "SHLVL", "_", "OLDPWD"}
TOKEN = 'abc+/ "ü"&<tail>'


def probe(suffix):
    """Return a script that prints as JSON what it finds around it."""
    if suffix == ".py":
        return FACTS
    assert "'" not in FACTS
    return f"""python3 -c '{FACTS}' "$@"\n"""


def facts_of(done):
    return json.loads(done.outputs[0, 1])


def sent(done, kind):
    """Return what was sent as *kind* (started, finished, follow-up)."""
    return [json.loads(one.body) for one in done.outgoing if one.kind == kind]


@pytest.fixture
def run_task(write_scripts, run_event, make_event):
    """Run scripts, given by file name, for the task `test`; return what became of it."""

    def run(scripts, **given):
        attributes = {key: given.pop(key) for key in ("id", "data") if key in given}
        root = write_scripts({f"generic-executor/{name}": text for name, text in scripts.items()})
        return run_event(make_event(**attributes), root, **given)

    return run


@ON_BOTH
def test_the_only_argument_is_a_private_file_with_the_whole_event(run_task, suffix):
    done = run_task({f"test.triggered{suffix}": probe(suffix)}, id="e-7")

    facts = facts_of(done)
    assert facts["arguments"] == 1
    assert facts["event_mode"] == "0o600"
    assert json.loads(facts["event"]) == {
        "specversion": "1.0",
        "id": "e-7",
        "source": "test",
        "type": "sh.keptn.event.test.triggered",
        "time": "2026-11-21T11:59:58.123Z",
        "shkeptncontext": "08735340-6f9e-4b32-97ff-3b6c292bc509",
        "data": {"project": "sockshop", "stage": "dev", "service": "carts"},
    }


@ON_BOTH
def test_a_script_works_in_a_fresh_private_directory_that_is_its_home(run_task, suffix):
    script = {f"test.triggered{suffix}": probe(suffix)}

    first, second = facts_of(run_task(script)), facts_of(run_task(script))

    assert first["cwd_mode"] == "0o700"
    assert first["cwd"] == first["home"] == first["tmp"]
    assert first["cwd"] != second["cwd"]
    assert (first["files"], second["files"]) == ([], [])
    assert not os.path.lexists(first["cwd"])


@ON_BOTH
def test_standard_input_is_at_its_end(run_task, suffix):
    done = run_task({f"test.triggered{suffix}": probe(suffix)})

    assert facts_of(done)["stdin"] == ""


@pytest.mark.parametrize("suffix", [".sh", pytest.param(".py")])
def test_the_environment_has_the_documented_names_and_no_others(run_task, suffix):
    done = run_task(
        {f"test.triggered{suffix}": probe(suffix)},
        data={
            "project": "sockshop",
            "labels": {"git-commit": "9f3"},
            "action": {"value": {"Count": 3}},
            "PATH": "/evil",
            "list": [{"deep": True}],
        },
        Region="eu",
        LD_PRELOAD="/evil.so",
        secret_thing="hidden",
        K_SINK="http://127.0.0.1:9/",
    )

    names = set(facts_of(done)["names"])
    expected = ALWAYS_SET | BASE | {
        "LABEL_git_commit", "LABEL_GIT_COMMIT", "VALUE_Count", "VALUE_COUNT",
        "ENV_Region", "ENV_REGION", "ENV_LD_PRELOAD",
        "DATA_PROJECT", "DATA_LABELS_GIT_COMMIT", "DATA_ACTION_VALUE_COUNT", "DATA_PATH",
        "DATA_LIST_0_DEEP",
    }  # fmt: skip
    assert names - (OF_BASH if suffix == ".sh" else set()) == expected


def test_python_scripts_can_import_requests_and_yaml(run_task):
    done = run_task({"test.triggered.py": "import requests, yaml\nprint('both')"})

    assert done.outputs[0, 1] == b"both\n"


def test_no_process_of_a_script_outlives_its_run(run_task):
    done = run_task({"test.triggered.sh": "setsid sleep 300 </dev/null >/dev/null 2>&1 &\necho $!"})

    (attempt,) = done.detail.attempts
    assert (attempt.state, attempt.leftovers) == ("passed", 1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.outputs[0, 1]), 0)


def test_a_script_that_exceeds_its_own_deadline_is_timed_out(run_task):
    done = run_task({"test.triggered.sh": "# genexec: timeout=1s\necho begun\nsleep 300"})

    (finished,) = sent(done, "finished")
    assert done.detail.run.state == "timed-out"
    assert finished["data"]["result"] == "fail"
    assert finished["data"]["status"] == "errored"
    assert finished["data"]["message"] == "stopped at its deadline of 1 s\nbegun"


@pytest.mark.parametrize(
    ("script", "state", "result", "status"),
    [
        ("exit 0", "passed", "pass", "succeeded"),
        ("""echo '{"result": "warning"}'""", "warned", "warning", "succeeded"),
        ("""echo '{"result": "pass"}'; exit 3""", "failed", "fail", "succeeded"),
        ("kill -9 $$", "failed", "fail", "succeeded"),
        ("""echo '{"error": "no"}'""", "errored", "fail", "errored"),
        ("""echo '{"error": ""}'""", "passed", "pass", "succeeded"),
        ("# genexec: timeuot=1s\nexit 0", "errored", "fail", "errored"),
    ],
)
def test_the_outcome_of_a_script_is_told_in_the_two_words_of_keptn(
    run_task, script, state, result, status
):
    done = run_task({"test.triggered.sh": script})

    (finished,) = sent(done, "finished")
    assert done.detail.run.state == state
    assert (finished["data"]["result"], finished["data"]["status"]) == (result, status)


def test_the_result_file_wins_over_the_other_file_and_standard_output(run_task):
    script = """
        echo '{"result": "fail", "from": "standard output"}'
        echo '{"result": "fail", "from": "the other file"}' >e-1.finished.event.json
        echo '{"result": "pass", "from": "result file"}' >"$GENEXEC_RESULT_FILE"
    """

    done = run_task({"test.triggered.sh": script})

    (finished,) = sent(done, "finished")
    assert finished["data"]["test"] == {"result": "pass", "from": "result file"}
    assert finished["data"]["result"] == "pass"


def test_the_file_named_after_the_event_wins_over_standard_output(run_task):
    script = """
        echo '{"from": "standard output"}'
        echo '{"from": "file"}' >"$ID.finished.event.json"
    """

    done = run_task({"test.triggered.sh": script}, id="3f-77")

    assert sent(done, "finished")[0]["data"]["test"] == {"from": "file"}


def test_an_id_that_is_no_plain_file_name_names_no_file(run_task):
    script = """
        echo '{"from": "standard output"}'
        mkdir a
        echo '{"from": "file"}' >a/b.finished.event.json
    """

    done = run_task({"test.triggered.sh": script}, id="a/b")

    assert sent(done, "finished")[0]["data"]["test"] == {"from": "standard output"}


def test_several_scripts_give_one_answer_with_the_worst_result(run_task):
    done = run_task(
        {
            "test.triggered.sh": """echo '{"result": "warning", "a": 1, "b": 1}'""",
            "test.triggered.py": "print('second'); raise SystemExit(3)",
            "all.events.sh": """echo '{"b": 2}'""",
        }
    )

    assert [one.kind for one in done.outgoing] == ["started", "finished"]
    (finished,) = sent(done, "finished")
    assert finished["data"] == {
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
        "status": "succeeded",
        "result": "fail",
        "message": "test.triggered.sh:\nresult warning\n"
        '{"result": "warning", "a": 1, "b": 1}\n'
        "test.triggered.py:\nexit code 3\nsecond\n"
        'all.events.sh:\n{"b": 2}',
        "test": {"result": "warning", "a": 1, "b": 2},
    }


def test_an_action_of_keptn_07_is_answered_by_its_first_script_alone(
    write_scripts, run_event, make_event
):
    where = {"project": "sockshop", "stage": "dev", "service": "carts"}
    event = make_event(
        "sh.keptn.event.action.triggered",
        specversion="0.2",
        data={
            **where,
            "action": {"action": "scale"},
            "problem": {"ProblemURL": "https://problems.example/7"},
            "labels": {"a": "b"},
        },
    )
    scripts = {
        "generic-executor/action.triggered.scale.sh": "echo scaled; echo twice >&2",
        "generic-executor/action.triggered.sh": "exit 1",
        "generic-executor/all.events.sh": "exit 1",
    }

    done = run_event(event, write_scripts(scripts))

    assert [attempt.script for attempt in done.detail.attempts] == ["action.triggered.scale.sh"]
    assert [one.kind for one in done.outgoing] == ["started", "finished"]
    assert sent(done, "finished")[0]["data"] == {
        **where,
        "action": {"result": "pass", "status": "scaled\ntwice"},
        "labels": {
            "a": "b",
            "Problem URL": "https://problems.example/7",
            "scale": "action.triggered.scale.sh",
        },
    }


def encodings(value):
    """Return the forms in which scripts print values."""
    encoded = base64.b64encode(value.encode()).decode()
    return {
        "plain": value,
        "base64": encoded,
        "base64 for addresses": encoded.replace("+", "-").replace("/", "_"),
        "path": quote(value, safe=""),
        "query": quote_plus(value),
        "json": json.dumps(value)[1:-1],
        "json in utf-8": json.dumps(value, ensure_ascii=False)[1:-1],
    }


LEAK = """
import base64, json, os, sys
from urllib.parse import quote, quote_plus
token = os.environ["ENV_API_TOKEN"]
encoded = base64.b64encode(token.encode())
forms = [token, encoded.decode(), encoded.decode().replace("+", "-").replace("/", "_")]
forms += [quote(token, safe=""), quote_plus(token)]
forms += [json.dumps(token)[1:-1], json.dumps(token, ensure_ascii=False)[1:-1]]
"""
SAY = {
    "standard output": "print(*forms, sep='\\n')",
    "standard error": "print(*forms, sep='\\n', file=sys.stderr)",
    "structured": "print(json.dumps({'forms': forms}))",
    "error": "print(json.dumps({'error': ' '.join(forms)}))",
    "follow-up": "print(json.dumps({'type': 'sh.keptn.events.tests-finished', 'forms': forms,"
    " 'labels': {'l': forms[0]}}))",
    "result file": "json.dump({'forms': forms}, open(os.environ['GENEXEC_RESULT_FILE'], 'w'))",
    "crash": "raise SystemExit(' '.join(forms))",
}


@pytest.mark.parametrize("way", SAY)
def test_a_secret_is_shown_in_no_encoding_wherever_a_script_says_it(run_task, way):
    done = run_task({"test.triggered.py": LEAK + SAY[way]}, API_TOKEN=TOKEN)

    bodies = [one.body.decode() for one in done.outgoing]
    parsed = [json.dumps(json.loads(body), ensure_ascii=False) for body in bodies]
    outputs = [output.decode() for output in done.outputs.values()]
    texts = [*bodies, *parsed, *outputs, repr(done.detail)]
    shown = {name for name, form in encodings(TOKEN).items() for text in texts if form in text}
    assert shown == set()
    assert any("***" in body for body in bodies)
