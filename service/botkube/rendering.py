"""From a message to the JSON of Botkube, within what the platforms take.

`chat` calls `render` last. A platform that gets too much turns a message into a file and
drops its buttons, or drops the message, without a word to anybody; so everything is made to
fit here: long texts lose their middle, selects get an option that shows the rest.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from service.botkube.display import clean, cut, one_line, size
from service.botkube.fitting import fitted
from service.botkube.messages import Button, Input, Message, Option, Platform, Section, Select
from service.botkube.typed import PLUGIN

MENTION = "{{BotName}}"
"""Replaced by the host with the name of the bot."""
PREFIX = f"{MENTION} {PLUGIN} "
ROOM = {Platform.SLACK: 2800, Platform.INTERACTIVE: 2800, Platform.TEXT: 1850}
"""Bytes of a rendered message; the platforms change their ways at 3001, 2000 and 3990."""
MOST_ACTION_ID = 255 - 30
"""Of the command of a select or input, without room for the mention."""
_MOST_COMMAND = 2000 - 60
_MOST_FIELDS = 10
_MOST_BUTTONS = 25
_SAME = 250 - 30
"""Buttons of one row whose commands begin alike for so long are one to Slack."""
_ONCE = re.compile(r" --once \S+")


def render(message: Message, platform: Platform) -> bytes:
    """Return *message* as the JSON document for *platform*."""
    message = fitted(_tidy(message), room=ROOM[platform])
    document = _plain(message) if platform is Platform.TEXT else _blocks(message, platform)
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _tidy(message: Message) -> Message:
    """Clean every text that others may have written."""
    sections = tuple(
        Section(
            header=one_line(part.header, longest=140),
            description=clean(part.description),
            text=clean(part.text),
            code=clean(part.code).strip("\n"),
            fields=tuple(
                (key, line) for key, value in part.fields if (line := one_line(value, longest=300))
            )[:_MOST_FIELDS],
            bullets=tuple(bullet for one in part.bullets if (bullet := clean(one))),
            buttons=_distinct(part.buttons),
            selects=tuple(one for one in part.selects if one.options and _selectable(one.command)),
            form=part.form,
            inputs=tuple(one for one in part.inputs if _selectable(one.command)),
            notes=tuple(note for one in part.notes if (note := clean(one))),
            ruled=part.ruled,
        )
        for part in message.sections
    )
    return Message(sections=sections, private=message.private, replaces=message.replaces)


def _selectable(command: str) -> bool:
    return len(PREFIX + command) <= MOST_ACTION_ID


def _distinct(buttons: tuple[Button, ...]) -> tuple[Button, ...]:
    kept: dict[str, Button] = {}
    for button in buttons:
        if len(button.command) <= _MOST_COMMAND:
            kept.setdefault(button.url or button.command[:_SAME], button)
    return tuple(kept.values())[:_MOST_BUTTONS]


def _blocks(message: Message, platform: Platform) -> dict[str, Any]:
    return _set(
        sections=[made for part in message.sections if (made := _section(part, platform))],
        onlyVisibleForYou=message.private,
        replaceOriginal=message.replaces,
    )


def _section(part: Section, platform: Platform) -> dict[str, Any]:
    def formatted(text: str) -> str:
        return text.replace("%", "%%") if platform is Platform.SLACK else text

    bullets = [{"items": [formatted(bullet) for bullet in part.bullets]}]
    selects = [_select(one) for one in part.selects]
    return _set(
        header=part.header,
        description=formatted(part.description),
        body=_set(plaintext=formatted(part.text), codeBlock=formatted(part.code)),
        style={} if part.ruled else {"divider": "none"},
        textFields=[{"key": key, "value": value} for key, value in part.fields],
        bulletLists=bullets if part.bullets else [],
        buttons=[_button(one) for one in part.buttons],
        selects=_set(id=part.form, items=selects) if selects else {},
        plaintextInputs=[_input(one) for one in part.inputs],
        context=[{"text": note} for note in part.notes],
    )


def _button(one: Button) -> dict[str, Any]:
    return _set(
        name=one_line(one.name, longest=70) or "-",
        command=whole(one.command) if one.command else "",
        url=one.url,
        description=one.description,
        style=one.style,
    )


def whole(command: str) -> str:
    """Return *command* with the mention of the bot, and our name unless it names a plugin."""
    return command if command.startswith(MENTION) else PREFIX + command


def _select(one: Select) -> dict[str, Any]:
    options = [_option(option) for option in one.options]
    initial = next((option for option in options if option["value"] == one.chosen), {})
    name = one_line(one.name, longest=70) or "-"
    return _set(
        type="static",
        name=name,
        command=PREFIX + one.command,
        optionGroups=[{"name": name, "options": options}],
        initialOption=initial,
    )


def _option(option: Option) -> dict[str, str]:
    return {"name": one_line(option.name, longest=75) or "-", "value": option.value}


def _input(one: Input) -> dict[str, Any]:
    return _set(
        command=PREFIX + one.command,
        text=one.label,
        placeholder=one.placeholder,
        dispatchedAction="on_enter_pressed",
    )


def _plain(message: Message) -> dict[str, Any]:
    """For platforms without buttons: one text, and the commands to type in it."""
    codes = [part.code for part in message.sections if part.code]
    commands = [_ONCE.sub("", b.command) for part in message.sections for b in part.buttons]
    links = [f"{b.name}: {b.url}" for part in message.sections for b in part.buttons if b.url]
    lines = [line for part in message.sections for line in _lines(part)] + links
    numbered = dict.fromkeys(command for command in commands if command)
    lines += [f"{n}. `{whole(command)}`" for n, command in enumerate(numbered, start=1)]
    text, code = "\n".join(lines), "\n\n".join(codes)
    room = ROOM[Platform.TEXT] - size(text)
    return _set(baseBody=_set(plaintext=text, codeBlock=cut(code, room=max(room, 300))))


def _lines(part: Section) -> list[str]:
    lines = [f"**{part.header}**"] if part.header else []
    lines += [f"{key}: {value}" for key, value in part.fields]
    lines += [text for text in (part.description, part.text) if text]
    return [*lines, *(f"• {bullet}" for bullet in part.bullets), *part.notes]


def _set(**keys: Any) -> dict[str, Any]:  # noqa: ANN401  # what JSON can hold
    """Leave out what is empty."""
    members: Mapping[str, Any] = keys
    return {key: value for key, value in members.items() if value not in ("", None, [], {}, False)}
