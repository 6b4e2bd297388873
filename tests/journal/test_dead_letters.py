"""RL-12: what was given up is sent after all, with the same id, when somebody says so."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from service.journal.dead_letters import last_dead, revive, revive_some
from service.journal.resend_orders import EVERY, ResendOrders
from service.states import OutgoingState, State


@pytest.fixture
def bury(record, take_up, make_outgoing):
    """Make dead letters with these ids; return their events."""

    async def story(ids):
        run = replace(await take_up(), state=State.RUNNING)
        events = [make_outgoing(run, id_) for id_ in ids]
        await record.begin(run, (), events)
        for event in events:
            await record.bury(event.id, error="the sink answers 400")
        return events

    return lambda *ids: asyncio.run(story(ids))


def pending(record):
    return [delivery.outgoing.id for _, delivery in record.pending(after=0, limit=99)]


def test_a_dead_letter_waits_again_as_it_was_written(record, reader, bury):
    first, second = bury("o-1", "o-2")

    revived = asyncio.run(record.maintain(partial(revive, event_id="o-2")))

    [(_, delivery)] = record.pending(after=0, limit=9)
    assert list(revived) == [second]
    assert delivery.outgoing == second
    assert (delivery.state, delivery.attempts, delivery.last_error) == (
        OutgoingState.PENDING,
        1,
        "",
    )
    assert [letter.outgoing for letter in reader.dead_letters(9)] == [first]
    assert reader.outgoing_counts() == {"pending": 1, "sent": 0, "dead": 1}


def test_it_goes_behind_what_was_created_since(record, bury, take_up, make_outgoing):
    bury("o-1", "o-2")

    async def story():
        run = replace(await take_up(), state=State.RUNNING)
        await record.begin(run, (), [make_outgoing(run, "o-3")])
        await record.maintain(partial(revive, event_id="o-1"))
        await record.begin(run, (), [make_outgoing(run, "o-4")])

    asyncio.run(story())

    assert pending(record) == ["o-3", "o-1", "o-4"]


@pytest.mark.parametrize("event_id", ["o-9", "o-1", ""])
def test_what_is_no_dead_letter_stays_as_it_is(record, take_up, make_outgoing, event_id):
    async def story():
        run = replace(await take_up(), state=State.RUNNING)
        await record.begin(run, (), [make_outgoing(run, "o-1")])
        return await record.maintain(partial(revive, event_id=event_id))

    assert list(asyncio.run(story())) == []
    assert pending(record) == ["o-1"]


def test_all_of_them_wait_again_and_none_of_those_that_come_later(record, bury):
    bury("o-1", "o-2")
    up_to = asyncio.run(record.maintain(last_dead))
    bury("o-3")

    asyncio.run(record.maintain(partial(revive_some, up_to=up_to)))

    assert pending(record) == ["o-1", "o-2"]
    assert asyncio.run(record.maintain(partial(revive_some, up_to=up_to))) == []


def test_without_dead_letters_there_is_no_last_one(record):
    assert asyncio.run(record.maintain(last_dead)) == 0


def test_what_lost_its_body_to_damage_is_not_sent(record, take_up, make_outgoing, reader):
    async def story():
        run = replace(await take_up(), state=State.RUNNING)
        await record.begin(run, (), [make_outgoing(run, "o-1", body=b"")])
        await record.bury("o-1", error="damaged")
        one = await record.maintain(partial(revive, event_id="o-1"))
        some = await record.maintain(partial(revive_some, up_to=99))
        return [*one, *some]

    assert asyncio.run(story()) == []
    assert len(reader.dead_letters(9)) == 1


def test_an_order_waits_until_it_is_carried_out(tmp_path):
    orders = ResendOrders(tmp_path)

    given = orders.leave("o-1")

    [seen] = ResendOrders(tmp_path).waiting()
    assert (seen.event, given.is_waiting()) == ("o-1", True)
    seen.carried_out()
    assert (orders.waiting(), given.is_waiting()) == ([], False)


def test_orders_are_carried_out_in_the_order_they_were_given(tmp_path):
    orders = ResendOrders(tmp_path)

    for event in ("../o-1", EVERY, "a\nb"):
        orders.leave(event)

    assert [order.event for order in orders.waiting()] == ["../o-1", "", "a\nb"]


def test_nobody_has_given_an_order_yet(tmp_path):
    assert ResendOrders(tmp_path / "missing").waiting() == []
