"""An engine inside another program: its end, its crash, what is given to a run."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.config.reading import read_settings
from service.errors import EngineUnavailable, JournalLocked
from service.keptn_events import Belonging
from service.states import State

KUBECONFIG = {"test.triggered.sh": 'cat "$KUBECONFIG"; echo "$KUBECONFIG"\n'}
STUBBORN = {"test.triggered.sh": "trap '' TERM\nsleep 60 & wait; wait\n"}

PROGRAM = """
import asyncio, os, sys
from service.config.reading import read_settings
from service.desk import Asker, Wish
from service.keptn_events import Belonging
from service.wiring.embedded import opened_engine

async def main():
    async with opened_engine(read_settings(os.environ), os.environ) as engine:
        desk = engine.desk({"KUBECONFIG": b"secret"})
        place = Belonging(project="sockshop")
        wish = Wish(type="test.triggered", place=place)
        runs = [await desk.run(wish, Asker(name="alice")) for _ in range(2)]
        while (await desk.found(runs[0])).state != "running":
            await asyncio.sleep(0.02)
        print(*runs, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def play(shelf, variables, embedded):
    def play_(scripts, scene, **settings):
        async def whole():
            async with embedded(variables(shelf(scripts), **settings)) as engine:
                return await scene(engine)

        return asyncio.run(whole())

    return play_


async def begun(desk, run):
    async with asyncio.timeout(15):
        while (await desk.found(run)).state is not State.RUNNING:
            await asyncio.sleep(0.02)


def test_a_file_that_is_given_is_there_for_the_runs_of_this_desk_only(play, wish, alice):
    async def scene(engine):
        said = []
        for desk in (engine.desk({"KUBECONFIG": b"clusters: []\n"}), engine.desk()):
            run = await desk.run(wish(), alice)
            await desk.wait(run, seconds=15)
            said += [text for _, text in await desk.output(run)]
        return said

    given, nothing = play(KUBECONFIG, scene)

    content, path = given.splitlines()
    assert content == "clusters: []"
    assert "/run-" in path
    assert not Path(path).exists()
    assert "clusters" not in nothing


def test_it_ends_within_two_seconds_whatever_a_script_does(play, wish, alice):
    async def scene(engine):
        desk = engine.desk()
        await begun(desk, await desk.run(wish(), alice))
        return time.monotonic()

    ended = play(STUBBORN, scene, GENEXEC_GRACE="30s")

    assert time.monotonic() - ended < 2.0


def test_what_was_interrupted_is_told_by_the_next_engine(play, wish, alice):
    async def first(engine):
        run = await engine.desk().run(wish(), alice)
        await begun(engine.desk(), run)
        return run

    run = play(STUBBORN, first)
    ran = play(STUBBORN, lambda engine: engine.desk().wait(run, seconds=15))

    assert ran.state is State.INTERRUPTED


def test_after_a_crash_runs_are_told_and_none_is_started_without_its_files(
    play, shelf, variables, wish, alice
):
    scripts = {"test.triggered.sh": "sleep 60\n"}
    environment = variables(shelf(scripts), GENEXEC_AT_ONCE="1")
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    )
    running, waiting = program.stdout.readline().split()
    program.send_signal(signal.SIGKILL)
    program.wait(10)
    program.stdout.close()

    async def scene(engine):
        desk = engine.desk()
        return await desk.wait(running, seconds=15), await desk.wait(waiting, seconds=15)

    first, second = play(scripts, scene, GENEXEC_AT_ONCE="1")

    assert first.state is State.INTERRUPTED
    assert second.state is State.ERRORED
    assert "give the command again" in second.reason


def test_two_engines_do_not_share_a_state_directory(play, shelf, variables, embedded):
    async def scene(engine):
        with pytest.raises(JournalLocked):
            async with embedded(variables(shelf({}))):
                pass

    play({"a.sh": ""}, scene)


def test_it_can_be_opened_again_at_once(play, wish, alice):
    async def scene(engine):
        desk = engine.desk()
        ran = await desk.wait(await desk.run(wish(), alice), seconds=15)
        return ran.state, len(await desk.runs(limit=9, place=Belonging()))

    once = {"test.triggered.sh": "echo\n"}

    assert [play(once, scene) for _ in range(2)] == [(State.PASSED, 1), (State.PASSED, 2)]


def test_a_lost_runner_is_told_to_whoever_asks(play, wish, alice):
    async def scene(engine):
        desk = engine.desk()
        os.kill(child_of(os.getpid()), signal.SIGKILL)
        await asyncio.wait_for(engine.parts.processes.gone.wait(), 10)
        with pytest.raises(EngineUnavailable):
            await desk.run(wish(), alice)

    play({"test.triggered.sh": "echo\n"}, scene)


def child_of(pid):
    """Return the runner process among our children."""
    listed = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "service.engine.runner"], capture_output=True, check=True
    )
    return int(listed.stdout.split()[0])


def test_the_event_loop_of_the_caller_stays_awake(play, wish, alice):
    async def scene(engine):
        desk, longest, last = engine.desk(), 0.0, time.monotonic()
        asking = asyncio.gather(*(desk.run(wish(), alice) for _ in range(20)))
        runs = None
        while runs is None or not all(
            [(await desk.found(run)).state.ended for run in (runs[0], runs[-1])]
        ):
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            if runs is None and asking.done():
                runs = asking.result()
            await asyncio.sleep(0.01)
        return longest

    assert play({"test.triggered.sh": "echo\n"}, scene) < 1.0


def test_settings_that_cannot_be_meant_are_refused(variables, embedded, tmp_path):
    async def scene():
        async with embedded(variables("", name="state")):
            pass

    with pytest.raises(Exception, match="GENEXEC_SCRIPTS is not set"):
        asyncio.run(scene())
    assert read_settings(variables("x")).scripts == "x"
