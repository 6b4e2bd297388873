"""Damage to a stored event is noticed and never executed; its run ends all the same."""

import asyncio
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from service.errors import JournalUnreadable
from service.states import State


@pytest.mark.parametrize("column", ["document", "beside", "project"])
def test_a_damaged_event_is_not_run_and_ends_errored(record, reader, accept, state_dir, column):
    asyncio.run(accept("run-a"))
    with closing(sqlite3.connect(state_dir / "inbox.db", isolation_level=None)) as database:
        database.execute(f"UPDATE accepted SET {column} = replace({column}, 's', 't')")

    with pytest.raises(JournalUnreadable, match="run-a is damaged"):
        record.accepted(1)

    record.close()
    assert reader.run("run-a").run.state is State.ERRORED
    assert reader.open_events() == 0


def test_a_run_whose_event_is_gone_ends_interrupted(record, reader, take_up, state_dir, caplog):
    async def story():
        await record.begin(replace(await take_up("run-a"), state=State.RUNNING), (), ())

    asyncio.run(story())
    with closing(sqlite3.connect(state_dir / "inbox.db", isolation_level=None)) as database:
        database.execute("DELETE FROM accepted")

    assert record.abandoned() == []

    record.close()
    detail = reader.run("run-a")
    assert (detail.run.state, reader.open_events()) == (State.INTERRUPTED, 0)
    assert detail.event.id == "e-1"
    assert "there is no event 1" in caplog.text


_READING = """
import ctypes, sys
from pathlib import Path
from service.errors import GenexecError
from service.journal.record import SqliteRecord

fiu = ctypes.CDLL("libfiu.so.0")
fiu.fiu_enable_random.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p,
                                  ctypes.c_uint, ctypes.c_float]
state = Path(sys.argv[1])
record = SqliteRecord(state / "record.db", inbox_path=state / "inbox.db", clock=None)
for _ in range(60):
    for seq in range(1, 21):
        fiu.fiu_enable_random(b"posix/io/rw/*", 1, None, 0, 0.03)
        try:
            said = record.accepted(seq).event.id
        except GenexecError as error:
            said = type(error).__name__
        fiu.fiu_disable(b"posix/io/rw/*")
        print(said, flush=True)
"""


@pytest.mark.promise("R18")
def test_a_disk_that_fails_at_the_moment_writes_no_event_off(needs, accept, state_dir, tmp_path):
    """Such faults show SQLite damage that is none; it may also die of them (SIGFPE in 3.40)."""
    needs("fiu-run", "fiu-utils")

    async def story():
        for _ in range(20):
            await accept(data={"project": "sockshop", "long": "x" * 9000})

    asyncio.run(story())
    said, second_looks = Counter(), 0
    for _ in range(10):
        command = ["fiu-run", "-x", sys.executable, "-c", _READING, state_dir]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        said.update(done.stdout.split())
        second_looks += done.stderr.count("read again before it is believed")
        if second_looks and said["JournalUnavailable"]:
            break

    come_again = said.pop("JournalUnavailable")
    assert said.keys() == {f"e-{number}" for number in range(1, 21)}
    assert come_again > 0
    assert second_looks > 0
