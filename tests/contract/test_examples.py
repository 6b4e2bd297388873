"""Every example script is executed for real, with the event to try it with."""

import json
import ssl
import subprocess
import threading
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path

import pytest

from service.cli.event_file import read_one
from service.event import Acceptance
from service.scripts import SUFFIXES

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "scripts_examples"
EVENTS = ROOT / "test-events"
SCRIPTS = sorted(
    path.relative_to(EXAMPLES).as_posix()
    for path in EXAMPLES.rglob("generic-executor/*")
    if path.suffix in SUFFIXES
)

SHARED, SHOP = "generic-executor", "sockshop/generic-executor"
DEV, HARDENING = "sockshop/dev/generic-executor", "sockshop/hardening/carts/generic-executor"
PRODUCTION, CARTS = "sockshop/production/generic-executor", "sockshop/production/carts"
OUTAGE = "action.triggered.poweroutageaction"

REACHED = {
    f"{SHARED}/action.triggered.myaction.py": ("a.action.triggered.myaction", "passed"),
    f"{SHARED}/all.events.sh": ("plain.com.example.backup.done--text", "passed"),
    f"{SHARED}/com.github.push.sh": ("plain.com.github.push", "passed"),
    f"{SHARED}/com.example.release.published.py": ("plain.com.example.release.published", "passed"),
    f"{SHARED}/configuration.change.http": ("a.configuration.change", "passed"),
    f"{SHARED}/deployment.finished.sh": ("a.deployment.finished", "passed"),
    f"{SHARED}/evaluation.finished.py": ("b.evaluation.finished", "passed"),
    f"{SHARED}/remediation.triggered.sh": ("a.remediation.triggered", "passed"),
    f"{SHARED}/test.triggered.py": ("b.test.triggered", "passed"),
    f"{SHARED}/workload-pre-deployment-tasks.started.sh": (
        "c.workload-pre-deployment-tasks.started",
        "passed",
    ),
    f"{SHOP}/production.remediation.triggered.sh": ("b.production.remediation.triggered", "passed"),
    f"{DEV}/dev.delivery.triggered.sh": ("b.dev.delivery.triggered", "passed"),
    f"{HARDENING}/deployment.finished.http": ("b.deployment.finished--hardening", "passed"),
    f"{PRODUCTION}/evaluation.finished.http": ("b.evaluation.finished--production", "passed"),
    f"{PRODUCTION}/release.triggered.sh": ("b.release.triggered", "errored"),
    f"{CARTS}/generic-executor/{OUTAGE}.sh": (f"a.{OUTAGE}", "passed"),
    # The readme's table of power outages: the same event from somewhere else.
    f"{PRODUCTION}/{OUTAGE}.py": (f"a.{OUTAGE} service=orders", "passed"),
    f"{SHOP}/{OUTAGE}.py": (f"a.{OUTAGE} stage=dev", "passed"),
    f"{SHARED}/{OUTAGE}.http": (f"a.{OUTAGE} project=other", "passed"),
}
"""By script: the event that reaches it, and how its part of the run ends."""

SAID = {
    f"{SHARED}/action.triggered.myaction.py": "myaction for carts in production",
    f"{SHARED}/com.github.push.sh": "alice pushed 9f3c1e7 to main of sockshop/carts",
    f"{SHARED}/com.example.release.published.py": "carts 1.10.0 is newer than 1.9.2",
    f"{SHARED}/workload-pre-deployment-tasks.started.sh": "in namespace sockshop",
    f"{SHOP}/production.remediation.triggered.sh": "PRODUCTION: ",
    f"{DEV}/dev.delivery.triggered.sh": "carts is on its way to dev",
    f"{PRODUCTION}/release.triggered.sh": "no change number",
    f"{CARTS}/generic-executor/{OUTAGE}.sh": "switching carts to the second data centre",
    f"{PRODUCTION}/{OUTAGE}.py": "Calling bob: power outage at orders.",
    f"{SHOP}/{OUTAGE}.py": "Power outage in dev: Simulated Power outage",
    f"{SHARED}/{OUTAGE}.http": "thanks",
}
"""What the output of a script holds, where that shows that it did its work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    method: str
    path: str
    authorization: str
    content_type: str
    body: str


class Recorder(BaseHTTPRequestHandler):
    """Takes every POST, and remembers it at its server."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.received.append(
            Received(
                method=self.command,
                path=self.path,
                authorization=self.headers["authorization"],
                content_type=self.headers["content-type"],
                body=body,
            )
        )
        self.send_response(200)
        self.send_header("content-length", "6")
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server on a free port of the loopback, over TLS when it has a certificate."""

    daemon_threads = False

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Recorder)
        self.received = []
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return super().__enter__()

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def chat():
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, needs):
    """Return a file with a self-signed certificate for localhost and its key."""
    needs("openssl")
    folder = tmp_path_factory.mktemp("certificate")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = f"openssl req -x509 {key} {names} -days 2 -out certificate.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=20)
    both = folder / "both.pem"
    parts = ("certificate.pem", "key.pem")
    both.write_text("".join((folder / part).read_text() for part in parts))
    return both


@pytest.fixture
def dynatrace(certificate):
    with Server(certificate) as server:
        yield server


def event_of(written, make_event):
    """Return a test event, with the fields of its data changed that follow its name."""
    name, *changes = written.split()
    event = read_one(str(EVENTS / f"{name}.http"), Acceptance.LEGACY)
    if not changes:
        return event
    data = event.document["data"] | dict(change.split("=") for change in changes)
    return make_event(event.type, **event.document | {"data": data})


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Return a folder with a wheel of the one package that the examples need, as installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    installed = distribution("packaging")
    name = f"packaging-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for file in installed.files:
            if "__pycache__" not in file.parts and file.name not in ("INSTALLER", "REQUESTED"):
                wheel.write(file.locate(), str(file))
    return folder


@pytest.fixture
def run_example(run_event, make_event, wheels):
    """Run the examples that answer the event of *script*; return the record of that script."""

    def run(script, **environment):
        written, _ = REACHED[script]
        environment |= {"ON_CALL": "bob", "GENEXEC_PYTHON_WHEELS": str(wheels)}
        done = run_event(event_of(written, make_event), EXAMPLES, **environment)
        (attempt,) = [one for one in done.detail.attempts if one.path == script]
        return attempt, done.outputs[attempt.position, attempt.number].decode(), done

    return run


def test_every_example_is_reached_by_an_event():
    assert len(SCRIPTS) >= 15
    assert len(list(EVENTS.glob("*.http"))) >= 50
    assert list(REACHED) != []
    assert sorted(REACHED) == SCRIPTS


def test_every_file_that_looks_like_a_script_lies_in_a_scripts_folder():
    files = {p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.rglob("*") if p.is_file()}

    assert files - set(SCRIPTS) == {"README.md"}


@pytest.mark.parametrize("script", [one for one in SCRIPTS if not one.endswith(".http")])
def test_a_script_runs_without_a_network(script, run_example):
    attempt, output, done = run_example(script)

    assert (attempt.state, attempt.detail) == (REACHED[script][1], "")
    assert output != ""
    assert SAID.get(script, "") in output
    assert [one.kind for one in done.outgoing if one.kind == "finished"] == (
        ["finished"] if answered(script) else []
    )


def answered(script):
    """Say whether Keptn waits for an answer to the event of *script*."""
    name = script.rpartition("/")[2]
    return name.startswith(("action.triggered", "test.triggered", "release.triggered"))


TO_CHAT = {
    f"{SHARED}/configuration.change.http": (
        "/hooks/deployments",
        {
            "title": "New configuration for carts in dev",
            "project": "sockshop",
            "image": "registry.example.com/sockshop/carts:0.12.1",
            "commit": "9f3c1e7",
            "context": "47eaa099-2cb6-416d-86dc-283cf0480ff9",
            "at": "2020-11-25T21:00:12.318Z",
        },
    ),
    f"{SHARED}/{OUTAGE}.http": (
        "/hooks/incidents",
        {
            "title": "Simulated Power outage",
            "text": "Please make sure nobody dripped on a cable!",
            "link": "https://abc12345.live.dynatrace.com/#problems/problemdetails;"
            "pid=-6665700014152199021_1606338043710V2",
            "service": "other/production/carts",
        },
    ),
}
METRIC = f"{PRODUCTION}/evaluation.finished.http"
DEPLOYMENT = f"{HARDENING}/deployment.finished.http"


def test_every_request_is_checked():
    assert {*TO_CHAT, METRIC, DEPLOYMENT} == {one for one in SCRIPTS if one.endswith(".http")}


@pytest.mark.parametrize("script", TO_CHAT)
def test_the_chat_server_gets_the_message(script, run_example, chat):
    path, body = TO_CHAT[script]

    attempt, output, done = run_example(
        script,
        CHATOPS_HOST=f"127.0.0.1:{chat.server_port}",
        CHATOPS_TOKEN="t0ken-of-chat",
        GENEXEC_HTTP_ALLOW="127.0.0.1",
    )

    (request,) = chat.received
    assert (request.method, request.path) == ("POST", path)
    assert json.loads(request.body) == body
    assert request.authorization == "Bearer t0ken-of-chat"
    assert request.content_type == "application/json"
    assert (attempt.state, attempt.http_status) == (REACHED[script][1], 200)
    assert output == "thanks"
    assert all(b"t0ken-of-chat" not in one.body for one in done.outgoing)


@pytest.fixture
def run_for_dynatrace(run_example, dynatrace, certificate):
    """Run an example against the server in place of Dynatrace; return what that received."""

    def run(script):
        attempt, output, _ = run_example(
            script,
            DT_TENANT=f"localhost:{dynatrace.server_port}",
            DT_API_TOKEN="dt0c01.SECRET",
            GENEXEC_HTTP_ALLOW="localhost",
            GENEXEC_HTTP_CA_FILE=str(certificate),
        )
        assert (attempt.state, attempt.detail, output) == (REACHED[script][1], "", "thanks")
        (request,) = dynatrace.received
        assert request.authorization == "Api-Token dt0c01.SECRET"
        return request

    return run


def test_dynatrace_gets_the_score_as_a_metric(run_for_dynatrace):
    request = run_for_dynatrace(METRIC)

    assert (request.method, request.path) == ("POST", "/api/v2/metrics/ingest")
    assert request.content_type == "text/plain; charset=utf-8"
    name, score = request.body.rstrip("\n").split(" ")
    assert name == "keptn.evaluation.score,project=sockshop,stage=production,service=carts"
    assert float(score) == 97.5


def test_dynatrace_gets_the_deployment_as_an_event(run_for_dynatrace):
    request = run_for_dynatrace(DEPLOYMENT)

    assert (request.method, request.path) == ("POST", "/api/v2/events/ingest")
    assert request.content_type == "application/json"
    assert json.loads(request.body) == {
        "eventType": "CUSTOM_DEPLOYMENT",
        "title": "carts deployed to hardening",
        "entitySelector": "type(SERVICE),tag([Environment]keptn_service:carts)",
        "properties": {
            "dt.event.deployment.name": "sockshop/hardening/carts",
            "dt.event.deployment.version": "registry.example.com/sockshop/carts:0.13.2",
            "keptn_context": "f5ec52ed-0108-4475-92e1-bc7656670b14",
            "git_commit": "9f3c1e7",
        },
    }


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.endswith(".http")])
def test_a_request_without_a_host_ends_as_errored(script, run_example):
    attempt, _, _ = run_example(script)

    assert attempt.state == "errored"
