"""Patterns of types and projects: what a sender may send."""

import pytest

from service.intake.senders import ANYBODY, Sender, project_patterns, type_patterns


def sender(**limits):
    return Sender(name="ci", scopes=frozenset(), **limits)


@pytest.mark.parametrize(
    ("pattern", "type_", "expected"),
    [
        ("com.example.push", "com.example.push", True),
        ("com.example.push", "comXexample.push", False),
        ("com.example.push", "com.example.push.more", False),
        ("com.*.push", "com.example.push", True),
        ("com.*.push", "com.example.deep.push", False),
        ("com.*.push", "com..push", False),
        ("*", "push", True),
        ("*", "com.push", False),
        ("com.example.order-*", "com.example.order-made", True),
        ("com.example.order-*", "com.example.order-made.late", False),
        ("com.example.**", "com.example.a.b", True),
        ("com.example.>", "com.example.a", True),
        ("com.example.**", "com.example", False),
        ("com.example.**", "com.example.", False),
        ("com.example.**", "com.example.a\nb", True),
        ("**", "anything.at.all", True),
        (">", "anything", True),
        ("a+b.(c)", "a+b.(c)", True),
    ],
)
def test_a_star_is_one_part_and_two_are_the_rest(pattern, type_, expected):
    assert sender(types=type_patterns([pattern])).may_send(type_) is expected


@pytest.mark.parametrize("pattern", ["a.**.b", "a.>.b", "a**", "", "a..b", ".a", "a.", "a.***"])
def test_a_pattern_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(ValueError, match="pattern"):
        type_patterns([pattern])


@pytest.mark.parametrize(
    ("pattern", "project", "expected"),
    [
        ("sockshop", "sockshop", True),
        ("sockshop", "sockshop2", False),
        ("team-a-*", "team-a-web.v2", True),
        ("team-a-*", "team-b", False),
        ("team-a-*", "", False),
        ("*", "", True),
    ],
)
def test_in_a_project_a_star_is_any_text(pattern, project, expected):
    assert sender(projects=project_patterns([pattern])).may_touch(project) is expected


def test_one_of_several_patterns_is_enough():
    both = sender(types=type_patterns(["a.b", "c.*"]), projects=project_patterns(["x", "y"]))

    assert both.may_send("c.d")
    assert not both.may_send("a.bc.d")
    assert both.may_touch("y")
    assert not both.everywhere


def test_without_limits_everything_is_allowed():
    assert ANYBODY.may_send("any.type")
    assert ANYBODY.may_touch("")
    assert ANYBODY.everywhere
    assert type_patterns(["a", "**"]) is None
