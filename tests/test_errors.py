"""The tree of errors: complete, drawn, fit to be shown, and answered."""

import ast
import re
from pathlib import Path

import pytest

import service
from service import errors
from service.errors import BadScript, GenexecError, NeverAgain, SinkUnavailable, TryAgainLater
from service.http_binding import code_of, status_of

PACKAGE = Path(service.__file__).parent
ROOTS = (GenexecError, TryAgainLater, NeverAgain)
DRAWN = dict(re.findall(r"[├└]── (\w+) *(.*)", errors.__doc__))


def below(kind):
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]


ALL = sorted(set(below(GenexecError)), key=lambda kind: kind.__name__)
KINDS = [kind for kind in ALL if kind not in ROOTS]


def raised_in(*names):
    """Return the errors that the modules of these names raise, by looking at their text."""
    files = [
        path
        for name in names
        for path in (PACKAGE / f"{name}.py", *PACKAGE.glob(f"{name}/**/*.py"))
    ]
    tree = [
        node for path in files if path.exists() for node in ast.walk(ast.parse(path.read_text()))
    ]
    raised = [node.exc for node in tree if isinstance(node, ast.Raise)]
    words = {
        word.id for node in raised if node for word in ast.walk(node) if isinstance(word, ast.Name)
    }
    return sorted(kind.__name__ for kind in ALL if kind.__name__ in words)


@pytest.mark.parametrize("kind", ALL)
def test_every_error_lives_in_the_one_file(kind):
    assert kind.__module__ == "service.errors"


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_sentence_fit_to_show(kind):
    sentence = str(kind())

    assert sentence == kind.__doc__.strip()
    assert re.fullmatch(r"[A-Z][^\n`]+\.", sentence)


@pytest.mark.parametrize("kind", ALL)
def test_a_sentence_of_its_own_wins(kind):
    assert str(kind("the reason")) == "the reason"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_either_again_later_or_never_again(kind):
    assert issubclass(kind, TryAgainLater) != issubclass(kind, NeverAgain)


def test_every_error_is_drawn_and_nothing_else():
    assert sorted(DRAWN) == sorted(kind.__name__ for kind in ALL if kind is not GenexecError)


def test_every_error_is_drawn_below_its_parent():
    depth = {name: line.index(name) for line in errors.__doc__.splitlines() for name in DRAWN
             if re.search(rf"── {name}\b", line)}  # fmt: skip
    drawn = {}
    for name in DRAWN:
        above = [
            other for other in list(DRAWN)[: list(DRAWN).index(name)] if depth[other] < depth[name]
        ]
        drawn[name] = above[-1] if above else "GenexecError"

    assert drawn == {
        kind.__name__: kind.__base__.__name__ for kind in ALL if kind is not GenexecError
    }


@pytest.mark.parametrize(("name", "words"), DRAWN.items())
def test_the_status_in_the_drawing_is_the_one_answered(name, words):
    if words[:3].isdecimal():
        assert status_of(getattr(errors, name)()) == int(words[:3])


def test_no_status_is_missing_in_the_drawing():
    """`SourceUnavailable` is answered only to a person who asks for a look-up."""
    answered = {kind.__name__ for kind in KINDS if status_of(kind()) != 500}

    assert answered - {name for name, words in DRAWN.items() if words[:3].isdecimal()} == {
        "SourceUnavailable"
    }


@pytest.mark.parametrize(
    "name",
    sorted(
        {"BadEvent", "InvalidName", "EventTooLarge", "UnsupportedMediaType", "ContentConflict"}
        | {"QueueFull", "Draining", "JournalUnavailable"}
        | set(raised_in("intake", "http_binding", "event", "strict_json", "keptn_events"))
        - {"KeptnUnavailable", "KeptnRefused"}  # where no request waits for an answer
    ),
)
def test_every_error_that_intake_can_raise_has_a_status(name):
    assert 400 <= status_of(getattr(errors, name)()) <= 503
    assert status_of(getattr(errors, name)()) != 500


def test_senders_come_again_only_when_that_may_help():
    """A damaged journal is salvaged by the next start: no good to us, but to the sender."""
    for kind in KINDS:
        if status_of(kind()) in (429, 503):
            assert issubclass(kind, TryAgainLater | errors.JournalUnreadable)
        elif status_of(kind()) < 500:
            assert issubclass(kind, NeverAgain)


def test_every_error_has_a_short_name_of_its_own():
    codes = [code_of(kind()) for kind in ALL]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_a_bad_script_names_its_line():
    error = BadScript("unknown directive", line=3)

    assert (str(error), error.line) == ("line 3: unknown directive", 3)


def test_an_unavailable_sink_may_say_when_to_come_back():
    assert SinkUnavailable("HTTP 503", retry_after=7.5).retry_after == 7.5
