"""RL-8: files of the first version are brought up to date in one transaction."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib.resources import files

import pytest

from service.journal.care import look, make_sound
from service.journal.rows import ACCEPTED, ATTEMPT, RUN, arrival_row, attempt_row, run_row
from service.runs import Accepted, opened
from service.states import State

MARKS = {"inbox": 0x67654E49, "record": 0x67654E52}


@pytest.fixture
def first_version(state_dir):
    """Both files as the first version made them; a statement may be executed in one."""
    state_dir.mkdir()

    def execute(name, statement, values=()):
        with closing(sqlite3.connect(state_dir / f"{name}.db", isolation_level=None)) as file:
            return file.execute(statement, values).fetchall()

    for name, mark in MARKS.items():
        script = files("service.journal").joinpath(f"{name}.sql").read_text("utf-8")
        with closing(sqlite3.connect(state_dir / f"{name}.db")) as file:
            file.executescript(script)
        execute(name, f"PRAGMA application_id = {mark}")
        execute(name, "PRAGMA user_version = 1")
    return execute


def test_rl_8_the_first_version_is_no_damage(first_version, state_dir):
    assert first_version("inbox", "PRAGMA user_version") == [(1,)]

    assert [found.damage for found in look(state_dir).values()] == [(), ()]


def test_rl_8_both_files_are_of_this_version_afterwards(first_version, state_dir, clock):
    assert make_sound(state_dir, now=clock.now()) == ()

    for name, version in (("inbox", 2), ("record", 3)):
        assert first_version(name, "PRAGMA user_version") == [(version,)]
        assert first_version(name, "SELECT * FROM meta") == []


def test_rl_8_what_was_begun_with_the_first_version_is_taken_up(
    first_version, state_dir, open_record, make_arrival, make_attempt
):
    """Its rows have no checksum, and are believed."""
    arrival = make_arrival("run-a")
    accepted = Accepted(
        seq=1, run="run-a", event=arrival.event, belonging=arrival.belonging, at=arrival.at
    )
    running = replace(opened(accepted), state=State.RUNNING)
    for name, table, columns, row in (
        ("inbox", "accepted", ACCEPTED, arrival_row(arrival, b"digest")),
        ("record", "run", f"{RUN}, open", (*run_row(running), 1)),
        ("record", "attempt", ATTEMPT, attempt_row("run-a", make_attempt())),
    ):
        places = ", ".join("?" * len(row))
        first_version(name, f"INSERT INTO {table} ({columns}) VALUES ({places})", row)

    make_sound(state_dir, now=arrival.at)

    [(run, accepted, [attempt])] = open_record().abandoned()
    assert (run.id, run.state, attempt.state) == ("run-a", State.RUNNING, State.RUNNING)
    assert accepted.event.id == "e-1"
