"""Text from scripts and programs, made fit for a chat: cleaned, cut, aligned.

`messages` and `cards` send everything through here that others wrote: it may hold escape
sequences, code fences, calls to a whole channel, or be far too long.
"""

import re
from collections.abc import Sequence

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CALLS = re.compile(r"(?<=<)(?=[!@#])|(?<=@)(?=everyone\b|here\b|channel\b|all\b)", re.IGNORECASE)
_NARROW = "\u200b"


def clean(text: str) -> str:
    """Return *text* without escape sequences, control characters and calls to a channel.

    A code fence in it no longer ends ours, and the placeholder of the bot stays as it is.
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    # A progress bar writes over its own line; the last state is what is seen.
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = _CONTROL.sub("", text.replace("```", f"`{_NARROW}`{_NARROW}`"))
    return _CALLS.sub(_NARROW, text).replace("{{BotName}}", "{{" + _NARROW + "BotName}}")


def one_line(text: str, *, longest: int = 120) -> str:
    """Return *text* cleaned, in one line, cut with an ellipsis."""
    line = " ".join(clean(text).replace("`", "'").split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def size(text: str) -> int:
    """Return how many bytes a platform counts."""
    return len(text.encode("utf-8"))


def cut(text: str, *, room: int) -> str:
    """Return the head and the tail of *text* within *room* bytes, and what is missing between.

    The tail gets twice as much: it is where things went wrong.
    """
    if size(text) <= room:
        return text
    lines = text.split("\n")
    room -= 40
    head = _take(lines, room // 3)
    tail = _take(lines[len(head) :][::-1], room - room // 3)[::-1]
    omitted = len(lines) - len(head) - len(tail)
    if not head and not tail:
        return _bytes_cut(text, room)
    note = [f"… {omitted} line{'' if omitted == 1 else 's'} omitted …"] if omitted else []
    return "\n".join([*head, *note, *tail])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows*, the first of which is the header, with aligned columns."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _take(lines: Sequence[str], room: int) -> list[str]:
    taken: list[str] = []
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        taken.append(line)
    return taken


def _bytes_cut(text: str, room: int) -> str:
    """One line fills everything."""
    raw = text.encode("utf-8")
    head, tail = raw[: max(0, room // 3)], raw[-max(1, room - room // 3) :]
    missing = len(raw) - len(head) - len(tail)
    return (
        f"{head.decode('utf-8', 'ignore')}\n… {missing} bytes omitted …\n"
        f"{tail.decode('utf-8', 'ignore')}"
    )
