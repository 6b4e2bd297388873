"""Servers that the service talks to, and that can go away: sink, Git remote, target of `.http`.

Each keeps its port when it comes back. What arrives is written to disk, with one write,
before it is answered: these files are evidence.
"""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SILENCE = 30.0
TAKEN = ("202", "cut")
"""What it means that the sink has an event for good: `cut` keeps it and says nothing."""


class Line:
    """A file that lines are added to, each with a single write."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, text: str) -> None:
        os.write(self._descriptor, text.encode() + b"\n")

    def close(self) -> None:
        os.close(self._descriptor)


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """The service was killed in the middle of a sentence."""


class Neighbour:
    """A server on loopback that can be down."""

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._handler = handler
        self._port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.gone = threading.Event()
        self.up()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        if self._server is not None:
            return
        self.gone.clear()
        self._server = _Server(("127.0.0.1", self._port), self._handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def be(self, mode: str) -> None:
        """Change to `up` or `down`."""
        if mode == "down":
            self.down()
        else:
            self.up()

    def down(self) -> None:
        """Refuse connections; those that are open say nothing more."""
        if self._server is None or self._thread is None:
            return
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = None


class Sink(Neighbour):
    """Stands for Keptn: takes events or misbehaves, as *mode* says."""

    def __init__(self, file: Path) -> None:
        self.mode = "up"
        self.refused_context = ""
        """A context whose events are answered with 500 although all else is well."""
        self.received = Line(file)
        super().__init__(partial(_SinkHandler, self))

    def be(self, mode: str) -> None:
        """Change to `up`, `down`, `silent`, `cut` or a status."""
        self.mode = mode
        super().be(mode)

    def answer_to(self, event: Mapping[str, object]) -> str:
        """Say how an event is answered now, and write both down."""
        mode = "202" if self.mode == "up" else self.mode
        if self.refused_context and event.get("shkeptncontext") == self.refused_context:
            mode = "500"
        self.received.write(json.dumps({"at": time.time(), "answer": mode, "event": event}))
        return mode


class _SinkHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, sink: Sink, *arguments: object) -> None:
        self.sink = sink
        super().__init__(*arguments)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        mode = self.sink.mode
        if self.sink.gone.is_set() or mode == "down":
            self.close_connection = True
            return
        answer = self.sink.answer_to(json.loads(body))
        if answer in ("cut", "silent"):
            if answer == "silent":
                self.sink.gone.wait(_SILENCE)
            self.close_connection = True
            return
        self.send_response(int(answer))
        if answer == "429":
            self.send_header("retry-after", "1")
        if answer == "307":
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Target(Neighbour):
    """What `.http` files ask: signs the witness for them."""

    def __init__(self, witness: Path) -> None:
        self.witness = Line(witness)
        super().__init__(partial(_TargetHandler, self))


class _TargetHandler(BaseHTTPRequestHandler):
    def __init__(self, target: Target, *arguments: object) -> None:
        self.target = target
        super().__init__(*arguments)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        who = f"{asked['id']} {asked['script']} {asked['attempt']} 0 {time.time()}"
        self.target.witness.write(f"start {who}")
        self.target.witness.write(f"end {who}")
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class GitRemote(Neighbour):
    """A Git repository behind plain HTTP, as a server of files."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.bare = _repository(folder, files)
        super().__init__(partial(_FileHandler, self.gone_now, directory=str(folder)))

    def gone_now(self) -> bool:
        return self.gone.is_set()

    @property
    def url(self) -> str:
        return f"{self.address}/{self.bare.name}"

    @property
    def file_url(self) -> str:
        return f"file://{self.bare}"


class _FileHandler(SimpleHTTPRequestHandler):
    def __init__(self, gone: Callable[[], bool], *arguments: object, directory: str) -> None:
        self.gone = gone
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        if not self.gone():
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _repository(folder: Path, files: dict[str, str]) -> Path:
    work, bare = folder / "work", folder / "scripts.git"
    scripts = work / "generic-executor"
    scripts.mkdir(parents=True)
    for name, content in files.items():
        (scripts / name).write_text(content)
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "campaign", f"GIT_{role}_EMAIL": "campaign@example.invalid"}
    for command in (
        ["git", "-C", str(work), "init", "-q", "-b", "main"],
        ["git", "-C", str(work), "add", "."],
        ["git", "-C", str(work), "commit", "-qm", "Scripts"],
        ["git", "clone", "-q", "--bare", str(work), str(bare)],
        ["git", "-C", str(bare), "update-server-info"],
    ):
        subprocess.run(command, check=True, env=os.environ | who)
    return bare


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
