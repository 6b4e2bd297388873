"""Events from a real NATS server."""

import asyncio
import json

import nats
import pytest

from service.intake.keptn.nats import NatsEvents
from service.intake.keptn.subscriptions import Subscription
from service.nats_server import NatsServer as Address

TEST = "sh.keptn.event.test.triggered"
PATIENCE = 15.0


def event(id_, type_=TEST, project="shop"):
    data = {"project": project, "stage": "dev", "service": "carts"}
    whole = {"specversion": "1.0", "id": id_, "source": "s", "type": type_, "data": data}
    return json.dumps(whole).encode()


async def until(true, what="it did not come true"):
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.02)
    assert true(), what


def listening(server, reception, *topics, group="g", **filters):
    subscriptions = [Subscription(topic=topic, **filters) for topic in topics]
    return NatsEvents(
        Address(url=server.url), group=group, reception=reception, subscriptions=subscriptions
    )


def with_events(story, *several):
    """Run *story* while these listen."""

    async def told():
        loops = [asyncio.create_task(one.run()) for one in several]
        for one in several:
            await until(lambda one=one: one._listening or not one._wanted)
        try:
            await story()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            for one in several:
                await one.close()

    asyncio.run(told())


async def publish(server, *events):
    async with await nats.connect(server.url) as client:
        for body in events:
            await client.publish(json.loads(body)["type"], body)


def ids(inbox):
    return sorted(arrival.event.id for arrival in inbox.arrivals)


def test_events_of_the_topic_come_and_others_do_not(nats_server, reception, inbox):
    async def story():
        await publish(nats_server, event("other", "sh.keptn.event.test.started"), event("1"))
        await until(lambda: "1" in ids(inbox))

    with_events(story, listening(nats_server, reception, TEST))
    assert ids(inbox) == ["1"]


def test_filters_leave_other_projects_alone(nats_server, reception, inbox):
    async def story():
        await publish(nats_server, event("theirs", project="other"), event("ours"))
        await until(lambda: "ours" in ids(inbox))

    with_events(story, listening(nats_server, reception, "sh.keptn.>", projects=("shop",)))
    assert ids(inbox) == ["ours"]


def test_replicas_share_the_events(nats_server, reception, inbox):
    async def story():
        await publish(nats_server, *(event(str(number)) for number in range(40)))
        await until(lambda: len(inbox.arrivals) == 40)

    taken = []
    inbox.accept, accept = (
        (lambda arrivals: taken.extend(arrivals) or accept(arrivals)),
        inbox.accept,
    )
    with_events(story, *(listening(nats_server, reception, TEST) for _ in range(2)))
    assert len(taken) == 40, "no event came to both"


def test_a_changed_subscription_takes_effect(nats_server, reception, inbox):
    events = listening(nats_server, reception, TEST)
    other = "sh.keptn.event.deployment.triggered"

    async def story():
        events.subscribe([Subscription(topic=other)])
        await until(lambda: set(events._listening) == {other})
        await publish(nats_server, event("old"), event("new", other))
        await until(lambda: "new" in ids(inbox))

    with_events(story, events)
    assert ids(inbox) == ["new"]


def test_a_server_that_comes_later_and_goes_in_between_is_found_again(
    nats_server, reception, inbox
):
    nats_server.down()
    events = listening(nats_server, reception, TEST)

    async def story():
        loop = asyncio.create_task(events.run())
        await until(lambda: "cannot connect" in events.trouble)
        nats_server.up()
        await until(lambda: not events.trouble and events._listening)
        nats_server.down()
        await until(lambda: events.trouble)
        nats_server.up()
        await until(lambda: not events.trouble)
        async with asyncio.timeout(PATIENCE):
            while not inbox.arrivals:  # what is published while nobody listens is lost
                await publish(nats_server, event("after"))
                await asyncio.sleep(0.05)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await events.close()

    asyncio.run(story())
    assert ids(inbox) == ["after"]


def test_what_has_come_is_written_down_before_the_end(nats_server, reception, inbox):
    inbox.refusals = 1

    async def story():
        await publish(nats_server, event("1"))
        await until(lambda: inbox.refusals == 0, "it was refused once")

    with_events(story, listening(nats_server, reception, TEST))
    assert ids(inbox) == ["1"]


def test_what_is_no_event_does_no_harm(nats_server, reception, inbox, caplog):
    async def story():
        async with await nats.connect(nats_server.url) as client:
            await client.publish(TEST, b"\xff\x00")
        await publish(nats_server, event("1"))
        await until(lambda: inbox.arrivals)

    with_events(story, listening(nats_server, reception, TEST))
    assert ids(inbox) == ["1"]


def test_certificates_that_cannot_be_read_are_told_like_a_server_that_is_away(reception, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("none")
    server = Address(url="nats://127.0.0.1:9", ca_file=file)
    events = NatsEvents(server, group="g", reception=reception, subscriptions=())

    async def story():
        loop = asyncio.create_task(events.run())
        await until(lambda: "cannot connect" in events.trouble or loop.done())
        assert not loop.done()
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)

    asyncio.run(story())


@pytest.mark.parametrize("secret", ["geheim"])
def test_a_password_in_the_address_is_never_shown(nats_server, reception, caplog, secret):
    nats_server.down()
    url = f"nats://user:{secret}@127.0.0.1:{nats_server.port}"
    events = NatsEvents(Address(url=url), group="g", reception=reception, subscriptions=())

    async def story():
        loop = asyncio.create_task(events.run())
        await until(lambda: "cannot connect" in events.trouble)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await events.close()

    asyncio.run(story())
    nats_server.up()
    assert secret not in events.trouble + caplog.text
