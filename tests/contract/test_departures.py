"""Where the service departs from its predecessor: one test, with real scripts, for each row."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.strict_json import parse

ACTION = "sh.keptn.event.action.triggered"
TEST = "sh.keptn.event.test.triggered"
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}
RESTART = WHERE | {"action": {"name": "Restart", "action": "restart"}}

DOCUMENTED = set(
    """
    CONTEXT SHKEPTNCONTEXT EVENT TYPE SOURCE ID TRIGGEREDID GITCOMMITID SPECVERSION
    TIMESTRING TIMEUTCSTRING TIMEUTCMS PROJECT STAGE SERVICE DEPLOYMENT TESTSTRATEGY
    DEPLOYMENTURILOCAL DEPLOYMENTURIPUBLIC IMAGE TAG TESTSTART TESTEND EVALUATIONSTART
    EVALUATIONEND EVALUATIONRESULT RESULT STATUS ACTION PROBLEMID PROBLEMSTATE PID
    PROBLEMTITLE PROBLEMURL
    """.split()  # noqa: SIM905  # names are easier to compare with the contract's table
)


@pytest.fixture
def run(write_scripts, run_event, make_event):
    """Run *scripts* (by name) for an event; keywords are the container's variables."""

    def run(type_, scripts, *, event=None, environment=None):
        root = write_scripts({f"generic-executor/{name}": text for name, text in scripts.items()})
        environment = {"GENEXEC_HTTP_ALLOW": "127.0.0.1"} | (environment or {})
        return run_event(make_event(type_, **(event or {})), root, **environment)

    return run


@pytest.fixture
def target():
    """Start a server that notes its requests: `url`, and `requests` as (headers, body)."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.headers, body.decode()))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", requests
    server.shutdown()
    thread.join()
    server.server_close()


def names(done):
    return [attempt.script for attempt in done.detail.attempts]


def said(done):
    """Return the output of all scripts, in order."""
    return b"".join(done.outputs[key] for key in sorted(done.outputs)).decode()


def sent(done):
    return [parse(outgoing.body) for outgoing in done.outgoing]


def types(done):
    return [outgoing.type for outgoing in done.outgoing]


def test_action_triggered_runs_only_the_first_match(run):
    done = run(
        ACTION,
        {
            "action.triggered.restart.sh": "echo first\n",
            "action.triggered.restart.py": "print('second')\n",
            "action.triggered.sh": "echo third\n",
            "all.events.sh": "echo fourth\n",
        },
        event={"specversion": "0.2", "data": RESTART},
    )
    assert names(done) == ["action.triggered.restart.sh"]


def test_every_other_event_runs_all_matches_with_one_started_and_one_finished(run):
    done = run(
        TEST,
        {
            "all.events.sh": "echo third\n",
            "test.triggered.py": "print('second')\n",
            "test.triggered.sh": "echo first\nexit 1\n",
        },
    )
    assert (names(done), types(done)) == (
        ["test.triggered.sh", "test.triggered.py", "all.events.sh"],
        ["sh.keptn.event.test.started", "sh.keptn.event.test.finished"],
    )


@pytest.mark.parametrize("name", ["action.triggered.sh", "all.events.sh"])
def test_an_action_has_one_candidate_list_and_one_answer(run, name):
    done = run(ACTION, {name: "echo general\n"}, event={"data": RESTART})
    assert (names(done), types(done)) == (
        [name],
        ["sh.keptn.event.action.started", "sh.keptn.event.action.finished"],
    )


def test_env_values_are_untouched_and_there_is_a_fixed_base(run):
    done = run(
        TEST,
        {
            "test.triggered.sh": 'echo "$ENV_Region $ENV_REGION"\n'
            'for name in PATH HOME TMPDIR LANG; do echo "$name ${!name:+is set}"; done\n'
        },
        environment={"Region": "eu-Central"},
    )
    assert said(done).splitlines() == [
        "eu-Central eu-Central",
        "PATH is set",
        "HOME is set",
        "TMPDIR is set",
        "LANG is set",
    ]


def test_numbers_and_booleans_are_among_the_variables(run, target):
    url, requests = target
    done = run(
        TEST,
        {
            "test.triggered.sh": 'echo "$DATA_TEST_USERS $DATA_TEST_SLOW $DATA_TEST_RATES_0"\n',
            "test.triggered.http": f'POST {url}\n\n{{"users": ${{data.test.users}}, '
            '"slow": $DATA_TEST_SLOW}\n',
        },
        event={"data": WHERE | {"test": {"users": 25, "slow": False, "rates": [0.5]}}},
    )
    assert (done.outputs[0, 1], json.loads(requests[0][1])) == (
        b"25 false 0.5\n",
        {"users": 25, "slow": False},
    )


def test_substitution_is_one_pass_and_the_longest_name_wins(run, target):
    url, requests = target
    data = WHERE | {
        "deploymentstrategy": "direct",
        "deploymentURILocal": "http://carts",
        "labels": {"a": "$PROJECT", "b": "${data.stage}"},
    }
    run(
        "sh.keptn.events.deployment-finished",
        {
            "deployment.finished.http": f"POST {url}\n\n"
            "$DEPLOYMENTURILOCAL $DEPLOYMENT $LABEL_a ${data.labels.b} $$PROJECT $OTHER"
        },
        event={"specversion": "0.2", "data": data},
    )
    assert requests[0][1] == "http://carts direct $PROJECT ${data.stage} $PROJECT $OTHER"


def test_header_colons_the_whole_body_and_its_hash_lines_are_kept(run, target):
    url, requests = target
    body = "first\n\n# a heading\nX: y\n\n\nlast\n"
    run(
        TEST,
        {"test.triggered.http": f"# a comment\nPOST {url}\nReferer: http://a:8080/b\n\n{body}"},
    )
    headers, received = requests[0]
    assert (headers["Referer"], received) == ("http://a:8080/b", body)


def test_an_error_object_counts_as_fail(run):
    done = run(TEST, {"test.triggered.sh": 'echo \'{"error": "no load generator"}\'\n'})
    answer = sent(done)[-1]["data"]
    assert (answer["result"], answer["status"], answer["message"]) == (
        "fail",
        "errored",
        "no load generator",
    )


@pytest.mark.parametrize("form", ["data", "flat"])
def test_follow_up_fields_are_read_in_data_and_flat_with_labels_merged(run, form):
    fields = {"result": "pass", "start": "2026-11-21T11:00:00Z", "labels": {"build": "42"}}
    type_ = "sh.keptn.events.tests-finished"
    output = {"type": type_, "data": fields} if form == "data" else {"type": type_, **fields}
    done = run(
        "sh.keptn.events.deployment-finished",
        {"deployment.finished.sh": f"echo '{json.dumps(output)}'\n"},
        event={"specversion": "0.2", "data": WHERE | {"labels": {"build": "41", "by": "me"}}},
    )
    (following,) = sent(done)
    assert (following["type"], following["data"]) == (
        type_,
        WHERE | fields | {"labels": {"build": "42", "by": "me"}},
    )


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("test.triggered.sh", "cut -z -d= -f1 /proc/$$/environ | tr '\\0' '\\n'\n"),
        pytest.param(
            "test.triggered.py",
            "import os\nprint(*os.environ, sep='\\n')\n",
        ),
    ],
)
def test_scripts_get_documented_names_only(run, name, script):
    done = run(
        TEST,
        {name: script},
        event={"data": WHERE | {"labels": {"PATH": "x"}, "LD_PRELOAD": "x"}},
        environment={"REGION": "eu", "LD_LIBRARY_PATH": "/x", "EVENTBROKER": "http://b"},
    )
    base = {"PATH", "HOME", "TMPDIR", "LANG"}
    from_the_event = {"DATA_PROJECT", "DATA_STAGE", "DATA_SERVICE", "DATA_LABELS_PATH"}
    from_the_event |= {"DATA_LD_PRELOAD", "LABEL_PATH"}
    documented = DOCUMENTED | from_the_event | {"ENV_REGION", "ENV_LD_LIBRARY_PATH"}
    given = {name for name in said(done).splitlines() if not name.startswith("GENEXEC_")}
    assert given == documented | base


@pytest.mark.parametrize("identity", ["../../e-1", "/tmp/e-1", "a b;c"])
def test_an_event_id_is_never_a_path(run, identity):
    done = run(
        TEST,
        {
            "test.triggered.py": "import json, os, sys\n"
            "event = json.load(open(sys.argv[1]))\n"
            "print(event['id'] == os.environ['ID'], event['id'] in sys.argv[1], os.listdir())\n"
        },
        event={"id": identity},
    )
    assert said(done).startswith("True False ")
    assert identity.rpartition("/")[2] not in said(done)
