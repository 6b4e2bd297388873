"""The bounded memory of what was used last."""

from service.sources.recent import Recent


def test_what_was_not_used_for_longest_is_forgotten():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")

    recent.put("c", 3)

    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_heavy_values_push_out_several_light_ones():
    recent = Recent(10)
    for key in "abc":
        recent.put(key, key, weight=3)

    recent.put("d", "d", weight=7)

    assert [recent.get(key) for key in "abcd"] == [None, None, "c", "d"]


def test_what_is_heavier_than_everything_is_not_kept():
    recent = Recent(10)
    recent.put("a", 1, weight=5)

    recent.put("b", 2, weight=11)

    assert (recent.get("a"), recent.get("b"), len(recent)) == (1, None, 1)


def test_a_replaced_value_weighs_once():
    recent = Recent(10)
    for _ in range(5):
        recent.put("a", 1, weight=6)

    recent.put("b", 2, weight=4)

    assert (recent.get("a"), recent.get("b")) == (1, 2)
