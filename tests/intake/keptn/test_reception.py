"""Events that nobody waits for are written down all the same."""

import asyncio
import json

import pytest

from service.intake.keptn.subscriptions import Subscription

ALL = (Subscription(topic=">"),)


def event(**changes):
    whole = {
        "specversion": "1.0",
        "id": "1",
        "source": "shipyard-controller",
        "type": "sh.keptn.event.test.triggered",
        "data": {"project": "shop", "stage": "dev", "service": "carts"},
    }
    return json.dumps(whole | changes).encode()


def test_an_event_is_written_down_and_the_engine_is_woken(reception, inbox, called):
    asyncio.run(reception.take(event(), ALL))
    assert [(one.event.id, one.sender, one.belonging.project) for one in inbox.arrivals] == [
        ("1", "nats", "shop")
    ]
    assert called == [1]


def test_a_full_queue_is_waited_for(reception, inbox):
    inbox.refusals = 2
    asyncio.run(reception.take(event(), ALL))
    assert len(inbox.arrivals) == 1


def test_several_deliveries_of_one_event_wake_once(reception, inbox, called):
    first = event()
    data = {"project": "shop", "temporaryData": {"distributor": {"subscriptionID": "7"}}}
    asyncio.run(reception.take(first, ALL))
    asyncio.run(reception.take(event(data=data), ALL))
    assert (len(inbox.arrivals), called) == (1, [1])


def test_an_event_that_no_subscription_wants_is_left_alone(reception, inbox):
    wanted = Subscription(topic="sh.keptn.event.test.triggered", projects=("other",))
    asyncio.run(reception.take(event(), (wanted,)))
    assert inbox.arrivals == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", event(id=5), event(data={"project": "../x"}), b"\xff", b"[" * 9999],
)
def test_what_is_no_event_is_told_in_the_log_and_dropped(reception, inbox, caplog, body):
    asyncio.run(reception.take(body, ALL))
    assert inbox.arrivals == []
    assert "what came is no event for us" in caplog.text
