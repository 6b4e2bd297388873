"""Processes that are killed, and files that may not grow."""

import asyncio
import signal
import subprocess
import sys
import time

import pytest

_ACCEPTS = """
import asyncio, sys
from datetime import datetime, UTC
from pathlib import Path
from service.event import Acceptance, read_event
from service.journal.inbox import SqliteInbox
from service.keptn_events import Belonging
from service.runs import Arrival

state_dir, prefix = Path(sys.argv[1]), sys.argv[2]
now = datetime.now(UTC)

def arrival(name):
    document = {"specversion": "1.0", "id": name, "source": "s", "type": "t", "data": "x" * 500}
    event = read_event(document, accept=Acceptance.LEGACY, now=now)
    return Arrival(run=f"run-{name}", event=event, belonging=Belonging(), at=now)

async def accept_in_a_loop(inbox, sender):
    number = 0
    while True:
        number += 1
        name = f"{prefix}-{sender}-{number}"
        await inbox.accept([arrival(name)])
        print(name, flush=True)

async def main():
    inbox = SqliteInbox(
        state_dir / "inbox.db", record_path=state_dir / "record.db", queue_limit=10**9
    )
    await asyncio.gather(*(accept_in_a_loop(inbox, sender) for sender in range(4)))

asyncio.run(main())
"""

_FILLS = """
import asyncio, resource, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from service.errors import JournalUnavailable
from service.event import Acceptance, read_event
from service.journal.inbox import SqliteInbox
from service.keptn_events import Belonging
from service.runs import Arrival

state_dir = Path(sys.argv[1])
now = datetime.now(UTC)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def arrival(number):
    document = {"specversion": "1.0", "id": f"e-{number}", "source": "s", "type": "t",
                "data": "x" * 10_000}
    event = read_event(document, accept=Acceptance.LEGACY, now=now)
    return Arrival(run=f"run-{number}", event=event, belonging=Belonging(), at=now)

async def accept_until_refused(inbox):
    number = 0
    while True:
        try:
            await inbox.accept([arrival(number)])
        except JournalUnavailable:
            return number
        number += 1

async def main():
    inbox = SqliteInbox(
        state_dir / "inbox.db", record_path=state_dir / "record.db", queue_limit=10**9
    )
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    number = await accept_until_refused(inbox)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    receipts = await inbox.accept([arrival(n) for n in range(number + 1)])
    inbox.close()
    print(number, sum(receipt.duplicate for receipt in receipts))

asyncio.run(main())
"""

_BEGINS = """
import asyncio, os, signal, sys
from dataclasses import replace
from datetime import datetime, UTC
from pathlib import Path
from service.journal.record import SqliteRecord
from service.runs import opened
from service.states import State

class Clock:
    def now(self):
        return datetime.now(UTC)

async def main():
    state_dir = Path(sys.argv[1])
    record = SqliteRecord(
        state_dir / "record.db", inbox_path=state_dir / "inbox.db", clock=Clock()
    )
    for waiting in record.waiting(after=0, limit=100):
        if waiting.seq % 2:
            run = opened(record.accepted(waiting.seq))
            await record.begin(replace(run, state=State.RUNNING), (), ())
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""

_LINES = 40


@pytest.mark.promise("R1")
@pytest.mark.parametrize("kill", range(3))
def test_no_acknowledged_event_is_lost_when_the_process_is_killed(state_dir, reader, kill):
    command = [sys.executable, "-c", _ACCEPTS, str(state_dir), str(kill)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        first = [child.stdout.readline() for _ in range(_LINES)]
        time.sleep(0.005 * kill)
        child.send_signal(signal.SIGKILL)
        printed = b"".join(first) + child.stdout.read()
    acknowledged = {f"run-{line}" for line in printed.decode().split("\n")[:-1]}

    kept = {run.id for run in reader.runs(limit=10**6)}

    assert len(acknowledged) >= _LINES
    assert acknowledged <= kept


@pytest.mark.promise("R18")
def test_a_full_disk_refuses_events_and_loses_none_and_recovers(state_dir, reader):
    """A limit on the size of files makes writing fail with an error, as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", _FILLS, str(state_dir)], capture_output=True, timeout=30, check=True
    )

    accepted, found_again = map(int, done.stdout.split())
    assert accepted > 5
    assert found_again == accepted
    assert reader.open_events() == accepted + 1


def test_what_a_killed_engine_had_begun_is_taken_up(state_dir, inbox, make_arrival, open_record):
    asyncio.run(inbox.accept([make_arrival() for _ in range(6)]))

    done = subprocess.run([sys.executable, "-c", _BEGINS, str(state_dir)], timeout=30, check=False)

    record = open_record()
    assert done.returncode == -signal.SIGKILL
    assert [run.seq for run, _, _ in record.abandoned()] == [1, 3, 5]
    assert [waiting.seq for waiting in record.waiting(after=0, limit=9)] == [2, 4, 6]
