"""A real runner process, and ways to see what scripts leave behind."""

import asyncio
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from service.engine.launch import launch_runner
from service.engine.processes import ProcessRunner
from service.ports import Order

PATH = "/usr/local/bin:/usr/bin:/bin"


def living(marker):
    """Return the pids of living processes whose command line or environment has *marker*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (OSError, IndexError):
                continue
            if state != "Z" and marker.encode() in text:
                found.append(int(entry.name))
    return found


@pytest.fixture
def alive():
    """Return the living processes of a run, after at most *within* seconds of hoping for none."""

    def look(run, *, within=0.0):
        until = time.monotonic() + within
        while (left := living(run)) and time.monotonic() < until:
            time.sleep(0.01)
        return left

    return look


@pytest.fixture(scope="session")
def make_order(make_event):
    """Make an order from the text of a script."""
    made = []

    def make(text, *, suffix=".sh", timeout=20.0, variables=None, cold=False, **attributes):
        content = text.encode()
        made.append(content)
        return Order(
            run=f"run-{os.getpid()}-{id(made)}-{len(made)}",
            name=f"test.triggered{suffix}",
            blob=hashlib.sha1(content).hexdigest(),
            content=content,
            event=make_event(**attributes),
            variables=variables or {},
            timeout=timeout,
            project="p",
            cold=cold,
        )

    return make


class Bench:
    """A runner process with its `ProcessRunner`, inside a running loop."""

    def __init__(self, directory, **settings):
        self.runs = directory / "runs"
        self.blobs = directory / "blobs"
        self.process, connection = launch_runner(path=PATH)
        prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
        shared = [Path("/dev/shm")]
        defaults = {"python": sys.executable, "grace": 0.3, "disk_limit": 64 << 20}
        defaults |= {"readable": prefixes, "writable": shared}
        self.runner = ProcessRunner(
            connection,
            runs_dir=self.runs,
            blobs_dir=self.blobs,
            environments_dir=directory / "environments",
            bash=shutil.which("bash", path=PATH),
            path=PATH,
            **(defaults | settings),
        )

    async def __aenter__(self):
        self.ready = await self.runner.start()
        return self

    async def __aexit__(self, *_):
        await self.runner.close()
        await asyncio.to_thread(self.process.wait, 10)

    async def run(self, order):
        return await self.runner.run(order)

    def inner(self):
        """Return the pid of the process below the keeper."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    async def warm(self, make_order):
        """Run empty scripts until one was forked from a warm interpreter."""
        began, until = self.runner.ways.status()["warm"], time.monotonic() + 15
        while self.runner.ways.status()["warm"] == began:
            assert time.monotonic() < until, self.runner.ways.status()
            await self.run(make_order("", suffix=".py"))
            await asyncio.sleep(0.02)

    def warm_interpreters(self):
        """Return the pids of the warm interpreters; call it when nothing runs."""
        pid = self.inner()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children]


@pytest.fixture(scope="session")
def make_bench():
    """Make a bench in a directory, for fixtures that live longer than a test."""
    return Bench


@pytest.fixture
def bench(tmp_path):
    """Make a bench; use it with `async with`."""
    return lambda **settings: Bench(tmp_path, **settings)


@pytest.fixture
def execute(bench):
    """Run one order on a fresh runner process and return its execution."""

    def run(order, **settings):
        async def main():
            async with bench(**settings) as it:
                return await it.run(order)

        return asyncio.run(main())

    return run
