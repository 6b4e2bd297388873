"""What a script says about how it wants to be run: `# genexec: …`.

Read by `handling` before a script starts and by `genexec check`; the grammar is part of
the script contract (docs/scripts.md).
"""

import re
from dataclasses import dataclass

from service.errors import BadScript

_DIRECTIVE = re.compile(rb"\s*#\s*genexec:(.*)", re.DOTALL)
_SLIP = re.compile(
    rb"\s*#\s*genexec(?:\s*:|:?\s+(?:timeout|repeatable|max-attempts|cold)\b)", re.IGNORECASE
)
_MAX_DIRECTIVE_LINE = 1000
_DURATION = re.compile(r"(\d{1,6})(s|m|h)?", re.ASCII)
_COUNT = re.compile(r"\d{1,3}", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}
_MAX_TIMEOUT = 24 * 3600
_MAX_ATTEMPTS = 100
_FLAGS = ("repeatable", "cold")


@dataclass(frozen=True, kw_only=True, slots=True)
class Directives:
    """What a script says about how it wants to be run."""

    timeout: float | None = None
    """Seconds."""
    repeatable: bool = False
    max_attempts: int = 1
    cold: bool = False
    """Run Python from its start, not in a fork of an interpreter that is warm."""


def read_directives(content: bytes) -> Directives:
    """Return what the comments in the first 20 lines ask for.

    Raises `BadScript` with the line number: a directive that is misspelt must not be
    mistaken for one that was never written.
    """
    asked: dict[str, float | int | bool] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(content.split(b"\n", 20)[:20], start=1):
        match = _DIRECTIVE.match(line)
        if match is None:
            if _SLIP.match(line):
                raise BadScript("a directive begins with `# genexec:`, like this", line=number)
            continue
        if len(line) > _MAX_DIRECTIVE_LINE:
            raise BadScript(f"longer than {_MAX_DIRECTIVE_LINE} bytes", line=number)
        for word in match[1].decode("utf-8", "replace").split():
            key, value = _directive(word, number)
            if key in asked:
                raise BadScript(f"the directive {key!r} stands twice", line=number)
            asked[key], lines[key] = value, number
    if "max-attempts" in asked and not asked.get("repeatable"):
        raise BadScript("'max-attempts' needs 'repeatable' beside it", line=lines["max-attempts"])
    repeatable = bool(asked.get("repeatable", False))
    return Directives(
        timeout=asked.get("timeout"),
        repeatable=repeatable,
        max_attempts=int(asked.get("max-attempts", 3 if repeatable else 1)),
        cold=bool(asked.get("cold", False)),
    )


def _directive(word: str, number: int) -> tuple[str, float | int | bool]:
    key, equals, value = word.partition("=")
    if key in _FLAGS and not equals:
        return key, True
    if key == "timeout":
        match = _DURATION.fullmatch(value)
        seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
        if not 1 <= seconds <= _MAX_TIMEOUT:
            raise BadScript(f"{word!r}: write timeout=90s, 5m or 2h, at most 24h", line=number)
        return key, float(seconds)
    if key == "max-attempts":
        if not _COUNT.fullmatch(value) or not 1 <= int(value) <= _MAX_ATTEMPTS:
            raise BadScript(f"{word!r}: write max-attempts=1 to {_MAX_ATTEMPTS}", line=number)
        return key, int(value)
    raise BadScript(
        f"unknown directive {word!r}; known: timeout=5m, repeatable, max-attempts=3, cold",
        line=number,
    )
