"""Order, pauses, limits and dead letters, with time in the test's hands."""

import asyncio
import logging
import tracemalloc
from datetime import timedelta
from itertools import pairwise

from service.errors import SinkRefused, SinkUnavailable


def unavailable(*events, retry_after=None):
    """An answer of the post.sender sender: these events (or contexts) fail, the others pass."""

    def answer(event):
        if event in events or event.rpartition("-")[0] in events:
            raise SinkUnavailable("503", retry_after=retry_after)

    return answer


def away(_event):
    raise SinkUnavailable("connection refused")


def alarms(caplog):
    return [record.alarm for record in caplog.records if hasattr(record, "alarm")]


def test_an_offered_event_is_sent_and_marked(post):
    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            outbox.offer(post.write())
            await post.clock.let_pass(0)
            return outbox.sent, outbox.pending

    assert asyncio.run(story()) == (1, 0)
    assert post.sender.taken == post.journal.marked == ["c-0"]


def test_pauses_double_vary_by_half_and_end_at_the_longest(post):
    post.write()
    post.sender.answer = away

    async def story():
        async with post.operating(first_pause=0.5, longest_pause=60):
            await post.clock.let_pass(600)

    asyncio.run(story())

    moments = [moment for moment, _ in post.sender.attempts]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    for n, pause in enumerate(pauses):
        assert min(60, 0.25 * 2**n) <= pause + 1e-6
        assert pause - 1e-6 <= min(60, 0.75 * 2**n)
    assert len(pauses) > 12
    assert len({round(pause / 2**n, 6) for n, pause in enumerate(pauses[:6])}) == 6


def test_the_patience_a_sink_asks_for_is_kept(post):
    post.write()
    post.sender.answer = unavailable("c", retry_after=40)

    async def story():
        async with post.operating():
            await post.clock.let_pass(39.9)
            assert len(post.sender.attempts) == 1
            await post.clock.let_pass(0.2)

    asyncio.run(story())

    assert [moment for moment, _ in post.sender.attempts] == [0, 40]


def test_a_refused_event_is_a_dead_letter_and_the_next_ones_go_on(post, caplog):
    post.write(number=3)

    def answer(event):
        if event == "c-1":
            raise SinkRefused("the sink answers 400: no")

    post.sender.answer = answer

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            return outbox.dead

    assert asyncio.run(story()) == 1
    assert post.journal.buried == {"c-1": "the sink answers 400: no"}
    assert post.journal.marked == ["c-0", "c-2"]
    assert alarms(caplog) == ["dead-letter"]


def test_an_event_is_given_up_by_its_age(post):
    born = post.clock.now() - timedelta(hours=23)
    post.write(created_at=born)
    post.sender.answer = away

    async def story():
        async with post.operating():
            await post.clock.let_pass(3500)
            assert post.journal.buried == {}
            await post.clock.let_pass(200)

    asyncio.run(story())

    assert post.journal.buried == {"c-0": "given up after 24 h: connection refused"}


def test_expired_events_are_given_up_while_the_sink_is_away_without_an_attempt_each(post):
    for n in range(500):
        post.write(f"k{n}", 2)
    post.sender.answer = away

    async def story():
        async with post.operating(give_up=100) as outbox:
            await post.clock.let_pass(260)
            return outbox.pending

    assert asyncio.run(story()) == 0
    assert len(post.journal.buried) == 1000
    assert len(post.sender.attempts) < 700


def test_without_a_sink_every_event_is_kept_as_a_dead_letter(post):
    post.write(number=2)

    async def story():
        async with post.operating(sender=None):
            await post.clock.let_pass(0)

    asyncio.run(story())

    assert post.journal.buried == {"c-0": "no sink configured", "c-1": "no sink configured"}


def test_a_context_that_waits_for_its_next_attempt_holds_no_place(post):
    post.journal.write(*post.make("stuck"), *post.make("a", 3), *post.make("b", 3))
    post.sender.answer = unavailable("stuck")

    async def story():
        async with post.operating(at_once=1):
            await post.clock.let_pass(0)

    asyncio.run(story())

    assert post.sender.taken == ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]


def test_one_event_per_context_and_so_many_contexts_are_under_way(post):
    post.journal.write(*(event for n in range(10) for event in post.make(f"k{n}", 2)))

    async def story():
        post.sender.held = asyncio.Event()
        async with post.operating(at_once=4):
            await post.clock.let_pass(0)
            first = [event for _, event in post.sender.attempts]
            post.sender.held.set()
            await post.clock.let_pass(0)
            return first

    assert asyncio.run(story()) == ["k0-0", "k1-0", "k2-0", "k3-0"]
    assert post.sender.most_under_way == 4
    assert len(post.sender.taken) == 20


def test_a_sink_that_is_away_is_tested_by_one_attempt_at_a_time(post):
    post.journal.write(*(event for n in range(300) for event in post.make(f"k{n}")))
    post.sender.answer = away

    async def story():
        async with post.operating():
            await post.clock.let_pass(20)

    asyncio.run(story())

    # 16 at the start, then one every half second.
    assert 40 <= len(post.sender.attempts) <= 60


def test_when_the_sink_is_back_nobody_waits_for_the_end_of_a_pause(post):
    post.journal.write(*(event for n in range(300) for event in post.make(f"k{n}", 2)))
    post.sender.answer = away

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(300)
            post.sender.answer = unavailable()
            await post.clock.let_pass(1)
            # From here on the clock stands still: no pause can end.
            await post.until(lambda: outbox.pending == 0)

    asyncio.run(story())

    assert len(post.sender.taken) == 600


def test_who_was_asked_for_patience_waits_also_when_the_sink_is_back(post):
    post.write("patient")
    post.write("other", 2)

    def answer(event):
        raise SinkUnavailable("503", retry_after=50 if event == "patient-0" else None)

    post.sender.answer = answer

    async def story():
        async with post.operating():
            await post.clock.let_pass(5)
            post.sender.answer = unavailable()
            await post.clock.let_pass(40)
            assert post.sender.taken == ["other-0", "other-1"]
            await post.clock.let_pass(10)

    asyncio.run(story())

    assert post.sender.taken == ["other-0", "other-1", "patient-0"]


def test_there_is_one_alarm_when_the_sink_goes_and_one_when_it_returns(post, caplog):
    caplog.set_level(logging.INFO)
    post.journal.write(*(event for n in range(20) for event in post.make(f"k{n}")))
    post.sender.answer = away

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(120)
            trouble = outbox.trouble
            post.sender.answer = unavailable()
            await post.clock.let_pass(120)
            return trouble, outbox.trouble

    assert asyncio.run(story()) == ("connection refused", "")
    assert alarms(caplog) == ["sink-down", "sink-up"]
    assert len(caplog.records) == 2


def test_a_single_stuck_context_leaves_the_way_open_for_others(post):
    post.write("stuck")
    post.sender.answer = unavailable("stuck", retry_after=200)

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(1000)
            outbox.offer(post.write("other", 3))
            await post.clock.let_pass(0)

    asyncio.run(story())

    assert post.sender.taken == ["other-0", "other-1", "other-2"]


def test_events_left_by_an_earlier_process_come_first_and_nothing_is_sent_twice(post):
    post.write(number=1200)

    async def story():
        async with post.operating() as outbox:
            await asyncio.sleep(0)
            # Written while the pages are being read, offered before and after the last page.
            early, late = post.make(number=2, first=1200)
            outbox.offer(post.journal.write(early, late)[:1])
            while outbox._loading:
                await asyncio.sleep(0)
            outbox.offer([late])
            while outbox.pending:
                await post.clock.let_pass(0)

    asyncio.run(story())

    assert [event for _, event in post.sender.attempts] == [f"c-{n}" for n in range(1202)]


def test_an_event_can_be_sent_again_by_hand_after_it_was_refused(post):
    post.write()

    def refuse(_event):
        raise SinkRefused("422")

    post.sender.answer = refuse

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(10)
            post.sender.answer = unavailable()
            outbox.offer(post.write())
            await post.clock.let_pass(0)

    asyncio.run(story())

    assert post.sender.taken == ["c-0"]


def test_a_journal_that_fails_now_and_then_loses_nothing(post):
    post.write(number=2)
    post.journal.broken = 1  # reading what is pending fails

    def answer(event):
        if event == "c-0":
            post.journal.broken = 2  # burying it fails twice
            post.sender.answer = refuse
            raise SinkRefused("422")

    def refuse(event):
        if event == "c-0":
            raise SinkRefused("422")

    post.sender.answer = answer

    async def story():
        async with post.operating():
            await post.clock.let_pass(60)

    asyncio.run(story())

    assert post.journal.buried == {"c-0": "422"}
    assert post.journal.marked == ["c-1"]


def test_a_fault_of_ours_delays_an_event_and_stops_nothing(post, caplog):
    post.journal.write(*post.make("a"), *post.make("b"))

    def answer(event):
        if event == "a-0" and len(post.sender.attempts) < 3:
            raise ZeroDivisionError

    post.sender.answer = answer

    async def story():
        async with post.operating():
            await post.clock.let_pass(60)

    asyncio.run(story())

    assert post.sender.taken == ["b-0", "a-0"]
    assert "a fault of ours" in caplog.text


def test_large_bodies_beyond_the_room_are_read_again(post):
    post.write(number=12, size=1024 * 1024)

    async def story():
        async with post.operating():
            await post.clock.let_pass(0)
            await post.clock.let_pass(0)

    asyncio.run(story())

    assert len(post.sender.taken) == 12
    assert post.journal.reads == 4


def test_an_event_that_the_journal_no_longer_has_is_left_out(post):
    post.write(number=10, size=1024 * 1024)
    post.sender.answer = away

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            del post.journal.waiting["c-8"]
            post.sender.answer = unavailable()
            await post.clock.let_pass(5)
            return outbox.pending

    assert asyncio.run(story()) == 0
    assert post.sender.taken == [f"c-{n}" for n in (*range(8), 9)]


def test_a_large_backlog_is_held_without_its_bodies(post):
    """20,000 events of 4 KiB are 80 MiB; what is held is 8 MiB of bodies, and ids."""

    class Lazy:
        def pending(self, *, after, limit):
            for event in post.make(f"k{after}", limit if after < 20_000 else 0, size=4096):
                post.journal.write(event)
            page = post.journal.__class__.pending(post.journal, after=0, limit=limit)
            post.journal.waiting.clear()
            return page

        def __getattr__(self, name):
            return getattr(post.journal, name)

    post.sender.answer = away

    async def story():
        async with post.operating(journal=Lazy()) as outbox:
            await post.clock.let_pass(0)
            while outbox._loading:
                await asyncio.sleep(0)
            return outbox.pending, tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    pending, held = asyncio.run(story())
    tracemalloc.stop()

    assert pending == 20_000
    assert held < 8 * 1024 * 1024 + 20_000 * 600


def test_the_gauges_tell_how_much_waits_and_for_how_long(post):
    born = post.clock.now() - timedelta(seconds=30)
    post.journal.write(*post.make("a", created_at=born), *post.make("b"))
    post.sender.answer = away

    async def story():
        async with post.operating() as outbox:
            assert (outbox.pending, outbox.oldest) == (0, 0.0)
            await post.clock.let_pass(12)
            return outbox.pending, outbox.oldest

    assert asyncio.run(story()) == (2, 42.0)


def test_draining_waits_for_what_is_under_way_and_marks_it(post):
    post.write(number=5)

    async def story():
        post.sender.held = asyncio.Event()
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            draining = asyncio.create_task(outbox.drain(10))
            await asyncio.sleep(0)
            assert not draining.done()
            post.sender.held.set()
            await draining
            return outbox.pending

    assert asyncio.run(story()) == 0
    assert len(post.journal.marked) == 5


def test_draining_does_not_wait_for_pauses_longer_than_its_time(post):
    post.write()
    post.sender.answer = unavailable("c", retry_after=100)

    async def story():
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            async with asyncio.timeout(1):
                await outbox.drain(50)
            return outbox.pending

    assert asyncio.run(story()) == 1


def test_draining_ends_in_time_when_the_sink_does_not_answer(post):
    post.write()

    async def story():
        post.sender.held = asyncio.Event()
        async with post.operating() as outbox:
            await post.clock.let_pass(0)
            async with asyncio.timeout(1):
                await outbox.drain(0.05)
            return outbox.pending

    assert asyncio.run(story()) == 1
    assert post.journal.waiting
