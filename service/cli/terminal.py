"""Text from strangers on a terminal: nothing in it changes the screen."""

import re
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Return *text* with control characters written visibly; tabs and line ends stay."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def moment(time: datetime | None) -> str:
    """Return a time as people read it, in UTC; a dash when there is none."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else "-"
