"""Warm interpreters: when there are some, whose, for how long, and what when they fail."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from service.outcome import Ending

PARENT = "import os; print(os.getppid())"
SECRET = "swordfish-" + "7" * 20
SEARCH = """
import os, re
wanted = bytes.fromhex(os.environ["WANTED"])
found = []
own = open("/proc/self/mem", "rb", 0)
for line in open("/proc/self/maps"):
    start, end = (int(n, 16) for n in line.split()[0].split("-"))
    if "r" in line.split()[1] and "[v" not in line:
        try:
            own.seek(start); content = own.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        if wanted in content:
            found.append(line)
print(found)
"""


@pytest.fixture
def counted(bench):
    """Run `act` with a bench that is warm; return its result and the counts since."""

    def run(act, make_order, **settings):
        async def main():
            async with bench(**settings) as it:
                await it.warm(make_order)
                before = it.runner.ways.status()
                result = await act(it)
                after = it.runner.ways.status()
                return result, {
                    "warm": after["warm"] - before["warm"],
                    "cold": after["cold"] - before["cold"],
                    "why": after["why_cold"],
                }

        return asyncio.run(main())

    return run


def test_the_first_run_is_cold_and_the_next_ones_are_warm(bench, make_order):
    async def main():
        async with bench() as it:
            await it.run(make_order("", suffix=".py"))
            first = it.runner.ways.status()
            await it.warm(make_order)
            return first, it.runner.ways.status()["warm"]

    first, warm = asyncio.run(main())

    assert first == {
        "level": "on",
        "warm": 0,
        "cold": 1,
        "why_cold": "its interpreter is not ready yet",
    }
    assert warm == 1


def test_a_shell_script_has_no_interpreter(bench, make_order):
    async def main():
        async with bench() as it:
            await it.run(make_order("true"))
            return it.runner.ways.status(), it.warm_interpreters()

    status, interpreters = asyncio.run(main())

    assert (status["warm"], status["cold"], interpreters) == (0, 0, [])


def test_switched_off_there_is_none(bench, make_order):
    async def main():
        async with bench(warm_python=False) as it:
            for _ in range(3):
                execution = await it.run(make_order("print(1)", suffix=".py"))
            return execution.stdout, it.runner.ways.status(), it.warm_interpreters()

    stdout, status, interpreters = asyncio.run(main())

    assert stdout == b"1\n"
    assert status == {"level": "off", "warm": 0, "cold": 0, "why_cold": ""}
    assert interpreters == []


def test_a_script_that_asks_for_it_is_cold(counted, make_order):
    async def act(it):
        return await it.run(make_order("print(1)", suffix=".py", cold=True))

    execution, counts = counted(act, make_order)

    assert execution.stdout == b"1\n"
    assert (counts["warm"], counts["cold"]) == (0, 0)


@pytest.mark.parametrize(
    ("variables", "name", "why"),
    [
        ({"PYTHONHASHSEED": "1"}, "a.py", "Python reads PYTHONHASHSEED when it starts"),
        ({"LC_ALL": "C"}, "a.py", "Python reads LC_ALL when it starts"),
        ({"SSL_CERT_FILE": "/x"}, "a.py", "Python reads SSL_CERT_FILE when it starts"),
        ({}, "yaml.py", "yaml.py stands before a module that is loaded already"),
        ({"V": "x" * 70_000}, "a.py", "it has too much to be told, or cannot be told"),
    ],
)
def test_what_a_fork_could_not_do_exactly_starts_cold(counted, make_order, variables, name, why):
    order = replace(make_order("print(__name__)", suffix=".py", variables=variables), name=name)

    async def act(it):
        return await it.run(order)

    execution, counts = counted(act, make_order)

    assert (execution.exit_code, execution.stdout) == (0, b"__main__\n")
    assert counts == {"warm": 0, "cold": 1, "why": why}


def test_projects_do_not_share_an_interpreter(counted, make_order):
    async def act(it):
        before = set(it.warm_interpreters())
        other = replace(make_order("", suffix=".py"), project="other")
        await it.run(other)
        await asyncio.sleep(0.1)
        return before, set(it.warm_interpreters())

    (before, after), counts = counted(act, make_order)

    assert counts["cold"] == 1
    assert before < after


def test_an_interpreter_that_was_killed_leaves_its_scripts_alone(counted, make_order):
    async def act(it):
        text = "import time; time.sleep(1); print('done')"
        running = asyncio.create_task(it.run(make_order(text, suffix=".py")))
        await asyncio.sleep(0.4)
        for pid in interpreters_of(it):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.1)
        next_one = await it.run(make_order("print('next')", suffix=".py"))
        return (await running).stdout, next_one.stdout

    stdouts, counts = counted(act, make_order)

    assert stdouts == (b"done\n", b"next\n")
    assert counts == {"warm": 1, "cold": 1, "why": "its interpreter died"}


def test_an_interpreter_that_was_killed_is_replaced(counted, make_order):
    async def act(it):
        for pid in interpreters_of(it):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.1)  # a spare is as good as ever until this is noticed
        began = time.monotonic()
        await it.warm(make_order)
        return time.monotonic() - began

    seconds, counts = counted(act, make_order)

    assert counts["warm"] == 1
    assert seconds > 0.7  # the first pause


def test_one_that_hangs_costs_two_seconds_once(counted, make_order):
    async def act(it):
        for pid in interpreters_of(it):
            os.kill(pid, signal.SIGSTOP)
        text = "print('once')"
        executions, times = [], []
        for _ in range(4):
            began = time.monotonic()
            executions.append(await it.run(make_order(text, suffix=".py")))
            times.append(time.monotonic() - began)
        return [execution.stdout for execution in executions], times

    (stdouts, times), counts = counted(act, make_order)

    assert stdouts == [b"once\n"] * 4
    assert counts == {"warm": 2, "cold": 2, "why": "its interpreter did not answer"}  # two spares
    assert [seconds > 1.8 for seconds in times] == [False, False, True, False]


def test_a_run_that_waits_for_its_fork_can_be_cancelled(counted, make_order):
    order = make_order("print('never')", suffix=".py")

    async def act(it):
        for pid in interpreters_of(it):
            os.kill(pid, signal.SIGSTOP)
        for _ in range(2):
            await it.run(make_order("", suffix=".py"))
        running = asyncio.create_task(it.run(order))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await it.runner.cancel(order.run)
        return await running, time.monotonic() - began

    (execution, seconds), _ = counted(act, make_order)

    assert execution.ending is Ending.CANCELLED
    assert execution.stdout == b""
    assert seconds < 1


def test_a_spare_that_was_killed_is_not_used(counted, make_order):
    async def act(it):
        for pid in set(it.warm_interpreters()) - set(interpreters_of(it)):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.1)
        return [(await it.run(make_order("print(1)", suffix=".py"))).stdout for _ in range(3)]

    stdouts, _ = counted(act, make_order)

    assert stdouts == [b"1\n"] * 3


def test_forty_at_once_are_all_done(counted, make_order):
    async def act(it):
        orders = [make_order(f"print({n})", suffix=".py") for n in range(40)]
        return [execution.stdout for execution in await asyncio.gather(*map(it.run, orders))]

    stdouts, counts = counted(act, make_order)

    assert stdouts == [f"{n}\n".encode() for n in range(40)]
    assert counts["warm"] + counts["cold"] == 40
    assert counts["warm"] >= 10


def test_nothing_of_a_run_is_in_the_interpreter_or_in_the_next_fork(counted, make_order):
    async def act(it):
        variables = {"SECRET": SECRET}
        own = make_order(
            SEARCH, suffix=".py", variables=variables | {"WANTED": SECRET.encode().hex()}
        )
        first = await it.run(own)
        for _ in range(3):
            await it.run(make_order("", suffix=".py", variables=variables))
        held = [pid for pid in it.warm_interpreters() if SECRET.encode() in memory_of(pid)]
        wanted = {"WANTED": SECRET.encode().hex()}
        later = [await it.run(make_order(SEARCH, suffix=".py", variables=wanted)) for _ in range(3)]
        return first, held, later

    (first, held, later), counts = counted(act, make_order)

    assert first.stdout not in (b"", b"[]\n")  # else the search would find nothing anyway
    assert held == []
    # What it looks for it has made itself, on its heap; the stack holds the variables.
    assert all(b"[stack]" not in execution.stdout for execution in later)
    assert all(execution.stdout.count(b"\\n") <= 2 for execution in later)
    assert counts["warm"] == 7


def test_the_interpreter_has_no_variable_of_the_service(counted, make_order, monkeypatch):
    monkeypatch.setenv("GENEXEC_GIT_TOKEN", SECRET)

    async def act(it):
        (pid,) = interpreters_of(it)
        names = [
            entry.partition(b"=")[0]
            for entry in Path(f"/proc/{pid}/environ").read_bytes().rstrip(b"\0").split(b"\0")
        ]
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        descriptors = sorted(int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir())
        return names, threads, len(descriptors)

    (names, threads, descriptors), _ = counted(act, make_order)

    assert names == [b"LANG", b"HOME"]
    assert threads == 1
    assert descriptors == 4  # streams and the socket


def test_another_interpreter_is_another_one(bench, make_order, tmp_path):
    """An environment without our libraries, and one that is changed."""
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    python = str(own / "bin/python")

    async def main():
        async with bench(python=python, readable=[Path(sys.base_prefix), own]) as it:
            await it.warm(make_order)
            text = (
                "import sys; print(sys.prefix)\ntry:\n    import yaml\nexcept ImportError: print(1)"
            )
            execution = await it.run(make_order(text, suffix=".py"))
            (before,) = interpreters_of(it)
            (next(own.glob("lib/*/site-packages")) / "new.py").write_text("x = 1")
            await asyncio.sleep(2.1)
            changed = await it.run(make_order("import new; print(new.x)", suffix=".py"))
            why = it.runner.ways.status()["why_cold"]
            await it.warm(make_order)
            (after,) = interpreters_of(it)
            return execution.stdout, changed.stdout, why, before != after

    stdout, changed, why, replaced = asyncio.run(main())

    assert stdout == f"{own}\n1\n".encode()
    assert (changed, why) == (b"1\n", "its interpreter is about to be replaced")
    assert replaced


def test_an_interpreter_that_cannot_be_started_is_no_trouble(bench, make_order, tmp_path):
    """It ends at once when it is started to be warm."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$2" in -c) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)

    async def main():
        async with bench(python=str(python), isolated=False) as it:
            stdouts = []
            for _ in range(4):
                stdouts.append((await it.run(make_order("print(1)", suffix=".py"))).stdout)
                await asyncio.sleep(0.1)
            return stdouts, it.runner.ways.status()

    stdouts, status = asyncio.run(main())

    assert stdouts == [b"1\n"] * 4
    assert (status["cold"], status["why_cold"]) == (4, "its interpreter died")


def test_libraries_that_start_threads_make_it_unfit(bench, make_order, tmp_path):
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    thread = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
    )
    (next(own.glob("lib/*/site-packages")) / "yaml.py").write_text(thread)

    async def main():
        async with bench(python=str(own / "bin/python"), isolated=False) as it:
            for _ in range(10):
                execution = await it.run(make_order("print(1)", suffix=".py"))
                await asyncio.sleep(0.1)
            return execution.stdout, it.runner.ways.status(), it.warm_interpreters()

    stdout, status, interpreters = asyncio.run(main())

    assert stdout == b"1\n"
    assert (status["warm"], status["why_cold"]) == (0, "its libraries start threads (1)")
    assert interpreters == []


@pytest.mark.parametrize(
    ("limits", "steps", "said", "left"),
    [
        (
            {"_MOST_FORKS": 4},
            [["p", 1.5], ["p", 0.1], ["p", 0.1], ["p", 1.5], ["p", 0.1]],
            ["not ready", "warm", "warm", "replaced", "warm"],
            [2],
        ),
        ({"_IDLE": 0.5}, [["p", 0.4], ["", 0.8]], ["not ready"], []),
        (
            {"_MOST": 2, "_SETTLED": 60},
            [["a", 0.1], ["b", 0.1], ["c", 2.0], ["a", 0.1], ["c", 0.1]],
            ["not ready", "not ready", "other projects", "warm", "other projects"],
            [2, 2],
        ),
        (
            {"_MOST": 1, "_SETTLED": 0},
            [["a", 1.0], ["b", 1.5], ["b", 0.1]],
            ["not ready", "not ready", "warm"],
            [2],
        ),
    ],
    ids=["recycled", "idle", "no room", "least recently used"],
)
def test_interpreters_come_and_go(tmp_path, limits, steps, said, left):
    script = tmp_path / "a.py"
    script.write_text("")
    about = {"script": str(script), "folder": str(tmp_path), "limits": limits, "steps": steps}
    program = Path(__file__).with_name("pool_program.py")

    done = subprocess.run(
        [sys.executable, str(program), json.dumps(about)],
        capture_output=True,
        check=True,
        timeout=30,
    )

    result = json.loads(done.stdout)
    assert all(word in text for word, text in zip(said, result["said"], strict=True)), result
    assert result["left"] == left


def interpreters_of(it):
    """Return the warm interpreters without their spares, which are in their sessions."""
    return [
        pid
        for pid in it.warm_interpreters()
        if os.getsid(pid) == pid and b"service.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def memory_of(pid):
    content = b""
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if "rw" in line:
                memory.seek(start)
                content += memory.read(end - start)
    return content
