"""Whatever a script does to outlive its run, nothing of it does.

Seven ways to hide and two more, each at a normal end, at a deadline, and when the engine
is killed.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from service.errors import RunnerLost
from service.outcome import Ending

pytestmark = pytest.mark.promise("R4")

DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork() == 0:
        os.closerange(0, 100)
        time.sleep(60)
"""
CHAIN = """
import os, time
witness = os.environ.get("CHAIN_WITNESS")
file = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if witness else None
end = time.monotonic() + 30
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    if witness:
        os.write(file, b".")
"""
LEADER = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall(60, 0)
"""
HIDING = {
    "background child": "sleep 60 &",
    "own process group": "set -m; sleep 60 & set +m",
    "double fork": f"{sys.executable} -Sc '{DAEMON}'",
    "ignored signals": "(trap '' TERM HUP INT; while :; do sleep 0.1; done) &",
    "stopped process": "sleep 60 & kill -STOP $!",
    "fork and exit": f"{sys.executable} -Sc '{CHAIN}'",
    "stopped parent": "(sleep 60 & setsid sleep 60 & kill -STOP $BASHPID) &",
    "empty environment": "setsid env -i bash -c 'exec -a '$GENEXEC_RUN_ID' sleep 60' &",
    "dead first thread": f"{sys.executable} -Sc '{LEADER}' &",
}
PAUSE = "sleep 0.1"
SOON = 1.0
"""Seconds; the promise is two."""

every_way_to_hide = pytest.mark.parametrize("way", HIDING)


@every_way_to_hide
def test_nothing_is_left_after_a_normal_end(bench, make_order, alive, way):
    order = make_order(f"{HIDING[way]}\n{PAUSE}\necho done")

    async def main():
        async with bench() as it:
            execution = await it.run(order)
            return execution, await asyncio.to_thread(alive, order.run, within=SOON)

    execution, left = asyncio.run(main())

    assert (execution.ending, execution.exit_code) == (Ending.EXIT, 0)
    assert execution.stdout == b"done\n"
    # A chain may be hit between two of its links: then it is not counted, see the test for it.
    assert execution.leftovers >= 1 or way == "fork and exit"
    assert execution.seconds < 3
    assert left == []


@every_way_to_hide
def test_nothing_is_left_after_a_deadline(bench, make_order, alive, way):
    order = make_order(f"{HIDING[way]}\nsleep 60", timeout=0.4)

    async def main():
        async with bench() as it:
            execution = await it.run(order)
            return execution, await asyncio.to_thread(alive, order.run, within=SOON)

    execution, left = asyncio.run(main())

    assert execution.ending is Ending.DEADLINE
    assert left == []


@every_way_to_hide
def test_nothing_is_left_when_the_engine_is_killed(tmp_path, alive, way):
    run = f"killed-{os.getpid()}-{list(HIDING).index(way)}"
    program = Path(__file__).with_name("engine_program.py")
    arguments = {"directory": str(tmp_path), "run": run, "script": f"{HIDING[way]}\nsleep 60"}
    command = [sys.executable, str(program), json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as engine:
        keeper = int(engine.stdout.readline())
        until = time.monotonic() + 5
        while not alive(run) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        os.killpg(engine.pid, signal.SIGKILL)

        left = alive(run, within=2)

    assert left == []
    until = time.monotonic() + 2
    while Path(f"/proc/{keeper}/cmdline").exists() and time.monotonic() < until:
        if not Path(f"/proc/{keeper}/cmdline").read_bytes():
            break  # nobody has waited for it yet
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{keeper}").exists()


class Chain:
    """The chain of processes that fork and exit, with a byte in a file for every link."""

    def __init__(self, folder):
        self._witness = folder / "links"
        self.script = f"export CHAIN_WITNESS={self._witness}\n{HIDING['fork and exit']}\n"

    def links(self):
        return self._witness.stat().st_size if self._witness.exists() else 0

    def grow(self, links):
        deadline = time.monotonic() + 10
        while self.links() < links:
            assert time.monotonic() < deadline, f"{self.links()} links"
            time.sleep(0.01)

    def grown_after(self, seconds):
        """Return how many links there are and how many more come after *seconds*."""
        time.sleep(seconds)
        before = self.links()
        time.sleep(0.2)
        return before, self.links() - before


@pytest.fixture
def chain():
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Chain(Path(folder))


LINKS = 20


@pytest.mark.parametrize("ending", [Ending.EXIT, Ending.DEADLINE])
def test_a_chain_that_forks_and_exits_is_cut_when_its_run_ends(bench, make_order, chain, ending):
    """Nobody who looks at /proc can be sure to see a link of it: its file tells."""
    last = "sleep 0.4" if ending is Ending.EXIT else "sleep 60"
    order = make_order(chain.script + last, timeout=20 if ending is Ending.EXIT else 0.6)

    async def main():
        async with bench() as it:
            execution = await it.run(order)
            return execution, await asyncio.to_thread(chain.grown_after, SOON)

    execution, (links, more) = asyncio.run(main())

    assert execution.ending is ending
    assert links > LINKS
    assert more == 0


def test_a_chain_that_forks_and_exits_is_cut_when_the_engine_is_killed(tmp_path, chain):
    program = Path(__file__).with_name("engine_program.py")
    run = f"chain-{os.getpid()}"
    arguments = {"directory": str(tmp_path), "run": run, "script": f"{chain.script}sleep 60"}
    command = [sys.executable, str(program), json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as engine:
        chain.grow(LINKS)
        os.killpg(engine.pid, signal.SIGKILL)

        links, more = chain.grown_after(2 * SOON)

    assert links >= LINKS
    assert more == 0


@pytest.mark.parametrize("victim", ["runner", "keeper"])
def test_nothing_is_left_when_the_runner_is_killed(bench, make_order, alive, victim):
    orders = [make_order(f"{HIDING[way]}\nsleep 60") for way in HIDING]

    async def main():
        async with bench(grace=5) as it:
            running = [asyncio.create_task(it.run(order)) for order in orders]
            await asyncio.sleep(0.5)
            os.kill(it.inner() if victim == "runner" else it.process.pid, signal.SIGKILL)
            await asyncio.wait_for(it.runner.gone.wait(), 5)
            results = await asyncio.gather(*running, return_exceptions=True)
            with pytest.raises(RunnerLost):
                await it.run(make_order("true"))
            left = [pid for order in orders for pid in alive(order.run, within=2)]
            return results, left, list(it.runs.iterdir())

    results, left, directories = asyncio.run(main())

    assert all(isinstance(result, RunnerLost) for result in results)
    assert left == []
    assert directories == []


def test_a_child_that_holds_the_output_holds_up_nobody(execute, make_order):
    before = time.monotonic()

    execution = execute(make_order("sleep 60 & echo done"))

    assert execution.stdout == b"done\n"
    assert execution.leftovers == 1
    assert time.monotonic() - before < 1


def test_the_orphan_of_a_live_run_lives_on(bench, make_order):
    async def main():
        async with bench() as it:
            text = "(setsid sleep 0.6 && echo survived > alive &) ; sleep 1; cat alive"
            long = asyncio.create_task(it.run(make_order(text)))
            for _ in range(5):
                await asyncio.sleep(0.1)
                await it.run(make_order("sleep 60 &"))
            return await long

    execution = asyncio.run(main())

    assert execution.stdout == b"survived\n"
    assert execution.leftovers == 0


def test_many_runs_leave_no_zombies_and_no_descriptors(bench, make_order):
    def descriptors(pid):
        return Path(f"/proc/{pid}/fd").stat().st_size  # to list them is for root only

    def children(pid):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    async def main():
        async with bench() as it:
            runner = it.inner()
            await it.run(make_order("true"))
            before = descriptors(os.getpid()), descriptors(runner)
            orders = [make_order("sleep 60 & setsid sleep 60 &") for _ in range(50)]
            for chunk in range(0, 50, 10):
                executions = await asyncio.gather(*map(it.run, orders[chunk : chunk + 10]))
                assert all(execution.leftovers for execution in executions)
            after = descriptors(os.getpid()), descriptors(runner)
            return before, after, children(runner), children(it.process.pid) == [str(runner)]

    before, after, below_runner, only_runner = asyncio.run(main())

    assert after == before
    assert below_runner == []
    assert only_runner


def test_directories_of_an_earlier_process_are_removed(bench, make_order, tmp_path):
    abandoned = tmp_path / "runs" / "run-0123456789abcdef"
    abandoned.mkdir(parents=True)
    (abandoned / "event.json").write_text("{}")
    (tmp_path / "runs" / "mine").mkdir()

    async def main():
        async with bench() as it:
            return sorted(path.name for path in it.runs.iterdir())

    assert asyncio.run(main()) == ["mine"]


def test_a_directory_that_cannot_be_made_is_named(bench, tmp_path):
    (tmp_path / "blobs").write_text("somebody's file")

    async def main():
        it = bench()
        with pytest.raises(RunnerLost) as lost:
            await it.runner.start()
        await it.__aexit__()
        return str(lost.value)

    assert asyncio.run(main()) == f"{tmp_path}/blobs cannot be made: File exists"


def test_sigterm_ends_the_runner_and_its_scripts(bench, make_order, alive):
    order = make_order("trap '' TERM; sleep 60")

    async def main():
        it = bench(grace=5)
        async with it:
            running = asyncio.create_task(it.run(order))
            await asyncio.sleep(0.2)
            it.process.terminate()
            with pytest.raises(RunnerLost):
                await asyncio.wait_for(running, 3)
            return alive(order.run), await asyncio.to_thread(it.process.wait, 5)

    assert asyncio.run(main()) == ([], 0)


def test_an_interrupt_at_the_terminal_passes_the_runner_by(bench, make_order):
    async def main():
        async with bench() as it:
            os.kill(it.inner(), signal.SIGINT)
            os.kill(it.process.pid, signal.SIGHUP)
            return await it.run(make_order("echo fine"))

    assert asyncio.run(main()).stdout == b"fine\n"
