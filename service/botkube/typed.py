"""What somebody typed, taken apart into words; never a shell.

`commands` understands the words. The host has turned curly quotes into straight ones, doubled
an odd apostrophe and cut out its own flags, which leaves blanks behind; Slack has turned
`&`, `<` and `>` into entities.
"""

import re
import shlex

from service.errors import Mistyped

PLUGIN = "script"
"""The name of the plugin, with which every command begins."""
LONGEST = 10_000
"""Characters of a command."""
_OPERATORS = re.compile(r"[;|&<>]")
_NOT_BARE = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*+\"""", re.DOTALL)
_APOSTROPHE = re.compile(r"(?<=\w)''(?=\w)")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def words_of(command: str, *, from_slack: bool) -> tuple[str, ...]:
    """Return the words after the name of the plugin, quotes removed.

    Raises `Mistyped` for shell operators outside of quotes, for quotes that do not end and
    for more than 10,000 characters.
    """
    if len(command) > LONGEST:
        raise Mistyped(f"this command is too long: {len(command)} characters, {LONGEST} at most")
    if from_slack:
        for entity, character in _ENTITIES:
            command = command.replace(entity, character)
    text = _APOSTROPHE.sub(r"\'", command.replace("\0", ""))
    found = _OPERATORS.search(_NOT_BARE.sub("", text))
    if found:
        raise Mistyped(
            f"no shell reads this command, so {found[0]} cannot be used; put it into single "
            "quotes if it is meant as it stands"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Mistyped("a quote in this command does not end; close it or leave it out") from error
    return tuple(words[1:] if words[:1] == [PLUGIN] else words)


def quoted(words: tuple[str, ...]) -> str:
    """Return *words* as they would be typed."""
    return shlex.join(words)
