"""Scripts on disk, the engine for one event, a server that answers, the command itself."""

import asyncio
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.cli import main
from service.config.reading import read_settings
from service.wiring.foreground import run_once


@pytest.fixture
def write_scripts(tmp_path):
    """Write scripts by their paths and return the directory they are in."""

    def write(files):
        root = tmp_path / "scripts"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return root

    return write


@pytest.fixture
def run_event(tmp_path):
    """Run the scripts of an event, as `genexec run` does.

    Keywords are variables of the service's container: `GENEXEC_…` are its settings, all
    others are what scripts see as `ENV_…`.
    """

    def run(event, scripts, **environment):
        environment = {
            "GENEXEC_STATE_DIR": str(tmp_path / "state"),
            "GENEXEC_SCRIPTS": str(scripts),
            "GENEXEC_LAYOUT": "folders",
            "GENEXEC_HTTP_ALLOW": "127.0.0.1",
        } | environment
        settings = {k: v for k, v in environment.items() if k.startswith("GENEXEC_")}
        return asyncio.run(run_once(event, read_settings(settings), environment))

    return run


@pytest.fixture
def run_shared(write_scripts, run_event):
    """Run scripts, given by file name, that are shared by all projects."""

    def run(event, scripts, **environment):
        files = {f"generic-executor/{name}": text for name, text in scripts.items()}
        return run_event(event, write_scripts(files), **environment)

    return run


@pytest.fixture
def genexec(tmp_path, monkeypatch, capsys):
    """Call the command in this process; return its exit code and the JSON it printed."""
    monkeypatch.setenv("GENEXEC_STATE_DIR", str(tmp_path / "state"))

    def call(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--json"])
        printed, complaint = capsys.readouterr()
        assert complaint == ""
        return ended.value.code, json.loads(printed)

    return call


@dataclass(frozen=True, kw_only=True)
class Target:
    """A real HTTP server that notes what it gets and answers as told."""

    url: str
    requests: list
    """Path, headers, body."""
    answer: dict
    """`body`: bytes, or a function of the headers that returns them."""


@pytest.fixture
def target():
    requests, answer = [], {"body": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append((self.path, self.headers, body.decode()))
            said = answer["body"]
            content = said(self.headers) if callable(said) else said
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Target(url=f"http://127.0.0.1:{server.server_port}", requests=requests, answer=answer)
    server.shutdown()
    thread.join()
    server.server_close()
