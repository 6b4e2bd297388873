"""The contract of `ports.Inbox`, and what the SQLite inbox promises beyond."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from service.errors import ContentConflict, JournalUnavailable, QueueFull
from service.runs import Receipt, opened
from service.states import State


def test_an_accepted_event_is_answered_with_its_run(inbox, make_arrival):
    receipts = asyncio.run(inbox.accept([make_arrival("run-a"), make_arrival("run-b")]))

    assert receipts == [Receipt(run="run-a"), Receipt(run="run-b")]


def test_nothing_to_accept_is_no_error(inbox):
    assert asyncio.run(inbox.accept([])) == []


def test_the_same_event_again_is_a_duplicate_of_the_first_run(inbox, make_arrival):
    asyncio.run(inbox.accept([make_arrival("run-a", id="e")]))

    again = asyncio.run(inbox.accept([make_arrival("run-b", id="e")]))

    assert again == [Receipt(run="run-a", duplicate=True)]


def test_a_duplicate_is_recognised_within_one_call(inbox, make_arrival):
    receipts = asyncio.run(
        inbox.accept([make_arrival("run-a", id="e"), make_arrival("run-b", id="e")])
    )

    assert receipts == [Receipt(run="run-a"), Receipt(run="run-a", duplicate=True)]


def test_a_duplicate_is_recognised_after_a_restart(open_inbox, make_arrival):
    first = open_inbox()
    asyncio.run(first.accept([make_arrival("run-a", id="e")]))
    first.close()

    again = asyncio.run(open_inbox().accept([make_arrival("run-b", id="e")]))

    assert again == [Receipt(run="run-a", duplicate=True)]


def test_fifty_deliveries_at_once_are_one_run(inbox, make_arrival, reader):
    async def deliver():
        return await asyncio.gather(
            *(inbox.accept([make_arrival(f"run-{n}", id="e")]) for n in range(50))
        )

    receipts = [receipt for (receipt,) in asyncio.run(deliver())]

    assert len({receipt.run for receipt in receipts}) == 1
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    assert reader.open_events() == 1


def test_one_id_from_two_sources_is_two_runs(inbox, make_arrival):
    one, two = make_arrival("run-a", id="e", source="a"), make_arrival("run-b", id="e", source="b")

    receipts = asyncio.run(inbox.accept([one, two]))

    assert receipts == [Receipt(run="run-a"), Receipt(run="run-b")]


def test_other_content_under_a_known_id_is_refused_by_name(inbox, make_arrival):
    asyncio.run(inbox.accept([make_arrival(id="e", source="s")]))

    with pytest.raises(ContentConflict, match="the event 'e' of 's' was accepted before"):
        asyncio.run(inbox.accept([make_arrival(id="e", source="s", data={"project": "other"})]))


def test_a_refused_event_takes_its_whole_call_with_it(inbox, make_arrival, reader):
    asyncio.run(inbox.accept([make_arrival(id="e")]))

    with pytest.raises(ContentConflict):
        asyncio.run(inbox.accept([make_arrival(id="f"), make_arrival(id="e", data={})]))

    assert reader.open_events() == 1


def test_a_refused_call_leaves_its_neighbours_alone(inbox, make_arrival):
    async def deliver():
        return await asyncio.gather(
            inbox.accept([make_arrival("run-a", id="e")]),
            inbox.accept([make_arrival(id="e", data={})]),
            inbox.accept([make_arrival("run-c", id="g")]),
            return_exceptions=True,
        )

    first, conflict, last = asyncio.run(deliver())

    assert (first, last) == ([Receipt(run="run-a")], [Receipt(run="run-c")])
    assert isinstance(conflict, ContentConflict)


def test_more_open_events_than_the_limit_are_refused(open_inbox, make_arrival):
    inbox = open_inbox(queue_limit=2)
    asyncio.run(inbox.accept([make_arrival(), make_arrival()]))

    with pytest.raises(QueueFull):
        asyncio.run(inbox.accept([make_arrival()]))


def test_a_call_that_does_not_fit_is_refused_whole(open_inbox, make_arrival, reader):
    inbox = open_inbox(queue_limit=2)
    asyncio.run(inbox.accept([make_arrival()]))

    with pytest.raises(QueueFull):
        asyncio.run(inbox.accept([make_arrival(), make_arrival()]))

    assert reader.open_events() == 1


def test_a_duplicate_is_answered_although_the_queue_is_full(open_inbox, make_arrival):
    inbox = open_inbox(queue_limit=1)
    asyncio.run(inbox.accept([make_arrival("run-a", id="e")]))

    receipts = asyncio.run(inbox.accept([make_arrival(id="e")]))

    assert receipts == [Receipt(run="run-a", duplicate=True)]


def test_a_run_that_is_over_makes_room(open_inbox, open_record, make_arrival):
    inbox, record = open_inbox(queue_limit=1), open_record()
    asyncio.run(inbox.accept([make_arrival()]))
    run = opened(record.accepted(1))
    asyncio.run(record.ignore(replace(run, state=State.IGNORED)))

    receipts = asyncio.run(inbox.accept([make_arrival("run-b")]))

    assert receipts == [Receipt(run="run-b")]


def test_a_run_id_that_is_taken_is_refused_for_now(inbox, make_arrival):
    asyncio.run(inbox.accept([make_arrival("run-a", id="e")]))

    with pytest.raises(JournalUnavailable):
        asyncio.run(inbox.accept([make_arrival("run-a", id="f")]))

    assert asyncio.run(inbox.accept([make_arrival("run-b", id="f")])) == [Receipt(run="run-b")]


@pytest.mark.parametrize(
    "attributes",
    [
        {"data": {"project": "sockshop", "n": [1, 2.5, 1e300, None, True, "ä\U0001f600\x00"]}},
        {"data": ..., "data_base64": "eyJhIjogWzFdfQ=="},
        {"data": ..., "time": ...},
        {"time": "2026-11-21T13:59:58.123456789+02:00", "triggeredid": "t", "n": 5},
        {"specversion": "0.2", "id": ..., "time": ..., "Strange": 1},
        {"specversion": "0.2", "time": "yesterday", "data": {"eventContext": {"token": "x"}}},
    ],
)
def test_an_event_comes_back_exactly_as_it_was(inbox, record, make_arrival, attributes):
    arrival = make_arrival(**attributes)
    asyncio.run(inbox.accept([arrival]))

    accepted = record.accepted(1)

    assert accepted.event == arrival.event
    assert (accepted.belonging, accepted.at) == (arrival.belonging, arrival.at)
    assert accepted.event.digest() == arrival.event.digest()


def test_a_closed_inbox_asks_to_come_again(inbox, make_arrival):
    inbox.close()

    with pytest.raises(JournalUnavailable, match="closed"):
        asyncio.run(inbox.accept([make_arrival()]))


def test_a_new_inbox_beside_an_old_record_counts_on(
    open_inbox, record, make_arrival, state_dir, reader
):
    """Its events must not be taken for those that the lost inbox had under their numbers."""
    lost = open_inbox(queue_limit=2)
    asyncio.run(lost.accept([make_arrival("run-a"), make_arrival("run-b")]))
    asyncio.run(record.ignore(replace(opened(record.accepted(1)), state=State.IGNORED)))
    asyncio.run(record.ignore(replace(opened(record.accepted(2)), state=State.IGNORED)))
    lost.close()
    for file in state_dir.glob("inbox.db*"):
        file.unlink()

    inbox = open_inbox(queue_limit=1)
    asyncio.run(inbox.accept([make_arrival("run-c")]))

    assert reader.runs(limit=1)[0].seq == 3
    assert reader.open_events() == 1


def test_an_unsettled_commit_is_refused_and_the_next_one_accepted(open_inbox, make_arrival):
    """Disk full, as SQLite sees it: the file may not grow, then it may again."""
    inbox = open_inbox(queue_limit=10_000)
    arrival = make_arrival(data={"project": "p", "filler": "x" * 100_000})
    pages = inbox._committer._connection.execute("PRAGMA page_count").fetchone()[0]
    inbox._committer._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalUnavailable, match="full"):
        asyncio.run(inbox.accept([arrival]))
    inbox._committer._connection.execute("PRAGMA max_page_count = 1000000")

    receipts = asyncio.run(inbox.accept([replace(arrival, run="retry")]))

    assert receipts == [Receipt(run="retry")]


def test_the_files_belong_to_their_owner_alone(inbox, record, make_arrival, state_dir):
    asyncio.run(inbox.accept([make_arrival()]))

    modes = {path.name: path.stat().st_mode & 0o777 for path in state_dir.iterdir()}

    assert state_dir.stat().st_mode & 0o777 == 0o700
    assert {"inbox.db", "inbox.db-wal", "record.db"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_what_is_answered_is_durable(inbox, state_dir):
    connection = inbox._committer._connection

    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_reader_does_not_hold_up_the_inbox(inbox, make_arrival, state_dir):
    asyncio.run(inbox.accept([make_arrival()]))
    with closing(sqlite3.connect(state_dir / "inbox.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM accepted").fetchone()

        receipts = asyncio.run(inbox.accept([make_arrival("run-b")]))

    assert receipts == [Receipt(run="run-b")]
