"""What a user of the predecessor has: a script folder, an event, a service that answers."""

import asyncio
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.config.reading import read_settings
from service.event import Acceptance, read_event
from service.strict_json import parse
from service.wiring.foreground import run_once

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CONTEXT = "2d363636-3537-4030-b031-343135323139"
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of an event, as far as the manual speaks of it."""

    state: str
    ran: list
    """File names of the scripts, in order."""
    said: str
    """All output, masked, in order."""
    sent: list
    """The events that leave, in order."""


@pytest.fixture
def put(tmp_path):
    """Write a script file; `where` is the folder below the root of the script tree."""

    def write(name, text, *, where="generic-executor"):
        path = tmp_path / "scripts" / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


@pytest.fixture
def fire(tmp_path):
    """Hand one event to the engine and wait for its end."""

    def run(document, *, environment=None, **settings):
        given = {
            "GENEXEC_STATE_DIR": str(tmp_path / "state"),
            "GENEXEC_SCRIPTS": str(tmp_path / "scripts"),
            "GENEXEC_LAYOUT": "folders",
            "GENEXEC_HTTP_ALLOW": "127.0.0.1",
        } | settings
        event = read_event(document, accept=Acceptance.LEGACY, now=NOW)
        done = asyncio.run(run_once(event, read_settings(given), environment or {}))
        return Seen(
            state=str(done.detail.run.state),
            ran=[attempt.script for attempt in done.detail.attempts],
            said=b"".join(done.outputs[key] for key in sorted(done.outputs)).decode(),
            sent=[parse(outgoing.body) for outgoing in done.outgoing],
        )

    return run


@pytest.fixture
def keptn_07():
    """Make an event as Keptn 0.7 sends it."""

    def make(type_, **data):
        return {
            "specversion": "0.2",
            "id": "e-07",
            "source": "remediation-service",
            "type": type_,
            "time": "2020-11-19T16:41:00.123Z",
            "contenttype": "application/json",
            "shkeptncontext": CONTEXT,
            "data": {**WHERE, "labels": {"gitcommit": "abc123"}, **data},
        }

    return make


@pytest.fixture
def keptn_08():
    """Make an event as Keptn 0.8 sends it."""

    def make(type_, **data):
        return {
            "specversion": "1.0",
            "id": "e-08",
            "source": "shipyard-controller",
            "type": type_,
            "time": "2021-04-02T10:10:52.511Z",
            "datacontenttype": "application/json",
            "shkeptncontext": CONTEXT,
            "triggeredid": "1a21f70d-336c-4bcd-a42a-0845239c3503",
            "data": {**WHERE, "labels": {"gitcommit": "abc123"}, **data},
        }

    return make


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A real HTTP server that notes what it gets."""

    url: str
    requests: list
    """Method, path, headers with lower-case names, body."""
    answer: dict
    """`status` and `body` of its answers; a test may set them."""

    def only(self):
        """Return the one request."""
        (request,) = self.requests
        return request

    def json(self):
        """Return the body of the one request, read as JSON."""
        return json.loads(self.only()[3])


@pytest.fixture
def webhook():
    requests, answer = [], {"status": 200, "body": b""}

    class Handler(BaseHTTPRequestHandler):
        def _note(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            requests.append((self.command, self.path, headers, body.decode()))
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"])

        do_GET = do_POST = _note  # noqa: N815  # names of the base class

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Webhook(url=f"http://127.0.0.1:{server.server_port}", requests=requests, answer=answer)
    server.shutdown()
    thread.join()
    server.server_close()
