"""Log records: one line per thing that happened, as JSON or for a person.

Every process calls `set_up` once. Records carry the ids they are about (`run`, `event`,
`sender`) as `extra`; text from strangers can never break a line, because JSON escapes it
and the text form writes control characters visibly.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ENCODER = json.JSONEncoder(default=str)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class JsonLines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _time_text(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(entry)


class PlainLines(logging.Formatter):
    """One line per record for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        line = f"{_time(record):%H:%M:%S} {record.levelname.lower():7} {record.getMessage()}"
        line = _CONTROL.sub(_visible, f"{line}  {extra}".rstrip())
        if not record.exc_info:
            return line
        traceback = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(_CONTROL.sub(_visible, below) for below in traceback)])


def set_up(*, as_json: bool, level: str) -> None:
    """Write the records of this process to standard error."""
    # What no record of ours tells need not be found out for every one of them.
    logging._srcfile = None  # noqa: SLF001  # "Optimization" of logging
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _time_text(created: float) -> str:
    second = int(created)
    return f"{_second_text(second)}.{int((created - second) * 1000):03}Z"


@lru_cache(maxsize=2)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).isoformat().removesuffix("+00:00")


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, tz=UTC)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _ORDINARY}


def _visible(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
