"""Planted secrets are looked for in everything the service writes and sends."""

import base64
import json
from urllib.parse import quote

import pytest

SINK_TOKEN = "planted-sink-token-71f3"
API_TOKEN = "planted/api token+88"
GIT_TOKEN = "planted-git-token-5a0c"
TASK = "sh.keptn.event.test.triggered"
TELLING = """
echo "plain: $ENV_API_TOKEN"
echo "base64: $(printf %s "$ENV_API_TOKEN" | base64)"
echo "twice: $ENV_API_TOKEN$ENV_API_TOKEN" >&2
python3 -c '
import os, urllib.parse
print("quoted:", urllib.parse.quote(os.environ["ENV_API_TOKEN"], safe=""))'
env | grep -v '^ENV_API_TOKEN=' | sort
"""
ERROR = """
import json, os
print(json.dumps({"error": "refused: " + os.environ["ENV_API_TOKEN"]}))
"""


def spellings(secret):
    raw = secret.encode()
    encoded = [base64.b64encode(raw), base64.urlsafe_b64encode(raw)]
    texts = [quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]]
    return {raw, *encoded, *(text.encode() for text in texts)}


@pytest.fixture(scope="module")
def service(serve_all, event, tmp_path_factory):
    token_file = tmp_path_factory.mktemp("secret") / "token"
    token_file.write_text(GIT_TOKEN)
    scripts = {
        "test.triggered.sh": TELLING,
        "deployment.triggered.py": ERROR,
        "com.example.follow.sh": 'echo "{\\"type\\": \\"sh.keptn.events.tests-finished\\", '
        '\\"data\\": {\\"token\\": \\"$ENV_API_TOKEN\\"}}"',
        "release.triggered.sh": "$ENV_API_TOKEN",
        "com.example.ask.http": "GET http://127.0.0.1:9/?t=$ENV_API_TOKEN\nX-T: ${env.API_TOKEN}\n",
    }
    service = serve_all(
        scripts,
        api_token=API_TOKEN,
        not_a_setting="shown",
        genexec_git_token_file=token_file,
        genexec_log_level="debug",
        genexec_http_allow="127.0.0.1",
    )
    service.environment["GENEXEC_SINK"] += f"?token={SINK_TOKEN}"
    service.start()
    turns = iter([500, 400])
    service.sink.answer = lambda sent: next(turns, 202)
    types = ["test", "deployment", "release"]
    names = [f"sh.keptn.event.{name}.triggered" for name in types]
    for name in [*names, "com.example.follow", "com.example.ask"]:
        service.wait_for(service.send(event(name)))
    service.sink.wait_for(6)
    return service


@pytest.fixture(scope="module")
def written(service):
    """Return everything that was written or sent, by where."""
    files = {str(path): path for path in service.state.rglob("*") if path.is_file()}
    everything = {name: path.read_bytes() for name, path in files.items()}
    everything["log"] = service.log.read_bytes()
    everything["sink"] = json.dumps([*service.sink.taken, *service.sink.refused]).encode()
    for run in service.runs():
        everything[f"show {run['type']}"] = service.command("show", run["id"]).stdout.encode()
    everything["settings"] = service.command("settings").stdout.encode()
    return everything


def test_the_scripts_did_run_and_say_something(service):
    said = {run["type"]: run for run in service.runs()}

    assert said[TASK]["state"] == "passed"
    assert "plain: " in said[TASK]["message"]
    assert "ENV_NOT_A_SETTING=shown" in said[TASK]["message"]


@pytest.mark.promise("R11")
@pytest.mark.parametrize("secret", [API_TOKEN, GIT_TOKEN, SINK_TOKEN])
def test_a_secret_is_nowhere_in_files_log_or_events(written, secret):
    where = {
        name
        for name, content in written.items()
        for spelling in spellings(secret)
        if spelling in content and not (secret == SINK_TOKEN and name == "settings")
    }

    assert where == set()


@pytest.mark.promise("R11")
def test_settings_of_the_service_are_not_shown_to_scripts(service):
    (run,) = [run for run in service.runs() if run["type"] == TASK]

    output = service.command("show", run["id"], "--output").stdout

    names = {line.partition("=")[0] for line in output.splitlines()}
    assert "PROJECT" in names
    assert {name for name in names if "GENEXEC_SINK" in name or "GIT_TOKEN" in name} == set()
    assert not any(name.startswith("ENV_GENEXEC") for name in names)


def test_an_answer_shows_that_something_was_masked(service):
    (asked,) = [run for run in service.runs() if run["type"].endswith("deployment.triggered")]

    record = service.run(asked["id"])

    assert record["state"] == "errored"
    assert "refused: " in record["message"]
    assert record["message"] != "refused: "
