"""Wheels written by hand, an index on a free port, and a real runner that builds with them."""

import asyncio
import base64
import hashlib
import os
import shutil
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.engine.environments.building import Builder
from service.engine.environments.installer import Installer
from service.engine.environments.runner import PythonRunner
from service.engine.environments.stock import Stock
from service.engine.launch import launch_runner
from service.engine.processes import ProcessRunner
from service.ports import Order
from service.requirements import read_requirements

PATH = "/usr/local/bin:/usr/bin:/bin"
UV = shutil.which("uv", path=str(Path(sys.executable).parent))


@pytest.fixture(params=["pip", "uv"])
def uv(request):
    """Run a test twice: with pip alone, and with uv."""
    if request.param == "pip":
        return None
    if UV is None:
        assert not os.environ.get("CI"), "uv is not installed"
        pytest.skip("uv is not installed")
    return UV


@pytest.fixture
def wheels(tmp_path):
    """Return the folder of wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def make_wheel(wheels):
    """Write a wheel with one module of the package's name."""

    def make(name, version="1.0", *, content="", requires=()):
        info = f"{name}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        files = {
            f"{name}.py": content or f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        record = "".join(f"{file},,\n" for file in files)
        path = wheels / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, text in files.items():
                wheel.writestr(file, text)
            wheel.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
        return path

    return make


class _Index(BaseHTTPRequestHandler):
    """A simple index over a folder of wheels; it remembers who asked, and what could be seen."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers["authorization"]))
        server.command_lines += _command_lines()
        server.ending.wait(server.delay)
        if server.stalls.is_set():
            server.ending.wait(30)
            return
        if server.password and self.headers["authorization"] != server.expected:
            self._answer(401, b"who are you?", **{"www-authenticate": 'Basic realm="index"'})
            return
        _, kind, name, *_ = self.path.split("/")
        if kind == "files":
            self._answer(200, (server.folder / name).read_bytes())
            return
        files = [file.name for file in server.folder.glob(f"{name}-*")]
        links = "".join(f'<a href="/files/{file}">{file}</a>\n' for file in files)
        self._answer(200 if files else 404, links.encode(), **{"content-type": "text/html"})

    def _answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  # named by http.server

    def log_message(self, *_):
        """Say nothing."""


def _command_lines():
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    return found


class _Server(ThreadingHTTPServer):
    def __init__(self, folder, password):
        super().__init__(("127.0.0.1", 0), _Index)
        self.folder, self.password = folder, password
        self.expected = "Basic " + base64.b64encode(f"ci:{password}".encode()).decode()
        self.asked, self.command_lines, self.delay = [], [], 0.0
        self.stalls, self.ending = threading.Event(), threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/simple/"

    def handle_error(self, *_):
        """Say nothing: clients that are ended hang up."""


@pytest.fixture
def make_index(wheels):
    """Start an index of the wheels; with a password only `ci` may read it."""
    servers = []

    def make(password=""):
        server = _Server(wheels, password)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server

    yield make
    for server, thread in servers:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Workshop:
    """A runner process, and Python scripts run by it in environments, inside a running loop."""

    def __init__(self, directory, *, timeout=60.0, kept=20, isolated=True, **source):
        self.state = directory / "state"
        self.root = self.state / "environments"
        runs = directory / "runs"
        self.process, connection = launch_runner(path=PATH)
        wheels = source.get("wheels")
        readable = [Path(sys.prefix), Path(sys.base_prefix), *([wheels] if wheels else [])]
        self.processes = ProcessRunner(
            connection,
            runs_dir=runs,
            blobs_dir=directory / "blobs",
            bash=shutil.which("bash", path=PATH),
            python=sys.executable,
            path=f"{Path(sys.executable).parent}:{PATH}",
            grace=0.3,
            disk_limit=64 << 20,
            isolated=isolated,
            readable=readable,
            hidden=[self.state],
            environments_dir=self.root,
        )
        source = {"surroundings": {}} | source
        installer = Installer(python=sys.executable, **source)
        builder = Builder(
            self.processes.client,
            installer,
            home=runs / "environment",
            path=PATH,
            nice=shutil.which("nice", path=PATH),
            timeout=timeout,
            memory=2 << 30,
            processes=128,
        )
        self.stock = Stock(self.root, builder=builder, installer=installer, kept=kept, wait=timeout)
        self.runner = PythonRunner(self.processes, self.stock)

    async def __aenter__(self):
        await self.processes.start()
        await self.stock.start()
        return self

    async def __aexit__(self, *_):
        await self.stock.close()
        await self.processes.close()
        await asyncio.to_thread(self.process.wait, 10)

    async def run(self, order):
        return await self.runner.run(order)

    def environments(self):
        return sorted(path for path in self.root.iterdir() if (path / "complete.json").exists())


@pytest.fixture
def workshop(tmp_path):
    """Make a workshop; use it with `async with`."""
    return lambda **settings: Workshop(tmp_path, **settings)


@pytest.fixture
def execute(workshop):
    """Run orders one after another in a fresh workshop; return their executions."""

    def run(*orders, **settings):
        async def main():
            async with workshop(**settings) as it:
                return [await it.run(order) for order in orders]

        return asyncio.run(main())

    return run


@pytest.fixture
def make_order(make_event):
    """Make an order for a Python script that declares *packages* (None: it has no block)."""
    made = []

    def make(text, *packages, python="", timeout=20.0, block=True):
        head = f"# /// script\n# dependencies = {list(packages)}\n"
        head += f"# requires-python = {python!r}\n# ///\n"
        content = ((head if block else "") + text).encode()
        made.append(content)
        return Order(
            run=f"run-{os.getpid()}-{id(made)}-{len(made)}",
            name="test.triggered.py",
            blob=hashlib.sha1(content).hexdigest(),
            content=content,
            event=make_event(),
            variables={},
            timeout=timeout,
            requirements=read_requirements(content),
        )

    return make
