"""Messages within what platforms take, whatever texts, options and buttons they hold."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.botkube.display import clean, cut, size
from service.botkube.messages import (
    Button,
    Input,
    Message,
    Option,
    Platform,
    Section,
    Select,
    platform_of,
)
from service.botkube.rendering import render

KEYS = {
    "sections", "onlyVisibleForYou", "replaceOriginal", "header", "description", "body",
    "plaintext", "codeBlock", "style", "divider", "textFields", "key", "value", "bulletLists",
    "title", "items", "buttons", "name", "command", "url", "selects", "id", "type",
    "optionGroups", "options", "initialOption", "plaintextInputs", "text", "placeholder",
    "dispatchedAction", "context", "baseBody",
}  # fmt: skip
texts = st.text(max_size=4000) | st.sampled_from(
    ["100%", "%" * 3000, "```" * 900, "\x1b[31mred\x1b[0m", "é" * 3000, "a\n" * 3000, "<!channel>"]
)
# Commands and values are typed, not shown; they are left as they are.
typed = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<`")
short = st.text(typed, min_size=1, max_size=300)
buttons = st.builds(Button, name=texts, command=short, style=st.sampled_from(["", "danger"]))
options = st.builds(Option, name=texts, value=short)
selects = st.builds(
    Select,
    name=texts,
    command=short,
    options=st.lists(options, max_size=150).map(tuple),
    more=st.sampled_from(["", "@after:"]),
)
inputs = st.builds(Input, label=st.just("Filter"), command=short)
sections = st.builds(
    Section,
    header=texts,
    description=texts,
    text=texts,
    code=texts,
    fields=st.lists(st.tuples(st.just("key"), texts), max_size=15).map(tuple),
    bullets=st.lists(texts, max_size=5).map(tuple),
    buttons=st.lists(buttons, max_size=30).map(tuple),
    selects=st.lists(selects, max_size=3).map(tuple),
    inputs=st.lists(inputs, max_size=2).map(tuple),
    notes=st.lists(texts, max_size=3).map(tuple),
)
messages = st.builds(Message, sections=st.lists(sections, min_size=1, max_size=4).map(tuple))


def every(value, key=None):
    """Yield (key, value) of everything in a document."""
    yield key, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from every(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, key)


def written_out(document):
    """Return at least as many bytes as the host counts: every text, commands once more."""
    return sum(
        size(value) * (2 if key == "command" else 1) + 8
        for key, value in every(document)
        if isinstance(value, str) and key not in ("type", "dispatchedAction", "style", "id")
    )


@settings(max_examples=150, deadline=None)
@given(message=messages, platform=st.sampled_from(Platform))
def test_any_message_is_within_the_limits_of_its_platform(message, platform):
    document = json.loads(render(message, platform))

    assert {key for key, _ in every(document) if key} <= KEYS
    assert not [value for key, value in every(document) if key and value in ("", None, [], {})]
    if platform is Platform.TEXT:
        assert size(document.get("baseBody", {}).get("plaintext", "")) < 1900
        assert sum(size(text) for text in document.get("baseBody", {}).values()) <= 1900
        return
    assert len(document.get("sections", [])) <= 12
    for section in document.get("sections", []):
        check_section(section)


def check_section(section):
    for button in section.get("buttons", []):
        assert len(button["command"]) <= 2000
    starts = [button["command"][:235] for button in section.get("buttons", [])]
    assert len(starts) == len(set(starts)) <= 25
    assert len(section.get("textFields", [])) <= 10
    for one in section.get("selects", {}).get("items", []):
        (group,) = one["optionGroups"]
        assert len(one["command"]) <= 255
        assert 1 <= len(group["options"]) <= 100
        assert group["name"]
        for option in group["options"]:
            assert 1 <= len(option["name"]) <= 75
            assert len(option["value"]) <= 150
    for one in section.get("plaintextInputs", []):
        assert len(one["command"]) <= 255


@settings(max_examples=150, deadline=None)
@given(message=messages, platform=st.sampled_from([Platform.SLACK, Platform.INTERACTIVE]))
def test_any_message_with_buttons_stays_well_under_three_thousand_bytes(message, platform):
    assert written_out(json.loads(render(message, platform))) <= 2990


@settings(max_examples=100, deadline=None)
@given(message=messages)
def test_no_text_can_end_a_code_block_or_call_a_channel(message):
    for _, value in every(json.loads(render(message, Platform.SLACK))):
        if isinstance(value, str):
            assert "```" not in value
            assert "<!" not in value or value.startswith("{{BotName}}")
            assert "\x1b" not in value


PERCENT = Message(
    sections=(
        Section(
            header="1%",
            description="2%",
            text="3%",
            code="4%",
            fields=(("k", "5%"),),
            bullets=("6%",),
            buttons=(Button(name="7%", command="run 8%", description="9%"),),
            notes=("10%",),
        ),
    )
)


def test_percent_signs_are_doubled_for_slack_only_where_it_formats():
    (section,) = json.loads(render(PERCENT, Platform.SLACK))["sections"]

    assert section == {
        "header": "1%",
        "description": "2%%",
        "body": {"plaintext": "3%%", "codeBlock": "4%%"},
        "textFields": [{"key": "k", "value": "5%"}],
        "bulletLists": [{"items": ["6%%"]}],
        "buttons": [{"name": "7%", "command": "{{BotName}} script run 8%", "description": "9%"}],
        "context": [{"text": "10%"}],
    }


@pytest.mark.parametrize("platform", [Platform.INTERACTIVE, Platform.TEXT])
def test_percent_signs_stay_single_elsewhere(platform):
    assert b"%%" not in render(PERCENT, platform)


@pytest.mark.parametrize(
    ("interactive", "user", "platform"),
    [
        (True, "<@U012AB3CD>", Platform.SLACK),
        (True, "Ada Lovelace", Platform.INTERACTIVE),
        (True, "", Platform.INTERACTIVE),
        (False, "<@1234>", Platform.TEXT),
    ],
)
def test_slack_is_told_by_its_mentions(interactive, user, platform):
    assert platform_of(interactive=interactive, user=user) is platform


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("a\r\nb", "a\nb"),
        ("a\x00\x08b\u202ec", "abc"),
        ("```", "`\u200b`\u200b`"),
        ("<!here> @channel <@U1>", "<\u200b!here> @\u200bchannel <\u200b@U1>"),
        ("{{BotName}} run", "{{\u200bBotName}} run"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_text_of_others_is_made_harmless(written, shown):
    assert clean(written) == shown


def test_a_cut_says_how_many_lines_are_missing():
    text = "\n".join(f"line {n:02}" for n in range(50))

    assert cut(text, room=120) == (
        "line 00\nline 01\nline 02\n… 41 lines omitted …\n"
        + "\n".join(f"line {n}" for n in range(44, 50))
    )


@given(st.text(max_size=3000), st.integers(min_value=100, max_value=2000))
def test_a_cut_text_fits(text, room):
    assert size(cut(text, room=room)) <= room


def test_the_help_of_the_host_is_a_message(chat):
    assert "script run TYPE" in json.loads(chat.help())["sections"][0]["body"]["codeBlock"]


def test_once_keys_are_not_typed_by_people():
    message = Message(sections=(Section(buttons=(Button(name="R", command="rerun r --once k"),)),))

    document = json.loads(render(message, Platform.TEXT))

    assert document == {"baseBody": {"plaintext": "1. `{{BotName}} script rerun r`"}}
