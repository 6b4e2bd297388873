"""How the sink is judged."""

from service.delivery.condition import Condition


def fail(condition, *contexts, wish=0.0):
    return [condition.failed(context, now=0.0, why="503", wish=wish) for context in contexts]


def test_three_failures_in_a_row_turn_the_sink_once():
    condition = Condition(pause=0.5)

    assert fail(condition, "a", "b", "c", "d") == [False, False, True, False]
    assert condition.down


def test_a_success_in_between_keeps_it_up():
    condition = Condition(pause=0.5)
    fail(condition, "a", "b")

    assert condition.succeeded() is False
    assert fail(condition, "a", "b") == [False, False]


def test_the_first_success_turns_it_back():
    condition = Condition(pause=0.5)
    fail(condition, "a", "b", "c")

    assert condition.succeeded() is True
    assert (condition.down, condition.shut, condition.trouble) == (False, False, "")


def test_a_single_failing_context_does_not_shut_out_the_others():
    condition = Condition(pause=0.5)

    fail(condition, "a", "a", "a", "a")

    assert condition.down
    assert not condition.shut


def test_several_failing_contexts_shut_until_the_next_test():
    condition = Condition(pause=0.5)

    fail(condition, "a", "b", "a", wish=20.0)

    assert condition.shut
    assert condition.test_at == 20.0
