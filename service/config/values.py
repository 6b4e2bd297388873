"""What may stand in a setting: durations, sizes, choices, lists, files.

Each function takes the text and returns the value, or raises `ValueError` with the part of
a sentence that follows the name of the setting.
"""

import re
import ssl
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, None: 1}
_SIZE = re.compile(r"(\d{1,15})\s?(B|KiB|MiB|GiB)?", re.ASCII | re.IGNORECASE)
_BYTES = {"b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_LEAST_MEMORY = 16 * 1024**2
_YES = {"yes": True, "on": True, "true": True, "1": True}
_SWITCH = _YES | {"no": False, "off": False, "false": False, "0": False}
_EVENT_TYPE = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._-]{0,254}", re.ASCII)


class Events(StrEnum):
    """How events come."""

    HTTP = "http"
    NATS = "nats"
    KEPTN_API = "keptn-api"


class LogFormat(StrEnum):
    """How log records are written."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """Which log records are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


_Choice = TypeVar("_Choice", bound=StrEnum)


def text(value: str) -> str:
    """Take any text."""
    return value


def duration(value: str) -> float:
    """Take `500ms`, `90s`, `5m`, `2h`, `1d` or a number of seconds; return seconds."""
    match = _DURATION.fullmatch(value)
    if match is None or float(match[1]) <= 0:
        raise ValueError("must be a duration above zero such as 500ms, 90s, 5m, 2h or 1d")
    return float(match[1]) * _SECONDS[match[2]]


def duration_or_zero(value: str) -> float:
    """Take a duration, or 0 for no limit."""
    return 0.0 if value == "0" else duration(value)


def size(value: str) -> int:
    """Take `512KiB`, `1MiB`, `1GiB` or a number of bytes; return bytes."""
    match = _SIZE.fullmatch(value)
    if match is None or int(match[1]) == 0:
        raise ValueError("must be a size above zero such as 64KiB, 1MiB or 2GiB")
    return int(match[1]) * _BYTES[(match[2] or "B").lower()]


def memory_or_zero(value: str) -> int:
    """Take a size in which a program can start, or 0 for no limit."""
    memory = 0 if value == "0" else size(value)
    if 0 < memory < _LEAST_MEMORY:
        raise ValueError("must be 0 or at least 16MiB")
    return memory


def number(low: int, high: int) -> Callable[[str], int]:
    """Take a whole number from *low* to *high*."""

    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def switch(value: str) -> bool:
    """Take yes or no (on, off, true, false)."""
    if value.lower() not in _SWITCH:
        raise ValueError("must be yes or no")
    return _SWITCH[value.lower()]


def on_or_off(value: str) -> bool:
    """Take on or off (yes, no, true, false)."""
    if value.lower() not in _SWITCH:
        raise ValueError("must be on or off")
    return _SWITCH[value.lower()]


def words(value: str) -> tuple[str, ...]:
    """Take a list separated by commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip())


def event_types(value: str) -> tuple[str, ...]:
    """Take event types separated by commas; a star stands for one part."""
    types = words(value)
    wrong = next((type_ for type_ in types if not _EVENT_TYPE.fullmatch(type_)), None)
    if wrong is not None:
        raise ValueError(f"has {wrong!r}, which is no event type or pattern")
    return types


def choice(kind: type[_Choice], *, empty: _Choice | None = None) -> Callable[[str], _Choice | None]:
    """Take one of the values of *kind*; nothing means *empty*."""

    def read(value: str) -> _Choice | None:
        if not value and empty is None:
            return None
        try:
            return kind(value)
        except ValueError as error:
            raise ValueError(f"must be one of {', '.join(kind)}") from error

    return read


def directory(value: str) -> Path:
    """Take a directory; it is made when it is missing."""
    path = _path(value)
    try:
        return path if path.is_absolute() else Path.cwd() / path
    except OSError as error:
        raise ValueError("is below the folder we are in, which is gone") from error


def optional_directory(value: str) -> Path | None:
    """Take a directory, or nothing."""
    return directory(value) if value else None


def folder(value: str) -> Path | None:
    """Take a directory that is there, or nothing."""
    path = optional_directory(value)
    try:
        there = path is None or path.is_dir()
    except OSError as error:
        raise ValueError("names a directory that cannot be looked at") from error
    if not there:
        raise ValueError(f"names a directory that is not there: {value}")
    return path


def places(value: str) -> tuple[Path, ...]:
    """Take absolute paths separated by commas; they need not be there."""
    paths = tuple(Path(word).expanduser() for word in words(value))
    if not all(path.is_absolute() for path in paths):
        raise ValueError("must be absolute paths separated by commas")
    return paths


def file(value: str) -> Path | None:
    """Take a file that can be read, or nothing."""
    if not value:
        return None
    path = _path(value)
    try:
        there = path.is_file()
    except OSError as error:
        raise ValueError("names a file that cannot be looked at") from error
    if not there:
        raise ValueError(f"names a file that is not there: {value}")
    return path


def certificates(value: str) -> Path | None:
    """Take a file with certificates of authorities (PEM), or nothing."""
    path = file(value)
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            raise ValueError("names a file without certificates in PEM format") from error
    return path


def _path(value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError("begins with a home directory that is not known") from error
