"""Lines that match a pattern somebody typed; no pattern takes for ever.

`answering` filters logs with it, `blueprints` compares commands. The library is RE2, which
has no back references and so no pattern that hangs; it is also the dialect of Botkube's own
templates.
"""

from collections.abc import Callable

import re2

from service.errors import Mistyped

_MEMORY = 1 << 20
_LONGEST = 500


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text has a place that *pattern* matches.

    Raises `Mistyped` when RE2 cannot read the pattern.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    if len(pattern) > _LONGEST:
        raise Mistyped(f"this pattern is too long: {_LONGEST} characters at most")
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise Mistyped(
            "this pattern cannot be read (RE2, no back references or look-around): "
            f"{_reason(error)}"
        ) from error
    return lambda text: compiled.search(text) is not None


def lines_with(text: str, pattern: str) -> str:
    """Return the lines of *text* that *pattern* matches, upper or lower case alike."""
    matches = matcher(f"(?i){pattern}")
    return "\n".join(line for line in text.split("\n") if matches(line))


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
