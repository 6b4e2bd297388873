"""How SQLite goes about the statements: none may read through a whole table."""

import sqlite3
from contextlib import closing

import pytest

from service.journal import inbox, origins, reading, retention, standing, statements
from service.journal.joint import Insertion, Lookup
from service.journal.rows import RUN, UNSEEN
from service.journal.schema import inbox_schema, record_schema

_MODULES = (statements, inbox, reading, retention, standing)
_STATEMENTS = {
    (module.__name__, name.strip("_")): value
    for module in _MODULES
    for name, value in vars(module).items()
    if isinstance(value, str) and value.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
}
_STATEMENTS |= {
    (module.__name__, name.strip("_")): value.one
    for module in _MODULES
    for name, value in vars(module).items()
    if isinstance(value, Insertion | Lookup)
}
_STATEMENTS |= {
    ("page", "run by state"): reading.page("run", RUN, ["seq < ?"], ["state"]),
    ("page", "run by project"): reading.page("run", RUN, ["seq < ?"], ["project"]),
    ("page", "run by context"): reading.page("run", RUN, ["seq < ?"], ["context"]),
    ("page", "run"): reading.page("run", RUN, ["seq < ?"], []),
    ("origins", "who asked"): origins.ASKED.format("?, ?"),
    ("origins", "scripts"): origins.SCRIPTS.format("?, ?"),
    ("origins", "proposed"): origins.NEXT.format("?, ?"),
    ("origins", "event"): origins.EVENT,
    ("page", "accepted"): reading.page("accepted", UNSEEN, ["seq > ?", "seq < ?"], []),
}
_SMALL = {"counter"}
"""Tables of a few rows that may be read whole."""


@pytest.fixture(scope="module")
def database():
    """Both schemas in one database; their tables differ, except for the counters."""
    with closing(sqlite3.connect(":memory:")) as database:
        for step in inbox_schema().steps:
            database.executescript(step)
        for both_have_it in ("counter", "meta"):
            database.execute(f"DROP TABLE {both_have_it}")
        for step in record_schema().steps:
            database.executescript(step)
        yield database


def plan(database, statement):
    values = [0] * statement.count("?")
    rows = database.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    return [row[3] for row in rows]


def test_there_are_statements_to_look_at():
    assert len(_STATEMENTS) > 25


@pytest.mark.parametrize("name", sorted(_STATEMENTS))
def test_no_statement_reads_through_a_whole_table(database, name):
    steps = plan(database, _STATEMENTS[name])

    scans = [step for step in steps if step.startswith("SCAN") and "USING INDEX" not in step]
    assert [scan for scan in scans if scan.split()[1] not in _SMALL | {"CONSTANT"}] == []
    assert not any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("OPEN", "run_open"),
        ("PENDING", "outgoing_pending"),
        ("FOLLOWED", "outgoing_follow_up"),
        ("TRIGGERED", "accepted_identity"),
    ],
)
def test_a_statement_that_picks_few_of_many_uses_the_index_made_for_it(database, name, index):
    [step] = plan(database, getattr(statements, name))

    assert f"INDEX {index}" in step


def test_dead_letters_are_found_by_their_index(database):
    [step] = plan(database, reading.DEAD)

    assert "USING INDEX outgoing_dead" in step


def test_listing_runs_never_reads_an_output(database):
    for (module, _), statement in _STATEMENTS.items():
        if module == "page":
            assert not any("output" in step for step in plan(database, statement))
