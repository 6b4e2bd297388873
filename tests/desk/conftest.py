"""Both desks, with a real engine behind each: a service, or one in this process."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import requests

from service.config.reading import read_settings
from service.desk import Asker, Wish
from service.keptn_events import Belonging
from service.remote.desk import RemoteDesk
from service.wiring.embedded import opened_engine

PATIENCE = 20.0
GENEXEC = str(Path(sys.executable).parent / "genexec")
SETPRIV = shutil.which("setpriv")
DIE_WITH_US = [SETPRIV, "--pdeathsig", "KILL", "--"] if SETPRIV else []


@pytest.fixture
def shelf(tmp_path):
    """Write scripts into a directory: those of the project, or by path."""
    folder = tmp_path / "scripts"

    def write(files):
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            path = folder / name if "/" in name else folder / "sockshop/generic-executor" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return folder

    return write


@pytest.fixture
def variables(tmp_path):
    """Make the environment of an engine."""

    def make(scripts, name="state", **settings):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GENEXEC_STATE_DIR": str(tmp_path / name),
            "GENEXEC_SCRIPTS": str(scripts),
            "GENEXEC_LAYOUT": "folders",
            "GENEXEC_PORT": "0",
            "REGION": "north",
            "API_TOKEN": "very-secret-token",
            "GENEXEC_GRACE": "1s",
            **settings,
        }

    return make


@pytest.fixture
def serve(tmp_path):
    """Start a service; return its address."""
    started = []

    def start(environment):
        log = (tmp_path / "log").open("ab")
        process = subprocess.Popen(
            [*DIE_WITH_US, GENEXEC, "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        started.append((process, log))
        return _address(process, Path(environment["GENEXEC_STATE_DIR"]), tmp_path / "log")

    yield start
    for process, log in started:
        process.terminate()
        process.wait(PATIENCE)
        log.close()


def _address(process, state, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            address = (state / "address").read_text().strip()
            if requests.get(f"{address}/readyz", timeout=5).ok:
                return address
        except (OSError, requests.RequestException):
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def embedded():
    """Open an engine in this process."""

    @asynccontextmanager
    async def opened(environment):
        async with opened_engine(read_settings(environment), environment) as engine:
            yield engine

    return opened


@pytest.fixture(params=["embedded", "remote"])
def at(request, shelf, variables, serve, embedded):
    """Play a scene at a desk of each kind, in front of these scripts."""

    def play(scripts, scene, **settings):
        environment = variables(shelf(scripts), **settings)

        async def whole():
            if request.param == "embedded":
                async with embedded(environment) as engine:
                    return await scene(engine.desk())
            desk = RemoteDesk(await asyncio.to_thread(serve, environment))
            try:
                return await scene(desk)
            finally:
                desk.close()

        return asyncio.run(whole())

    return play


@pytest.fixture
def alice():
    return Asker(name="alice", url="https://chat.example.com/m/1")


@pytest.fixture
def wish():
    """Make a wish for something at sockshop, dev, carts."""

    def make(type_="test.triggered", *, project="sockshop", stage="dev", service="carts", **more):
        place = Belonging(project=project, stage=stage, service=service)
        return Wish(type=type_, place=place, **more)

    return make


@pytest.fixture
def until():
    """Wait until a question, asked again and again, is answered with something true."""

    async def wait(ask):
        async with asyncio.timeout(PATIENCE):
            while not (answer := await ask()):
                await asyncio.sleep(0.05)
        return answer

    return wait


@pytest.fixture
def genexec():
    """Run the command line; return the JSON it prints."""

    def run(environment, *words, stdin=""):
        done = subprocess.run(
            [GENEXEC, *words],
            env=environment,
            input=stdin.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
