"""Real repositories, real sources, and a clock that can be moved on."""

import asyncio
import base64
import os
import socket
import subprocess
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.keptn_events import Belonging
from service.scripts import Layout, LookUp, places
from service.sources.address import check_address
from service.sources.credentials import Credentials
from service.sources.git import GitSource
from service.sources.keptn.address import check_keptn_address
from service.sources.keptn.source import KeptnSource

NAMES = ("test.triggered.sh", "test.triggered.py", "all.events.sh")


@dataclass(frozen=True)
class Link:
    target: str


@dataclass(frozen=True)
class Submodule:
    commit: str = "1" * 40


class MovableClock:
    """The real clock, plus what a test adds to it."""

    def __init__(self):
        self.ahead = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self):
        return time.monotonic() + self.ahead

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class Remote:
    """A bare repository that somebody else pushes to."""

    def __init__(self, path, default="main"):
        self.path = path
        self.address = f"file://{path}"
        subprocess.run(
            ["git", "init", "-q", "--bare", f"--initial-branch={default}", path], check=True
        )

    def git(self, *words, stdin=None):
        done = subprocess.run(
            ["git", "-C", self.path, *words], input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, files, *, branch="main", anew=False):
        """Add *files* to *branch*; with *anew* the branch holds them only and has no past."""
        ref = f"refs/heads/{branch}"
        known = not anew and self.has(branch)
        parts = [
            f"commit {ref}\ncommitter T <t@example.invalid> {self._seconds()} +0000\ndata 1\nx\n"
        ]
        if known:
            parts.append(f"from {ref}^0\n")
        else:
            parts.append("deleteall\n")
        stream = "".join(parts).encode()
        for path, content in files.items():
            stream += self._line(path, content)
        if anew and self.has(branch):
            self.delete(branch)
        self.git("fast-import", "--quiet", "--force", stdin=stream)
        return self.git("rev-parse", ref)

    def has(self, branch):
        words = ["git", "-C", self.path, "rev-parse", "-q", "--verify", f"refs/heads/{branch}"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def delete(self, branch):
        self.git("update-ref", "-d", f"refs/heads/{branch}")

    def away(self):
        """Make the remote unreachable; returns what brings it back."""
        hidden = self.path.with_name(self.path.name + ".away")
        self.path.rename(hidden)
        return lambda: hidden.rename(self.path)

    def _seconds(self):
        return int(time.time())

    @staticmethod
    def _line(path, content):
        if content is None:
            return f"D {path}\n".encode()
        if isinstance(content, Submodule):
            return f"M 160000 {content.commit} {path}\n".encode()
        mode = "120000" if isinstance(content, Link) else "100644"
        content = content.target if isinstance(content, Link) else content
        raw = content.encode() if isinstance(content, str) else content
        return f"M {mode} inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n"


@pytest.fixture
def link():
    return Link


@pytest.fixture
def submodule():
    return Submodule


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def make_remote(tmp_path):
    def make(files=None, *, name="remote.git", default="main", branches=None):
        remote = Remote(tmp_path / name, default)
        if files is not None:
            remote.commit(files, branch=default)
        for branch, content in (branches or {}).items():
            remote.commit(content, branch=branch)
        return remote

    return make


@pytest.fixture
def mirrors(tmp_path):
    return tmp_path / "mirrors"


@pytest.fixture
def use(mirrors, clock):
    """Open a Git source for the length of a block."""

    @asynccontextmanager
    async def opened(address, **options):
        source = GitSource(
            check_address(str(address), schemes={"file", "http"}),
            **{
                "mirrors_dir": mirrors,
                "default_branch": None,
                "interval": 60.0,
                "timeout": 20.0,
                "credentials": Credentials(),
                "clock": clock,
            }
            | options,
        )
        try:
            await source.start()
            yield source
        finally:
            await source.close()

    return opened


@pytest.fixture
def use_keptn(keptn, clock):
    """Open a source that asks the scripted Keptn, for the length of a block."""

    @asynccontextmanager
    async def opened(path="", *, address="", **options):
        source = KeptnSource(
            check_keptn_address(address or f"keptn+{keptn.url}{path}"),
            **{
                "token_file": None,
                "ca_file": None,
                "interval": 60.0,
                "timeout": 10.0,
                "script_limit": 1000,
                "clock": clock,
            }
            | options,
        )
        try:
            yield source
        finally:
            source.close()

    return opened


@pytest.fixture
def ask():
    """Make a question about an event of sockshop, stage dev, service carts."""

    def make(
        *names, project="sockshop", stage="dev", service="carts", layout=Layout.BRANCHES, at=""
    ):
        where = Belonging(project=project, stage=stage, service=service)
        return LookUp(
            project=project,
            places=places(layout, where),
            names=names or NAMES,
            gitcommitid=at,
        )

    return make


@pytest.fixture
def shown():
    """Return what was found as short texts: `dev:carts/generic-executor/test.triggered.sh`."""

    def texts(listing):
        return [
            f"{found.place.branch or '*'}:{found.path}"
            + (f" ! {found.problem}" if found.problem else "")
            for found in listing.found.values()
        ]

    return texts


@pytest.fixture
def git_processes():
    """Count living processes that were started for a path."""

    def count(path):
        living = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if os.fsencode(str(path)) in command + environment:
                living.append((int(entry.name), command))
        return living

    return count


class GitOverHttp(BaseHTTPRequestHandler):
    """`git http-backend` behind HTTP, with a token or a redirect if the server says so."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Authorization", "")))
        if server.redirect_to:
            self._answer(302, {"Location": server.redirect_to + self.path})
        elif server.token and self.headers.get("Authorization") != server.expected():
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self._backend()

    do_POST = do_GET  # noqa: N815  # as http.server calls it

    def _answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _backend(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, headers, content)

    def log_message(self, *_):
        pass


class GitServer(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, root):
        super().__init__(("127.0.0.1", 0), GitOverHttp)
        self.root = root
        self.token = self.user = self.redirect_to = ""
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def expected(self):
        pair = f"{self.user}:{self.token}".encode()
        return "Basic " + base64.b64encode(pair).decode()


@pytest.fixture
def make_server(tmp_path):
    """Serve everything in the test's directory over HTTP on loopback."""
    servers = []

    def make():
        server = GitServer(tmp_path)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        servers.append((server, thread))
        return server

    yield make
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def silent_server():
    """Accept connections and never answer; the address of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
