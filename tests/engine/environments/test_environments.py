"""Scripts get the packages they declare, made once, and nothing else."""

import asyncio
import logging

import pytest

from service.outcome import Ending

FAILS_TO_IMPORT = "import importlib.util, sys\nsys.exit(importlib.util.find_spec({!r}) is not None)"


def test_a_script_imports_what_it_declares(execute, make_order, make_wheel, wheels, uv):
    make_wheel("inner", "0.5")
    make_wheel("tool", "2.1", requires=["inner>=0.1"])
    order = make_order("import inner, tool\nprint(tool.VERSION, inner.VERSION)", "tool>=2")

    (execution,) = execute(order, uv=uv, wheels=wheels)

    assert (execution.output.decode(), execution.detail) == ("2.1 0.5\n", "")
    assert (execution.ending, execution.exit_code) == (Ending.EXIT, 0)


@pytest.mark.parametrize("module", ["flask", "requests", "yaml", "pip", "service"])
def test_nothing_else_can_be_imported(execute, make_order, module):
    (execution,) = execute(make_order(FAILS_TO_IMPORT.format(module)))

    assert (execution.exit_code, execution.output) == (0, b"")


def test_a_script_without_a_block_runs_as_always(execute, make_order):
    (execution,) = execute(make_order("import requests, yaml\nprint('both')", block=False))

    assert execution.output == b"both\n"


def test_programs_of_the_script_find_the_same_python(execute, make_order, make_wheel, wheels):
    make_wheel("tool")
    text = "import subprocess\nsubprocess.run(['python3', '-c', 'import tool; print(7)'])"

    (execution,) = execute(make_order(text, "tool"), wheels=wheels)

    assert execution.output == b"7\n"


def test_one_environment_serves_all_who_need_the_same(make_order, make_wheel, wheels, workshop):
    make_wheel("tool")
    make_wheel("other")

    async def main():
        async with workshop(wheels=wheels) as it:
            for packages in (("tool", "other"), ("Other", "tool ", "tool"), ("tool",)):
                execution = await it.run(make_order("print(1)", *packages))
                assert execution.output == b"1\n"
            return len(it.environments())

    assert asyncio.run(main()) == 2


def test_many_first_uses_are_one_build(make_order, make_wheel, wheels, workshop, caplog):
    make_wheel("tool")
    caplog.set_level(logging.INFO, "service.engine.environments.stock")

    async def main():
        async with workshop(wheels=wheels) as it:
            orders = [make_order(f"import tool\nprint({n})", "tool") for n in range(6)]
            return await asyncio.gather(*(it.run(order) for order in orders))

    executions = asyncio.run(main())

    assert [one.output for one in executions] == [b"%d\n" % n for n in range(6)]
    assert [one.message.partition(" in ")[0] for one in caplog.records] == ["made an environment"]


def test_two_processes_that_need_the_same_share_it(make_order, make_wheel, wheels, workshop):
    make_wheel("tool")

    async def main():
        async with workshop(wheels=wheels) as one, workshop(wheels=wheels) as other:
            orders = [make_order("import tool\nprint('here')", "tool") for _ in range(2)]
            executions = await asyncio.gather(one.run(orders[0]), other.run(orders[1]))
            return [execution.output for execution in executions], len(one.environments())

    assert asyncio.run(main()) == ([b"here\n", b"here\n"], 1)


def test_it_is_still_there_after_a_restart(execute, make_order, make_wheel, wheels):
    wheel = make_wheel("tool")
    execute(make_order("import tool", "tool"), wheels=wheels)
    wheel.unlink()

    (execution,) = execute(make_order("import tool\nprint(1)", "tool"), wheels=wheels)

    assert execution.output == b"1\n"


def test_what_was_left_half_made_is_removed_at_start(workshop, make_order, make_wheel, wheels):
    make_wheel("tool")

    async def main():
        async with workshop(wheels=wheels) as it:
            await it.run(make_order("pass", "tool"))
            (path,) = it.environments()
        (path / "complete.json").unlink()
        (path.parent / "other" / "venv").mkdir(parents=True)
        (path.parent / ".gone-1" / "venv").mkdir(parents=True)
        async with workshop(wheels=wheels) as it:
            left = list(it.root.iterdir())
            execution = await it.run(make_order("import tool\nprint(1)", "tool"))
            return left, execution.output

    assert asyncio.run(main()) == ([], b"1\n")


def test_those_used_longest_ago_are_removed(workshop, make_order, make_wheel, wheels):
    for name in ("first", "second", "third"):
        make_wheel(name)

    async def main():
        async with workshop(wheels=wheels, kept=2) as it:
            for name in ("first", "second", "first", "third"):
                await it.run(make_order("pass", name))
                await asyncio.sleep(0.02)  # modification times have to differ
            marks = [path / "complete.json" for path in it.environments()]
            return sorted(mark.read_text() for mark in marks)

    assert asyncio.run(main()) == ['{"packages":["first"]}\n', '{"packages":["third"]}\n']


def test_none_in_use_is_removed(workshop, make_order, make_wheel, wheels, tmp_path):
    for name in ("first", "second"):
        make_wheel(name)
    flag = tmp_path / "flag"
    text = (
        f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)\nimport first"
    )

    async def main():
        async with workshop(wheels=wheels, kept=1, isolated=False) as it:
            running = asyncio.ensure_future(it.run(make_order(text, "first")))
            while not it.environments() or it.stock._builds:
                await asyncio.sleep(0.01)
            await it.run(make_order("pass", "second"))
            both = len(it.environments())
            flag.touch()
            return both, (await running).exit_code

    assert asyncio.run(asyncio.wait_for(main(), 60)) == (2, 0)


def test_a_script_cannot_write_to_its_environment(execute, make_order):
    text = "import sys\nopen(sys.prefix + '/planted', 'w')"

    (execution,) = execute(make_order(text))

    assert b"PermissionError" in execution.output


def test_the_build_takes_nothing_from_the_deadline(execute, make_order, make_wheel, make_index):
    make_wheel("tool")
    index = make_index()
    index.delay = 1.0
    order = make_order("import tool\nprint(1)", "tool", timeout=1.0)

    (execution,) = execute(order, index=index.address)

    assert len(index.asked) >= 2
    assert (execution.output, execution.detail) == (b"1\n", "")
