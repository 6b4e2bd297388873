"""Durations are counted in places that the bounds make."""

from service.figures import Durations


def test_a_duration_counts_up_to_its_bound_and_what_is_longer_in_the_last_place():
    durations = Durations((0.1, 1.0))

    for seconds in (0.05, 0.1, 0.5, 2.0):
        durations.add(seconds)

    figures = durations.distribution()
    assert figures.bounds == (0.1, 1.0)
    assert figures.counts == (2, 1, 1)
    assert figures.total == 2.65


def test_what_was_handed_out_does_not_change_any_more():
    durations = Durations((1.0,))
    before = durations.distribution()

    durations.add(0.5)

    assert before.counts == (0, 0)
