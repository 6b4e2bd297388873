"""Output and disk have limits, memory is bounded."""

import asyncio
import resource

import pytest

from service.outcome import Ending

MIB = 1 << 20


def test_output_is_kept_in_order_and_standard_output_apart(execute, make_order):
    text = "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three"

    execution = execute(make_order(text))

    assert execution.output == b"one\ntwo\nthree\n"
    assert execution.stdout == b"one\nthree\n"
    assert execution.cut == 0


def test_output_beyond_the_kept_part_is_counted(execute, make_order):
    execution = execute(make_order("head -c 8388608 /dev/zero; echo x >&2"), output_kept=1000)

    assert execution.ending is Ending.EXIT
    assert execution.output == execution.stdout == bytes(1000)
    assert execution.cut == 8 * MIB + 2 - 1000


@pytest.mark.promise("R9")
@pytest.mark.parametrize(
    "flood", ["yes", "cat /dev/urandom", "trap '' TERM; while :; do echo; done"]
)
def test_a_flood_of_output_is_stopped(execute, make_order, flood):
    execution = execute(make_order(flood), output_limit=200_000, output_kept=100_000)

    assert execution.ending is Ending.OUTPUT_LIMIT
    assert execution.detail == "stopped after 200000 bytes of output"
    assert len(execution.output) == 100_000
    assert execution.cut > 100_000


@pytest.mark.promise("R9")
def test_a_hundred_megabytes_of_output_take_no_memory(bench, make_order):
    def most_memory():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def main():
        async with bench(output_limit=200 * MIB) as it:
            await it.run(make_order("true"))
            before = most_memory()
            execution = await it.run(make_order("head -c 100MB /dev/zero"))
            return execution.ending, execution.cut, most_memory() - before

    ending, cut, growth = asyncio.run(main())

    assert (ending, cut) == (Ending.EXIT, 100_000_000 - MIB)
    assert growth < 8 * 1024


def test_one_large_file_is_stopped_at_the_disk_limit(execute, make_order):
    execution = execute(make_order("head -c 5G /dev/zero > large"), disk_limit=4 * MIB)

    assert execution.ending is Ending.DISK_LIMIT
    assert execution.detail == f"stopped after it took {4 * MIB} bytes of disk"


def test_many_files_are_stopped_at_the_disk_limit(execute, make_order):
    text = (
        "mkdir d; i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > d/$i; sleep 0.02; done"
    )

    execution = execute(make_order(text), disk_limit=8 * MIB)

    assert execution.ending is Ending.DISK_LIMIT
    assert execution.seconds < 3


def test_directories_too_deep_to_be_counted_are_stopped(execute, make_order):
    text = (
        "import os, time\nfor _ in range(30):\n"
        "    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\ntime.sleep(9)"
    )

    execution = execute(make_order(text, suffix=".py"))

    assert execution.ending is Ending.DISK_LIMIT


def test_a_process_that_takes_too_much_memory_fails(execute, make_order):
    text = "x = bytearray(4 << 30)"

    execution = execute(make_order(text, suffix=".py"), memory_limit=512 * MIB)

    assert execution.exit_code == 1
    assert b"MemoryError" in execution.output
