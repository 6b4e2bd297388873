"""Room for results: taken when there is enough, given up when the disk is full."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from service.errors import JournalUnavailable
from service.journal.care import look
from service.journal.inbox import SqliteInbox
from service.journal.record import SqliteRecord
from service.journal.reserve import Reserve
from service.runs import opened
from service.states import State

MIB = 1 << 20


@contextmanager
def _mounted(folder, size):
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"this machine cannot: mount a small disk ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MiB; only the superuser can make one."""
    if os.geteuid() != 0:
        pytest.skip("this machine cannot: only the superuser can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    with _mounted(folder, 4 * MIB):
        yield folder


def fill(disk):
    """Write until the disk is full; return the file to delete."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return ballast


def test_the_reserve_takes_room_on_the_disk(tmp_path):
    assert Reserve(tmp_path, size=MIB).take() is True

    assert (tmp_path / "reserve").stat().st_blocks * 512 >= MIB


def test_the_reserve_is_looked_at_by_others(tmp_path):
    mine, others = Reserve(tmp_path), Reserve(tmp_path)

    before = others.held
    mine.take()

    assert (before, others.held) == (False, True)


def test_the_reserve_is_kept_while_there_is_room(tmp_path):
    reserve = Reserve(tmp_path, size=MIB)
    reserve.take()

    assert reserve.release() is False
    assert reserve.held


def test_without_a_directory_there_is_no_reserve(tmp_path):
    reserve = Reserve(tmp_path / "missing")

    assert (reserve.take(), reserve.release(), reserve.held) == (False, False, False)


def test_the_reserve_is_given_up_on_a_full_disk_and_taken_again(small_disk, caplog):
    reserve = Reserve(small_disk, size=MIB)
    reserve.take()
    ballast = fill(small_disk)

    assert reserve.release() is True
    assert reserve.take() is False
    ballast.unlink()
    assert reserve.take() is True
    assert [record.alarm for record in caplog.records] == ["disk-full"]


def test_a_disk_with_room_for_little_more_than_the_reserve_is_still_full(small_disk):
    assert Reserve(small_disk, size=3 * MIB).take() is False


def test_rl_4_results_are_recorded_on_a_full_disk(small_disk, make_arrival, make_attempt, clock):
    reserve = Reserve(small_disk, size=MIB)
    reserve.take()
    inbox = SqliteInbox(
        small_disk / "inbox.db",
        record_path=small_disk / "record.db",
        queue_limit=9,
        reserve=reserve,
    )
    record = SqliteRecord(
        small_disk / "record.db", inbox_path=small_disk / "inbox.db", clock=clock, reserve=reserve
    )

    async def story():
        await inbox.accept([make_arrival("run-a")])
        run = opened(record.accepted(1))
        await record.begin(replace(run, state=State.RUNNING), [make_attempt()], ())
        ballast = fill(small_disk)
        result = make_attempt(state=State.PASSED, output=b"o" * 200_000)
        await record.end(replace(run, state=State.PASSED), [result], ())
        with pytest.raises(JournalUnavailable, match="the disk is full"):
            await inbox.accept([make_arrival("run-b")])
        full = inbox.trouble
        ballast.unlink()
        reserve.take()
        await inbox.accept([make_arrival("run-b")])
        return full

    assert asyncio.run(story()) == "the disk is full"
    assert (inbox.trouble, record.trouble) == ("", "")
    record.close()
    inbox.close()


def test_trouble_is_told_and_ends_by_itself(small_disk, make_arrival, until):
    inbox = SqliteInbox(
        small_disk / "inbox.db", record_path=small_disk / "record.db", queue_limit=9999
    )

    async def accept_until_refused():
        while True:
            await inbox.accept([make_arrival(data={"x": "y" * 50_000})])

    ballast = fill(small_disk)
    with pytest.raises(JournalUnavailable):
        asyncio.run(accept_until_refused())
    told = inbox.trouble
    ballast.unlink()

    until(lambda: not inbox.trouble)
    inbox.close()
    assert told == "inbox.db cannot be written: database or disk is full"


_SECONDS_OF_FAULTS = 3
_FAULTY = """
import asyncio, os, sys
from datetime import datetime, UTC
from pathlib import Path
from service.errors import GenexecError
from service.event import Acceptance, read_event
from service.journal.inbox import SqliteInbox
from service.keptn_events import Belonging
from service.runs import Arrival

state_dir, prefix = Path(sys.argv[1]), sys.argv[2]
now = datetime.now(UTC)

def say(line):
    while line:
        try:
            line = line[os.write(1, line):]
        except OSError:
            pass

def arrival(name):
    document = {"specversion": "1.0", "id": name, "source": "s", "type": "t", "data": "x" * 500}
    event = read_event(document, accept=Acceptance.LEGACY, now=now)
    return Arrival(run=f"run-{name}", event=event, belonging=Belonging(), at=now)

async def main():
    inbox = SqliteInbox(
        state_dir / "inbox.db", record_path=state_dir / "record.db", queue_limit=10**9
    )
    say(b"ready\\n")
    number = refused = 0
    while True:
        number += 1
        try:
            await inbox.accept([arrival(f"e-{prefix}-{number}")])
            say(f"e-{prefix}-{number}\\n".encode())
        except GenexecError as error:
            refused += 1
            say(b"refused %s\\n" % type(error).__name__.encode())

asyncio.run(main())
"""


@pytest.fixture
def failing_disk(needs):
    """Let reads, writes and syncs of a process fail, one in a hundred; end it afterwards."""
    needs("fiu-run", "fiu-utils")
    children = []

    def start(*arguments):
        command = ["fiu-run", "-x", sys.executable, "-c", *map(str, arguments)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        children.append(child)
        return child

    def order(child, what):
        """Turn the faults on or off; the child may have died of one."""
        for point in ("posix/io/rw/*", "posix/io/sync/*"):
            text = f"{what} name={point}" + (",probability=0.01" if "random" in what else "")
            subprocess.run(["fiu-ctrl", "-c", text, str(child.pid)], check=False, timeout=10)

    yield start, order
    for child in children:
        child.kill()
        child.communicate()


@pytest.mark.promise("R18")
def test_rl_5_r18_a_disk_that_fails_now_and_then_loses_no_acknowledged_event(
    failing_disk, state_dir, reader
):
    """Under such faults SQLite itself may die (SIGFPE in 3.40); then it is started again."""
    start, order = failing_disk
    lines, deadline = [], time.monotonic() + _SECONDS_OF_FAULTS
    while time.monotonic() < deadline:
        child = start(_FAULTY, state_dir, len(lines))
        lines.append(child.stdout.readline())  # it can be told from now on
        order(child, "enable_random")
        while time.monotonic() < deadline and (line := child.stdout.readline()):
            lines.append(line)
    order(child, "disable")
    child.kill()
    lines += child.stdout.readlines()[:-1]

    again = start(_FAULTY, state_dir, "again")
    [ready, *_] = [again.stdout.readline() for _ in range(50)]
    again.kill()
    acknowledged = {f"run-{line.decode().strip()}" for line in lines if line.startswith(b"e-")}
    refused = Counter(line for line in lines if line.startswith(b"refused"))
    assert acknowledged <= {run.id for run in reader.runs(limit=10**7)}
    assert len(acknowledged) > 100
    assert refused[b"refused JournalUnavailable\n"] > 0
    assert ready == b"ready\n"
    assert look(state_dir)[state_dir / "inbox.db"].damage == ()
