"""Whatever is typed, a person gets something to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.botkube.commands import nearest, understand
from service.botkube.typed import words_of
from service.errors import Mistyped
from service.keptn_events import Belonging


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("script run test", ("run", "test")),
        ("script   run\n test ", ("run", "test")),
        ("script run a='b c'", ("run", "a=b c")),
        ('script run "a=b \\" c"', ("run", 'a=b " c')),
        ("script run a=don''t stop", ("run", "a=don't", "stop")),
        ("script run a=''", ("run", "a=")),
        ("script run 'a;b|c&d<e>f'", ("run", "a;b|c&d<e>f")),
        ("script run a\\;b", ("run", "a;b")),
        ("script run $(id) `id` *", ("run", "$(id)", "`id`", "*")),
        ("script", ()),
        ("run test", ("run", "test")),
        ("", ()),
    ],
)
def test_words_are_told_apart_as_a_shell_would_but_nothing_is_expanded(typed, words):
    assert words_of(typed, from_slack=False) == words


@pytest.mark.parametrize("operator", [";", "|", "&", "<", ">"])
def test_an_operator_outside_of_quotes_is_refused_by_name(operator):
    with pytest.raises(Mistyped, match=rf"so \{operator} cannot be used"):
        words_of(f"script run a {operator} b", from_slack=False)


def test_entities_of_slack_are_read_as_what_was_typed():
    assert words_of("script run 'a=&lt;b&gt; &amp;amp;'", from_slack=True) == ("run", "a=<b> &amp;")


def test_entities_are_left_alone_elsewhere():
    assert words_of("script run 'a=&lt;'", from_slack=False) == ("run", "a=&lt;")


def test_an_entity_hides_no_operator():
    with pytest.raises(Mistyped, match="&"):
        words_of("script run a &amp;&amp; b", from_slack=True)


@pytest.mark.parametrize("typed", ["script run 'a", 'script run "a', "script run a\\"])
def test_a_quote_that_does_not_end_is_named(typed):
    with pytest.raises(Mistyped, match="does not end"):
        words_of(typed, from_slack=False)


def test_a_megabyte_is_refused_at_once(type_in, words):
    assert "too long: 1000011 characters" in words(type_in("script run " + "x" * 1_000_000))


@pytest.mark.parametrize(
    "typed",
    [
        "script run ../../etc/passwd",
        "script run test.triggered ../..",
        "script run test.triggered a/b/c/d",
        "script logs '../x'",
        "script logs r-1 --tail -1",
        "script logs r-1 --tail x",
        "script logs r-1 --grep",
        "script logs r-1 --colour red",
        "script show 'a b'",
        "script action 'a/b'",
        "script rerun r-1 r-2",
        "script run \u202eevil",
        "script run \ud800",
        "script ask run",
        "script ask cmd x y",
        "script cmd --page x -- ls",
        "script cmd --",
        "script @everyone",
        "script run test.triggered \x00 \x1b[31m",
        "script help nothing",
        "script list 'a b'",
        "\u2028script",
    ],
)
@pytest.mark.parametrize("platform", ["slack", "text"])
def test_hostile_texts_get_an_answer_that_can_be_read(type_in, words, desk, platform, typed):
    said = words(type_in(typed, platform=platform))

    assert said
    assert "wrong in the plugin" not in said
    assert not set(said) & {"\x1b", "\x00", "\u202e"}


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused_with_a_sentence(text):
    try:
        understood = understand(words_of(f"script {text}", from_slack=True), Belonging()).verb
    except Mistyped as error:
        understood = str(error)

    assert understood


def test_a_command_that_is_nearly_right_is_offered(type_in, commands):
    assert commands(type_in("script lgs r-1")) == {"logs r-1": "script logs r-1"}


def test_a_script_that_is_nearly_right_is_offered(type_in, commands):
    message = type_in("script show test.trigered.sh")

    assert commands(message) == {
        "show test.triggered.sh shop/dev/carts": "script show test.triggered.sh shop/dev/carts"
    }


def test_a_run_that_is_not_known_leads_to_the_latest(type_in, commands):
    assert commands(type_in("script logs zzz")) == {"status r-1": "script status r-1"}


def test_a_place_without_scripts_leads_to_others(type_in, commands):
    assert commands(type_in("script list shopp/dev")) == {
        "list shop/dev/carts": "script list shop/dev/carts"
    }


def test_names_inside_of_names_are_near():
    assert nearest("test", ["deploy.triggered", "test.triggered"]) == ["test.triggered"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("script run", "script run test.triggered shop/dev/carts"),
        ("script action", "script action restart shop/dev/carts"),
        ("script show", "script show test.triggered.sh shop/dev/carts"),
        ("script explain action", "script explain action restart shop/dev/carts"),
        ("script logs", "script logs r-1"),
        ("script cancel", "script status r-1"),
    ],
)
def test_what_is_missing_is_given_as_the_command_to_type(type_in, typed, offered):
    text = type_in(typed, platform="text")["baseBody"]["plaintext"]

    assert f"1. `{{{{BotName}}}} {offered}`" in text
