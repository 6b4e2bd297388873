"""Damage to a stored event is noticed and never executed; its run ends all the same."""

import asyncio
import sqlite3
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
