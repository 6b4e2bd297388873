"""Whatever a fork of a warm interpreter does to outlive its run, nothing of it does.

None of these starts a program, so only what the fork itself shows in `/proc`, and its
session, tell whose they are.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.errors import RunnerLost
from service.outcome import Ending

BEGIN = "import os, signal, threading, time\n"
HIDING = {
    "child": "if os.fork() == 0:\n    time.sleep(60)\n    os._exit(0)\n",
    "own process group": (
        "if os.fork() == 0:\n    os.setpgid(0, 0)\n    time.sleep(60)\n    os._exit(0)\n"
    ),
    "own session": "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\n",
    "double fork": (
        "if os.fork() == 0:\n    os.setsid()\n"
        "    for n in (signal.SIGTERM, signal.SIGHUP):\n        signal.signal(n, signal.SIG_IGN)\n"
        "    if os.fork() == 0:\n        os.closerange(0, 100)\n        time.sleep(60)\n"
        "    os._exit(0)\n"
    ),
    "stopped": (
        "pid = os.fork()\nif pid == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\n"
        "os.kill(pid, signal.SIGSTOP)\n"
    ),
    "fork and exit": (
        "if os.fork() == 0:\n    end = time.monotonic() + 30\n"
        "    while time.monotonic() < end:\n        if os.fork():\n            os._exit(0)\n"
        "        os.setsid()\n    os._exit(0)\n"
    ),
    "no environment": (
        "import ctypes\nif os.fork() == 0:\n    os.setsid()\n"
        "    f = open('/proc/self/stat').read().rpartition(')')[2].split()\n"
        "    ctypes.memset(int(f[47]), 0, int(f[48]) - int(f[47]))\n"
        "    if os.fork() == 0:\n        time.sleep(60)\n    os._exit(0)\n"
    ),
    "not dumpable": (
        "import ctypes\nif os.fork() == 0:\n    os.setsid()\n    ctypes.CDLL(None).prctl(4, 0)\n"
        "    if os.fork() == 0:\n        time.sleep(60)\n    os._exit(0)\n"
    ),
    "program": "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\n",
    "dead first thread": (
        "import ctypes\nif os.fork() == 0:\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    ctypes.CDLL(None).syscall(60, 0)\n"
    ),
}
END = "time.sleep(0.1)\nprint('done')\n"
WAIT = "time.sleep(60)\n"

every_way_to_hide = pytest.mark.parametrize("way", HIDING)


@pytest.fixture
def below():
    """Return the living processes below *pid* but the interpreters and what waits with them."""

    def look(pid, *, within=1.0):
        until = time.monotonic() + within
        while (left := list(found(pid))) and time.monotonic() < until:
            time.sleep(0.01)
        return left

    def found(pid):
        interpreters = {pid}
        for child in children(pid):
            if b"service.engine.warm" in content(child, "cmdline"):
                interpreters.add(child)
        for child in children(pid) - interpreters:
            if exists(child):
                yield child

    def children(pid):
        return {int(word) for word in content(pid, f"task/{pid}/children").split()}

    def content(pid, name):
        try:
            return Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            return b""

    return look


@every_way_to_hide
@pytest.mark.parametrize("isolated", [True, False])
def test_nothing_is_left_after_a_normal_end(bench, make_order, below, way, isolated):
    order = make_order(f"{BEGIN}{HIDING[way]}{END}", suffix=".py")

    async def main():
        async with bench(isolated=isolated) as it:
            await it.warm(make_order)
            before = it.runner.ways.status()["warm"]
            execution = await it.run(order)
            warm = it.runner.ways.status()["warm"] - before
            return execution, warm, await asyncio.to_thread(below, it.inner())

    execution, warm, left = asyncio.run(main())

    assert (execution.ending, execution.exit_code) == (Ending.EXIT, 0)
    assert execution.stdout == b"done\n"
    assert warm == 1
    # A chain is mostly hit with its group, or between two of its links: then it is not counted.
    assert execution.leftovers >= (0 if way == "fork and exit" else 1)
    assert left == []


@every_way_to_hide
def test_nothing_is_left_after_a_deadline(bench, make_order, below, way):
    order = make_order(f"{BEGIN}{HIDING[way]}{WAIT}", suffix=".py", timeout=0.4)

    async def main():
        async with bench() as it:
            await it.warm(make_order)
            execution = await it.run(order)
            return execution, await asyncio.to_thread(below, it.inner())

    execution, left = asyncio.run(main())

    assert execution.ending is Ending.DEADLINE
    assert left == []


@every_way_to_hide
def test_nothing_is_left_when_the_engine_is_killed(tmp_path, alive, way):
    run = f"warm-{os.getpid()}-{list(HIDING).index(way)}"
    program = Path(__file__).parent.with_name("engine_program.py")
    arguments = {"directory": str(tmp_path), "run": run, "name": "test.py"}
    arguments["script"] = f"{BEGIN}{HIDING[way]}print(1)\n{WAIT}"
    command = [sys.executable, str(program), json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as engine:
        engine.stdout.readline()
        until = time.monotonic() + 15
        place = str(tmp_path / "blobs" / ("0" * 40))
        while not alive(place) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        os.killpg(engine.pid, signal.SIGKILL)

        left = alive(run, within=2) + alive(place)

    assert left == []


@pytest.mark.parametrize("victim", ["runner", "keeper"])
def test_nothing_is_left_when_the_runner_is_killed(bench, make_order, alive, victim):
    orders = [make_order(f"{BEGIN}{HIDING[way]}{WAIT}", suffix=".py") for way in HIDING]

    async def main():
        async with bench(grace=5) as it:
            await it.warm(make_order)
            interpreters = it.warm_interpreters()
            running = [asyncio.create_task(it.run(order)) for order in orders]
            await asyncio.sleep(1)
            os.kill(it.inner() if victim == "runner" else it.process.pid, signal.SIGKILL)
            results = await asyncio.gather(*running, return_exceptions=True)
            left = [pid for order in orders for pid in alive(order.run, within=2)]
            until = time.monotonic() + 2
            while any(map(exists, interpreters)) and time.monotonic() < until:
                await asyncio.sleep(0.01)
            return results, left, list(filter(exists, interpreters))

    results, left, interpreters = asyncio.run(main())

    assert all(isinstance(result, RunnerLost) for result in results)
    assert left == []
    assert interpreters == []


def test_the_orphan_of_a_live_run_lives_on(bench, make_order):
    text = (
        f"{BEGIN}if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.setsid()\n        time.sleep(0.8)\n"
        "        open('alive', 'w').write('survived')\n"
        "    os._exit(0)\nos.wait()\ntime.sleep(1.2)\nprint(open('alive').read())"
    )

    async def main():
        async with bench() as it:
            await it.warm(make_order)
            long = asyncio.create_task(it.run(make_order(text, suffix=".py")))
            for _ in range(5):
                await asyncio.sleep(0.1)
                await it.run(make_order(f"{BEGIN}{HIDING['double fork']}", suffix=".py"))
            return await long

    execution = asyncio.run(main())

    assert execution.stdout == b"survived\n"
    assert execution.leftovers == 0


def test_many_runs_leave_no_zombies_and_no_descriptors(bench, make_order):
    def descriptors(pid):
        return Path(f"/proc/{pid}/fd").stat().st_size

    async def main():
        async with bench() as it:
            await it.warm(make_order)
            await asyncio.sleep(0.2)
            before = descriptors(it.inner()), len(it.warm_interpreters())
            orders = [
                make_order(f"{BEGIN}{HIDING['own session']}", suffix=".py") for _ in range(60)
            ]
            for chunk in range(0, 60, 10):
                executions = await asyncio.gather(*map(it.run, orders[chunk : chunk + 10]))
                assert all(execution.leftovers for execution in executions)
            await asyncio.sleep(0.3)
            return before, (descriptors(it.inner()), len(it.warm_interpreters()))

    before, after = asyncio.run(main())

    assert after == before


def test_a_script_cannot_reach_its_interpreter(bench, make_order):
    text = (
        "import ctypes, os, signal\n"
        "def command(n):\n"
        "    try:\n        return open(f'/proc/{n}/cmdline', 'rb').read()\n"
        "    except OSError:\n        return b''\n"
        "pids = [int(n) for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()]\n"
        "warm = [n for n in pids if b'service.engine.warm' in command(n)]\n"
        "done = []\n"
        "for n in warm:\n"
        "    try:\n        os.kill(n, 0); done.append('signal')\n"
        "    except OSError:\n        pass\n"
        "    for name in ('mem', 'environ', 'maps'):\n"
        "        try:\n            open(f'/proc/{n}/{name}', 'rb').read(1); done.append(name)\n"
        "        except OSError:\n            pass\n"
        "    if ctypes.CDLL(None).ptrace(0x4206, n, 0, 0) == 0:\n        done.append('trace')\n"
        "print(len(warm) > 0, done)"
    )

    async def main():
        async with bench() as it:
            await it.warm(make_order)
            return await it.run(make_order(text, suffix=".py"))

    assert asyncio.run(main()).stdout == b"True []\n"


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
