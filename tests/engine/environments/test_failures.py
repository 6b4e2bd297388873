"""An environment that cannot be made: a clear end of the run, and no storm of builds."""

import asyncio
import io
import os
import sys
import tarfile
import time
from pathlib import Path

import pytest

from service.errors import RunnerLost
from service.outcome import Ending

BACKEND = """
import zipfile
def build_wheel(directory, settings=None, metadata=None):
    name = "made-1.0-py3-none-any.whl"
    info = "made-1.0.dist-info"
    with zipfile.ZipFile(directory + "/" + name, "w") as wheel:
        wheel.writestr("made.py", "")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: made\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\n"
            "Root-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "made"
version = "1.0"
"""


def building(home):
    """Return the pids of the living processes that build below *home*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"HOME={home}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_an_unknown_package_is_named_with_what_the_installer_said(execute, make_order, wheels, uv):
    (execution,) = execute(make_order("pass", "no-such-package>=7"), uv=uv, wheels=wheels)

    assert execution.ending is Ending.NOT_RUN
    head = "the environment of this script could not be made: the installer ended with code "
    assert execution.detail.startswith(head)
    assert "it needs no-such-package>=7: " in execution.detail
    assert b"no-such-package" in execution.output


def test_a_broken_wheel_is_named(execute, make_order, make_wheel, wheels, uv):
    make_wheel("tool").write_bytes(b"no zip at all")

    (execution,) = execute(make_order("pass", "tool"), uv=uv, wheels=wheels)

    assert execution.ending is Ending.NOT_RUN
    assert "tool" in execution.detail
    assert "could not be made: the installer ended with code " in execution.detail


def test_nothing_is_left_of_a_failed_build(workshop, make_order, wheels):
    async def main():
        async with workshop(wheels=wheels) as it:
            await it.run(make_order("pass", "absent"))
            return list(it.root.iterdir())

    assert asyncio.run(main()) == []


def test_what_failed_is_not_tried_again_at_once(execute, make_order, make_index):
    index = make_index()
    orders = [make_order("pass", "absent") for _ in range(5)]

    first, *others = execute(orders[0], *orders[1:], index=index.address)

    assert len(index.asked) == 1
    assert {one.detail for one in others} == {first.detail}


def test_a_build_has_a_time_limit(execute, make_order, make_index, tmp_path, uv):
    index = make_index()
    index.stalls.set()
    began = time.monotonic()

    (execution,) = execute(make_order("pass", "tool"), uv=uv, index=index.address, timeout=2.0)

    assert execution.ending is Ending.NOT_RUN
    expected = "could not be made: it took longer than 2 s (GENEXEC_PYTHON_ENVIRONMENT_TIMEOUT)"
    assert expected in execution.detail
    assert time.monotonic() - began < 10
    assert building(tmp_path) == []


def test_other_scripts_run_while_one_is_built(workshop, make_order, make_index):
    index = make_index()
    index.stalls.set()

    async def main():
        async with workshop(index=index.address, timeout=30) as it:
            slow = asyncio.ensure_future(it.run(make_order("pass", "tool")))
            while not index.asked:
                await asyncio.sleep(0.01)
            other = await it.run(make_order("print(1)", block=False))
            done = slow.done()
            slow.cancel()
            return other.output, done

    assert asyncio.run(asyncio.wait_for(main(), 30)) == (b"1\n", False)


def test_a_run_that_waits_can_be_cancelled(workshop, make_order, make_index):
    index = make_index()
    index.stalls.set()

    async def main():
        async with workshop(index=index.address, timeout=30) as it:
            order = make_order("pass", "tool")
            running = asyncio.ensure_future(it.run(order))
            while not index.asked:
                await asyncio.sleep(0.01)
            known = await it.runner.cancel(order.run)
            return known, (await running).ending

    assert asyncio.run(asyncio.wait_for(main(), 30)) == (True, Ending.CANCELLED)


def test_builds_end_with_the_service(workshop, make_order, make_index, tmp_path):
    index = make_index()
    index.stalls.set()

    async def main():
        async with workshop(index=index.address, timeout=60) as it:
            running = asyncio.ensure_future(it.run(make_order("pass", "tool")))
            while not index.asked:
                await asyncio.sleep(0.01)
            during = building(tmp_path)
        await asyncio.gather(running, return_exceptions=True)
        return during

    assert asyncio.run(asyncio.wait_for(main(), 30)) != []
    assert building(tmp_path) == []


def test_a_lost_runner_is_told_at_once(workshop, make_order, make_wheel, wheels):
    make_wheel("tool")

    async def main():
        async with workshop(wheels=wheels) as it:
            it.process.kill()
            await asyncio.wait_for(it.processes.gone.wait(), 10)
            with pytest.raises(RunnerLost):
                await asyncio.wait_for(it.run(make_order("pass", "tool")), 10)

    asyncio.run(main())


def test_another_python_is_asked_for_in_vain(execute, make_order):
    (execution,) = execute(make_order("pass", python=">=4"))

    version = ".".join(map(str, sys.version_info[:3]))
    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == f"this script requires Python >=4, and the service has {version}"


@pytest.fixture
def source(wheels):
    """Write a package that has to be built from source."""
    with tarfile.open(wheels / "made-1.0.tar.gz", "w:gz") as archive:
        info = "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n"
        files = {"pyproject.toml": PROJECT, "backend.py": BACKEND, "PKG-INFO": info}
        for name, text in files.items():
            member = tarfile.TarInfo(f"made-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.mark.usefixtures("source")
def test_nothing_is_built_from_source(execute, make_order, wheels, uv):
    (execution,) = execute(make_order("import made", "made"), uv=uv, wheels=wheels)

    assert execution.ending is Ending.NOT_RUN
    assert "it needs made: " in execution.detail


@pytest.mark.usefixtures("source")
def test_the_operator_may_allow_building_from_source(execute, make_order, wheels, uv):
    order = make_order("import made\nprint(1)", "made")

    (execution,) = execute(order, uv=uv, wheels=wheels, source_builds=True)

    assert (execution.output, execution.detail) == (b"1\n", "")
