"""The order of waiting events."""

import pytest

from service.delivery.lines import Lines


def filled(*events, room=1000):
    lines = Lines(room=room)
    for expires, event in enumerate(events, start=1):
        lines.add(event[0], event, expires=float(expires), body=event.encode())
    return lines


def test_events_of_one_context_leave_in_order():
    lines = filled("a1", "a2", "a3")
    order = []

    while lines.ready:
        line = lines.take()
        order.append(line.head.id)
        if lines.advance(line):
            lines.release(line)

    assert order == ["a1", "a2", "a3"]
    assert len(lines) == 0


def test_contexts_take_turns():
    lines = filled("a1", "a2", "b1")

    first = lines.take()
    lines.advance(first)
    lines.release(first)

    assert lines.take().head.id == "b1"


def test_a_taken_line_cannot_be_taken_again_even_when_events_join_it():
    lines = filled("a1")
    lines.take()

    lines.add("a", "a2", expires=9.0, body=b"")

    assert lines.ready == 0
    with pytest.raises(IndexError):
        lines.take()


def test_an_event_that_joined_a_taken_line_is_next():
    lines = filled("a1")
    line = lines.take()
    lines.add("a", "a2", expires=9.0, body=b"")

    assert lines.advance(line)
    assert line.head.id == "a2"


def test_a_resting_line_is_ready_when_its_time_has_come():
    lines = filled("a1")
    lines.rest(lines.take(), until=5.0)

    lines.rise(4.9)
    assert (lines.ready, lines.next_due) == (0, 5.0)

    lines.rise(5.0)
    assert (lines.ready, lines.next_due) == (1, float("inf"))


def test_all_resting_lines_rise_at_once_except_those_that_were_asked_to_wait():
    lines = filled("a1", "b1", "c1")
    for due in (30.0, 20.0, 10.0):
        line = lines.take()
        line.not_before = due if line.context == "b" else 0.0
        lines.rest(line, until=due)

    lines.rouse(1.0)

    assert [lines.take().context for _ in range(lines.ready)] == ["c", "a"]
    assert lines.next_due == 20.0


def test_a_new_first_event_starts_without_the_failures_of_the_one_before():
    lines = filled("a1", "a2")
    line = lines.take()
    line.failures, line.not_before = 5, 99.0

    lines.advance(line)

    assert (line.failures, line.not_before) == (0, 0.0)


def test_only_ready_lines_with_an_expired_first_event_are_taken_as_expired():
    lines = filled("a1", "b1", "c1")

    expired = lines.take_expired(2.0)

    assert [line.context for line in expired] == ["a", "b"]
    assert lines.take().context == "c"


def test_bodies_are_held_while_there_is_room_and_room_comes_back():
    lines = filled("a1", "b1", "c1", room=4)
    held = [lines.take() for _ in range(3)]
    assert [line.head.body for line in held] == [b"a1", b"b1", None]

    lines.advance(held[0])
    lines.add("d", "d1", expires=1.0, body=b"d1")

    assert lines.take().head.body == b"d1"


def test_the_earliest_expiry_is_that_of_the_oldest_first_event():
    assert filled("a1", "b1", "a2").first_expiry == 1.0
    assert Lines(room=0).first_expiry == float("inf")
