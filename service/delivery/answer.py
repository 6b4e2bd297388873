"""What the answer of an event sink means: done, again later, or never again.

`sink` asks. The table is the one an operator reads in the documentation: an answer that
may be different in a moment is tried again, also when somebody has to fix something
first; an answer to the event itself is final. Nothing here talks to anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from service.errors import SinkRefused, SinkUnavailable

LONGEST_WISH = 300.0
"""Seconds; a sink that asks for more patience than this is asked again after this."""
_SHOWN = 200
_ADVICE = {
    401: "the credentials for it are missing or wrong, check its address and its headers",
    403: "its credentials do not allow sending events, give them the right to",
}
_MAY_CHANGE = {401, 403, 404, 408, 409, 425, 429}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The status, headers (lower-case names) and the first line's worth of text of an answer."""

    status: int
    headers: Mapping[str, str]
    text: str = ""


def judged(answer: Answer, *, sink: str, now: datetime) -> SinkUnavailable | SinkRefused | None:
    """Return the error that *answer* stands for, None when the event was taken.

    *sink* is the name of the sink in the message.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    said = one_line(answer.text)
    message = f"{sink} answers {status}" + (f": {said}" if said else "")
    if 300 <= status < 400:
        to = _place(answer.headers.get("location", ""))
        advice = f"redirects are not followed, set its address to {to}"
        return SinkUnavailable(f"{message} ({advice})")
    if status in _ADVICE:
        message = f"{message} ({_ADVICE[status]})"
    if 400 <= status < 500 and status not in _MAY_CHANGE:
        return SinkRefused(message)
    return SinkUnavailable(message, retry_after=retry_after(answer.headers, now=now))


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds the sink asks to wait, at most `LONGEST_WISH`; None without a wish.

    A moment is measured by the clock of the sink when its answer says what that shows.
    """
    wish = headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdigit():
        seconds = float(wish[:9])
    elif (moment := _moment(wish)) is not None:
        seconds = (moment - (_moment(headers.get("date", "")) or now)).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_WISH)


def one_line(text: str) -> str:
    """Return *text* fit for a message: one line, printable, shortened."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _SHOWN]).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(location: str) -> str:
    """Return where a redirect leads, without the parts of an address that carry secrets."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "where it lives now"
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return one_line(place) or "where it lives now"
