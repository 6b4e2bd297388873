"""What Botkube shows: its message document, typed.

`cards` makes messages, `rendering` turns them into the JSON of one kind of platform. Texts in
here are as people should read them; what a platform would take for something else is dealt
with there. Commands are written without the mention of the bot and the name of the plugin.
"""

import re
from dataclasses import dataclass
from enum import Enum

_MENTION = re.compile(r"<@[^<>@]+>")


class Platform(Enum):
    """What a message is shown on; the host does not say it, the request tells it apart."""

    SLACK = "slack"
    """Buttons and selects; some texts pass through a formatter that takes `%` for its own."""
    INTERACTIVE = "interactive"
    """Buttons and selects elsewhere (Teams)."""
    TEXT = "text"
    """Discord, Mattermost, automation: commands are typed."""


def platform_of(*, interactive: bool, user: str) -> Platform:
    """Return the kind of platform a request came from."""
    if not interactive:
        return Platform.TEXT
    return Platform.SLACK if _MENTION.fullmatch(user) else Platform.INTERACTIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """Types a command for whoever clicks it, or opens an address."""

    name: str
    command: str = ""
    url: str = ""
    description: str = ""
    style: str = ""
    """Empty, `primary` or `danger`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One choice; its value is put behind the command of its select."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Select:
    """A choice that types a command at once: *command*, a blank, the value."""

    name: str
    command: str
    options: tuple[Option, ...]
    chosen: str = ""
    """The value that is shown as chosen; nothing when it is not among the options."""
    more: str = ""
    """Put before the last value that found room, the value of an option that shows the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A text field; Enter types *command* followed by the text in double quotes."""

    label: str
    command: str
    """Ends with the blank or `=` that separates the text from it."""
    placeholder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of a message."""

    header: str = ""
    description: str = ""
    text: str = ""
    code: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    bullets: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    selects: tuple[Select, ...] = ()
    form: str = ""
    """The id under which Slack keeps what was chosen; the same in every update of a form."""
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = ()
    """Small print."""
    ruled: bool = True
    """Whether a line stands above it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An answer."""

    sections: tuple[Section, ...]
    private: bool = False
    """Shown to whoever asked only, where the platform can do that."""
    replaces: bool = False
    """Takes the place of the message that was clicked."""
