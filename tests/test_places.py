"""So many runs at once, so many of one project."""

import pytest

from service.places import Places


@pytest.fixture
def freed():
    return []


@pytest.fixture
def places(freed):
    return Places(2, freed=lambda: freed.append("one"))


def test_there_are_as_many_places_as_were_said(places):
    places.take("a", "shop")

    before = places.left
    places.take("b", "shop")

    assert (before, places.left) == (True, False)
    assert places.by_project == {"shop": 2}


def test_a_place_that_is_given_back_serves_another(places, freed):
    places.take("a", "shop")
    places.take("b", "shop")

    places.free("a")

    assert places.left
    assert places.by_project == {"shop": 1}
    assert freed == ["one"]


def test_a_place_is_given_back_once(places, freed):
    places.take("a", "shop")
    places.free("a")

    places.free("a")

    assert places.by_project == {}
    assert freed == ["one"]
