"""The contract of `ports.Journal` about the events that are sent."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.states import OutgoingState, State

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
OWN = "generic-executor-service"


@pytest.fixture
def emit(record, take_up, make_outgoing):
    """Begin a run that sends the events with these ids; return the events."""

    def emit_(*ids, kind="started", **changes):
        async def story():
            run = replace(await take_up(), state=State.RUNNING)
            events = [make_outgoing(run, id_, kind, **changes) for id_ in ids]
            await record.begin(run, (), events)
            return events

        return asyncio.run(story())

    return emit_


def pending_ids(record):
    return [delivery.outgoing.id for _, delivery in record.pending(after=0, limit=99)]


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_outgoing_event_comes_back_as_it_was_written(record, emit):
    [event] = emit("o-1", hops=3, body=b'{"\xc3\xa4": 1}')

    [(_, delivery)] = record.pending(after=0, limit=9)

    assert delivery.outgoing == event
    assert (delivery.state, delivery.attempts) == (OutgoingState.PENDING, 0)


def test_events_are_pending_in_the_order_they_were_created_page_by_page(record, emit):
    emit("o-9", "o-1")
    emit("o-5")

    first = record.pending(after=0, limit=2)
    rest = record.pending(after=first[-1][0], limit=2)

    assert [d.outgoing.id for _, d in (*first, *rest)] == ["o-9", "o-1", "o-5"]


def test_a_sent_event_is_soon_pending_no_more(record, emit, reader):
    emit("o-1", "o-2", "o-3")

    record.sent(["o-1", "o-3"])

    until(lambda: pending_ids(record) == ["o-2"])
    assert reader.outgoing_counts() == {"pending": 1, "sent": 2, "dead": 0}


def test_a_sent_mark_is_written_when_the_record_is_closed(record, open_record, emit, reader):
    emit("o-1")

    record.sent(["o-1"])
    record.close()

    assert open_record().pending(after=0, limit=9) == []
    [delivery] = reader.run("last").deliveries
    assert (delivery.state, delivery.sent_at, delivery.attempts) == (OutgoingState.SENT, NOW, 1)


def test_a_failed_attempt_is_remembered_with_its_error(record, emit):
    emit("o-1")

    record.attempted("o-1", error="connection refused")
    record.attempted("o-1", error="answered 503")

    until(lambda: record.pending(after=0, limit=9)[0][1].attempts == 2)
    assert record.pending(after=0, limit=9)[0][1].last_error == "answered 503"


def test_a_buried_event_is_a_dead_letter_with_its_reason(record, emit, reader):
    emit("o-1", "o-2")

    asyncio.run(record.bury("o-1", error="answered 400"))

    assert pending_ids(record) == ["o-2"]
    [dead] = reader.dead_letters(10)
    assert (dead.outgoing.id, dead.state, dead.last_error) == ("o-1", "dead", "answered 400")
    assert reader.outgoing_counts()["dead"] == 1


def test_a_mark_on_a_dead_letter_changes_nothing(record, emit, reader):
    emit("o-1")
    asyncio.run(record.bury("o-1", error="answered 400"))

    record.sent(["o-1"])
    record.close()

    assert reader.dead_letters(10)[0].last_error == "answered 400"


def test_a_damaged_event_is_buried_and_not_sent(record, emit, reader, state_dir, caplog):
    emit("o-1", "o-2")
    with closing(sqlite3.connect(state_dir / "record.db", isolation_level=None)) as database:
        database.execute("UPDATE outgoing SET body = x'00' WHERE id = 'o-1'")

    assert pending_ids(record) == ["o-2"]

    record.close()
    assert reader.dead_letters(9)[0].last_error == "the stored event is damaged"
    assert "o-1 is damaged" in caplog.text


def test_an_event_found_damaged_when_it_is_to_be_sent_is_buried_at_once(
    record, emit, reader, state_dir, caplog
):
    emit("o-1", "o-2")
    with closing(sqlite3.connect(state_dir / "record.db", isolation_level=None)) as database:
        database.execute("UPDATE outgoing SET body = x'00' WHERE id = 'o-1'")

    asked = record.outgoing("o-1")

    record.close()
    [letter] = reader.dead_letters(9)
    assert asked is None
    assert (letter.outgoing.id, letter.last_error) == ("o-1", "the stored event is damaged")
    assert reader.outgoing_counts()["pending"] == 1
    assert "o-1 is damaged" in caplog.text


def test_a_foreign_event_has_no_hops(record, make_event):
    assert record.hops(make_event(source="somebody")) == 0


def test_our_follow_up_has_the_hops_it_was_sent_with(record, emit, make_event):
    emit("o-1", kind="follow-up", hops=5)

    assert record.hops(make_event(id="o-1", source=OWN, shkeptncontext=...)) == 5


@pytest.mark.parametrize("kind", ["started", "finished"])
def test_our_answer_coming_back_is_told_by_its_id(record, emit, make_event, kind):
    emit("o-1", kind=kind)

    assert record.hops(make_event("any.type", id="o-1", source=OWN)) is None


def test_our_answer_with_another_id_is_told_by_what_it_answers(record, emit, make_event):
    emit("o-1")  # its run answers the event e-1

    event = make_event("any.type", id="rewritten", source=OWN, triggeredid="e-1")

    assert record.hops(event) is None


@pytest.mark.parametrize("kind", ["started", "finished"])
def test_our_answer_with_another_id_is_told_by_its_type(record, make_event, kind):
    event = make_event(f"sh.keptn.event.test.{kind}", id="rewritten", source=OWN)

    assert record.hops(event) is None


def test_our_follow_up_with_another_id_has_the_hops_of_its_context(record, emit, make_event):
    emit("o-1", "o-2", kind="follow-up", context="c")
    emit("o-3", kind="started", context="c")
    emit("o-4", kind="follow-up", context="other")

    event = make_event(id="rewritten", source=OWN, shkeptncontext="c", triggeredid="unknown")

    assert record.hops(event) == 2
