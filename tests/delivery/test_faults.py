"""All the way to a real sink that misbehaves: RL-9 to RL-15, R5 and R6."""

import asyncio
import time
from collections import defaultdict

import pytest


def by_context(events):
    """Return the events of each context in the order in which they first came."""
    order = defaultdict(list)
    for event in dict.fromkeys(events):
        order[event.rpartition("-")[0]].append(event)
    return order


@pytest.mark.promise("R5")
@pytest.mark.promise("R6")
def test_a_sink_that_was_away_gets_everything_in_order(in_delivery, journal):
    """RL-9."""

    async def story():
        async with in_delivery() as way:
            await way.sink.stop()
            for n in range(20):
                for context in "abcde":
                    way.offer(context, first=n)
                await asyncio.sleep(0.01)
            await way.sink.start()
            await way.until(lambda: way.outbox.pending == 0)
            return way.sink.taken

    taken = by_context(asyncio.run(story()))

    assert taken == {c: [f"{c}-{n}" for n in range(20)] for c in "abcde"}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429, 401, 403, 404, 301, 307, 308])
def test_an_answer_that_may_change_is_waited_for(in_delivery, journal, reply, status):
    """RL-10 and RL-13."""

    async def story():
        async with in_delivery() as way:
            way.sink.answer = lambda _: reply(status if len(way.sink.received) < 4 else 200)
            way.offer(number=2)
            await way.until(lambda: way.outbox.sent == 2)
            return way.received

    assert asyncio.run(story()) == ["c-0", "c-0", "c-0", "c-0", "c-1"]
    assert len(journal.errors["c-0"]) == 3
    assert f"answers {status}" in journal.errors["c-0"][0]


def test_the_moment_the_sink_names_is_kept(in_delivery, reply):
    """RL-10, `Retry-After` as seconds and as a date."""
    wishes = {
        "a": {"Retry-After": "1"},
        "b": {
            "Retry-After": "Sat, 21 Nov 2026 12:00:01 GMT",
            "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
        },
    }
    moments = {"a": [], "b": []}

    async def story():
        async with in_delivery() as way:

            def answer(request):
                moments[request.context].append(time.monotonic())
                first = len(moments[request.context]) == 1
                return reply(503, wishes[request.context]) if first else reply()

            way.sink.answer = answer
            way.offer("a")
            way.offer("b")
            await way.until(lambda: way.outbox.sent == 2)

    asyncio.run(story())

    assert [second - first >= 1 for first, second in moments.values()] == [True, True]


@pytest.mark.promise("R5")
def test_a_silent_sink_holds_up_one_context_only(in_delivery, journal, reply):
    """RL-11."""

    async def story():
        async with in_delivery(attempt_timeout=0.5) as way:
            way.sink.answer = lambda request: reply(silent=request.context == "stuck")
            way.offer("stuck", 2)
            way.offer("other", 20)
            await way.until(lambda: way.outbox.sent == 20, seconds=0.45)
            await way.until(lambda: "stuck-0" in journal.errors)
            return {request.event for request in way.sink.received if request.context == "stuck"}

    assert asyncio.run(story()) == {"stuck-0"}


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_event_becomes_a_dead_letter(in_delivery, journal, reply, status):
    """RL-12."""

    async def story():
        async with in_delivery() as way:
            way.sink.answer = lambda request: reply(status if request.event == "c-0" else 202)
            way.offer(number=3)
            await way.until(lambda: way.outbox.pending == 0)
            return way.received

    assert asyncio.run(story()) == ["c-0", "c-1", "c-2"]
    assert f"answers {status}" in journal.buried["c-0"]


def test_a_lost_answer_means_the_same_id_again(in_delivery, journal, reply):
    """RL-14."""

    async def story():
        async with in_delivery() as way:
            way.sink.answer = lambda _: reply(cut=len(way.sink.received) == 1)
            way.offer(number=2)
            await way.until(lambda: way.outbox.pending == 0)
            return way.received

    assert asyncio.run(story()) == ["c-0", "c-0", "c-1"]


def test_what_an_earlier_process_left_is_delivered_in_order(in_delivery, post):
    """RL-15 for 1,000 undelivered events."""
    for n in range(20):
        for context in range(50):
            post.write(f"k{context}", first=n)

    async def story():
        async with in_delivery() as way:
            await way.until(lambda: way.outbox.pending == 0)
            return way.sink.taken

    taken = by_context(asyncio.run(story()))

    assert taken == {f"k{c}": [f"k{c}-{n}" for n in range(20)] for c in range(50)}


@pytest.mark.promise("R5")
def test_one_stuck_context_among_fifty_delays_no_other(in_delivery, journal, reply):
    """R5."""

    async def story():
        async with in_delivery(attempt_timeout=0.5) as way:
            way.sink.answer = lambda request: reply(silent=request.context == "k7")
            for n in range(4):
                for k in range(50):
                    way.offer(f"k{k}", first=n)
            await way.until(lambda: way.outbox.sent == 49 * 4, seconds=0.5)
            return way.sink.taken

    taken = by_context(asyncio.run(story()))

    assert taken == {f"k{c}": [f"k{c}-{n}" for n in range(4)] for c in range(50) if c != 7}


@pytest.mark.promise("R6")
def test_a_backlog_drains_fast_and_each_event_arrives_once(in_delivery, post):
    """R6: at least 50 events per second are promised."""
    for k in range(1000):
        post.write(f"k{k}", 2)

    async def story():
        async with in_delivery() as way:
            started = time.monotonic()
            await way.until(lambda: way.outbox.pending == 0, seconds=20)
            took = time.monotonic() - started
            await way.outbox.drain(1)
            return way.sink, took

    sink, took = asyncio.run(story())

    assert took < 10
    assert len(sink.received) == len(set(sink.taken)) == 2000
    assert sink.connections <= 16
    assert not post.journal.waiting
