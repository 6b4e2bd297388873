"""The program in one file: nothing else is needed, nothing is left behind.

`make plugin` builds it; without it these tests are skipped at the desk and fail in CI.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from service.engine.launch import RUNNER
from service.engine.processes import ProcessRunner

PT_INTERP = 3


def interpreters(path):
    """Return the types of the program headers of an ELF file of 64 bits that name a loader."""
    data = path.read_bytes()
    offset = int.from_bytes(data[32:40], "little")
    size, count = (int.from_bytes(data[at : at + 2], "little") for at in (54, 56))
    starts = range(offset, offset + size * count, size)
    return [
        start for start in starts if int.from_bytes(data[start : start + 4], "little") == PT_INTERP
    ]


def unpacked(directory):
    return sorted(path.name for path in directory.iterdir() if path.name.startswith(("sta", "_ME")))


def family(pid):
    """Return a process and all below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in below for one in family(int(child)))]


def test_it_asks_for_no_loader(built):
    assert interpreters(Path("/bin/sh").resolve())
    assert interpreters(built) == []


def test_it_may_be_started_by_everybody(built):
    assert built.stat().st_mode & 0o777 == 0o755


def test_a_kill_takes_less_than_two_seconds_and_leaves_nothing(built, make_host, gone_within):
    host = make_host(str(built))
    processes = family(host.start()["pid"])

    answer = host.ask("kill")

    assert len(processes) == 3
    assert answer["seconds"] < 2
    gone_within(processes, 0.1)
    assert unpacked(host.temporary) == []


@pytest.mark.parametrize("killed", [0, 1, 2])
def test_one_process_killed_ends_all_in_two_seconds(built, make_host, killed, gone_within):
    host = make_host(str(built))
    processes = family(host.start()["pid"])

    os.kill(processes[killed], signal.SIGKILL)

    gone_within(processes, 2)


def test_the_death_of_the_host_ends_all_in_two_seconds(built, make_host, gone_within):
    host = make_host(str(built))
    processes = family(host.start()["pid"])

    host.process.kill()

    gone_within(processes, 2)


def test_what_a_killed_one_left_is_removed_by_the_next_and_nothing_else(built, make_host):
    host = make_host(str(built))
    running = make_host(str(built))
    running.start()
    in_use = unpacked(host.temporary)
    for pid in family(host.start()["pid"]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    host.close()
    abandoned = set(unpacked(host.temporary)) - set(in_use)
    foreign = host.temporary / "_MEIforeign"
    foreign.mkdir()

    make_host(str(built)).start()

    assert len(abandoned) == 2
    left = set(unpacked(host.temporary))
    assert left.isdisjoint(abandoned)
    assert left >= {*in_use, foreign.name}
    assert "error" not in running.ask("help")


def test_it_is_the_runner_of_its_scripts_too(built, tmp_path, make_order):
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [built, RUNNER, str(theirs.fileno())], pass_fds=[theirs.fileno()],
            env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    async def run():
        runner = ProcessRunner(
            ours, runs_dir=tmp_path / "runs", blobs_dir=tmp_path / "blobs", bash="/bin/sh",
            python="", path=os.environ["PATH"], grace=0.5, disk_limit=1_000_000,
            output_limit=10_000, output_kept=10_000, memory_limit=0, process_limit=0,
            isolated=False, warm_python=False, readable=(), writable=(), hidden=(),
            environments_dir=tmp_path / "env",
        )  # fmt: skip
        await runner.start()
        try:
            return [await runner.run(make_order(name)) for name in ("a.sh", "b.py")]
        finally:
            await runner.close()

    shell, python = asyncio.run(run())
    process.wait(timeout=5)

    assert shell.output == b"hello no LD_LIBRARY_PATH\n"
    assert python.detail == "no program runs files that end with '.py'"


def test_its_own_engine_runs_scripts_asked_for_in_chat(built, make_host, tmp_path):
    scripts = tmp_path / "scripts/generic-executor"
    scripts.mkdir(parents=True)
    (scripts / "hello.sh").write_text('echo "hello $LABEL_name"\n')
    config = {
        "scripts": str(scripts.parent),
        "settings": {"state_dir": str(tmp_path / "state"), "shell": "sh"},
        "defaults": {"project": "shop"},
        "allow": [{"users": ["<@U1>"], "commands": ["run"]}],
    }
    host = make_host(str(built))
    host.start()

    answer = host.ask("execute", command="script run hello name=Ada", configs=[json.dumps(config)])

    said = json.dumps(answer)
    assert "hello Ada" in said, (said, host.log)
    assert "passed" in said
