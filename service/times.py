"""Times as CloudEvents and Keptn write them: RFC 3339.

`event` reads them, everything that answers or shows writes them.
"""

import re
from datetime import UTC, datetime

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def parse_time(value: str) -> datetime:
    """Return the aware time of an RFC 3339 text with 0 to 9 fractional digits.

    Raises `ValueError`. The standard reader takes 3 or 6 digits only before Python 3.11 and
    cuts nothing; Go senders write up to 9.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        raise ValueError(value)
    date, clock, fraction, zone = match.groups()
    micros = ((fraction or "") + "000000")[:6]
    time = datetime.fromisoformat(f"{date}T{clock}.{micros}{zone.upper().replace('Z', '+00:00')}")
    try:
        time.astimezone(UTC)
    except OverflowError as error:  # in the first or last hours of the calendar
        raise ValueError(value) from error
    return time


def time_string(time: datetime) -> str:
    """Return *time* as Keptn writes it: RFC 3339, UTC, milliseconds, `Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
