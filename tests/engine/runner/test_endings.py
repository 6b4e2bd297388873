"""How a script ends, and what is said about it."""

import asyncio
import time

import pytest

from service.outcome import Ending


@pytest.mark.parametrize("code", [0, 1, 126, 127, 255])
def test_the_exit_code_is_told(execute, make_order, code):
    execution = execute(make_order(f"exit {code}"))

    assert (execution.ending, execution.exit_code) == (Ending.EXIT, code)
    assert execution.signal is None


@pytest.mark.parametrize(("name", "number"), [("SEGV", 11), ("KILL", 9)])
def test_the_signal_that_killed_a_script_is_told(execute, make_order, name, number):
    execution = execute(make_order(f"kill -{name} $$"))

    assert (execution.ending, execution.signal) == (Ending.EXIT, number)
    assert execution.exit_code is None


def test_a_python_script_runs_and_may_import_the_packages_of_the_service(execute, make_order):
    execution = execute(make_order("import sys, requests, yaml\nsys.exit(4)", suffix=".py"))

    assert execution.exit_code == 4, execution.output


@pytest.mark.parametrize("stubborn", ["trap '' TERM; while :; do :; done", "kill -STOP $$"])
def test_a_script_that_does_not_obey_is_killed_after_its_grace(execute, make_order, stubborn):
    before = time.monotonic()

    execution = execute(make_order(stubborn, timeout=0.3), grace=0.3)

    assert execution.ending is Ending.DEADLINE
    assert execution.detail == "stopped at its deadline of 0.3 s"
    assert time.monotonic() - before < 0.3 + 0.3 + 1


def test_a_script_can_tidy_up_within_its_grace(execute, make_order):
    text = "trap 'echo tidy; exit 7' TERM; echo here; sleep 60 & wait"

    execution = execute(make_order(text, timeout=0.3), grace=5)

    assert (execution.ending, execution.exit_code) == (Ending.DEADLINE, 7)
    assert execution.stdout == b"here\ntidy\n"
    assert execution.seconds < 2


def test_a_run_can_be_cancelled(bench, make_order):
    async def main():
        async with bench() as it:
            order = make_order("echo started; sleep 60")
            running = asyncio.create_task(it.run(order))
            await asyncio.sleep(0.2)
            accepted = await it.runner.cancel(order.run)
            return accepted, await running, await it.runner.cancel(order.run)

    accepted, execution, again = asyncio.run(main())

    assert (accepted, again) == (True, False)
    assert execution.ending is Ending.CANCELLED
    assert execution.stdout == b"started\n"


def test_a_run_whose_task_is_cancelled_leaves_nothing(bench, make_order, alive):
    async def main():
        async with bench() as it:
            order = make_order("sleep 60 & sleep 60")
            running = asyncio.create_task(it.run(order))
            await asyncio.sleep(0.2)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return alive(order.run), list(it.runs.iterdir())

    assert asyncio.run(main()) == ([], [])


def test_what_runs_at_the_end_of_the_service_is_interrupted(bench, make_order):
    async def main():
        it = bench()
        async with it:
            running = asyncio.create_task(it.run(make_order("sleep 60")))
            await asyncio.sleep(0.2)
        return await running, it.process.returncode

    execution, code = asyncio.run(main())

    assert execution.ending is Ending.INTERRUPTED
    assert code == 0


def test_a_missing_interpreter_is_told(bench, make_order, tmp_path):
    async def main():
        it = bench()
        it.runner._programs[".sh"] = str(tmp_path / "no-bash")
        async with it:
            return await it.run(make_order("true"))

    execution = asyncio.run(main())

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == f"cannot start {tmp_path}/no-bash: No such file or directory"


def test_a_suffix_without_a_program_is_told(execute, make_order):
    execution = execute(make_order("x", suffix=".rb"))

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == "no program runs files that end with '.rb'"


def test_forty_scripts_run_at_once(bench, make_order):
    async def main():
        async with bench() as it:
            before = time.monotonic()
            orders = [make_order(f"sleep 1; echo {n}") for n in range(40)]
            executions = await asyncio.gather(*map(it.run, orders))
            return executions, time.monotonic() - before

    executions, seconds = asyncio.run(main())

    assert [int(execution.stdout) for execution in executions] == list(range(40))
    assert seconds < 3
