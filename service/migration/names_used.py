"""Variables a script reads: which of them are still set, and under which name.

Generic-executor-service 0.8 handed its whole environment to scripts, 0.3 nothing but the
names of its manual. Used for shell and Python alike.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from service.migration.judgement import Dialect, Remark, different, work
from service.variables import ALWAYS_SET

PREFIXES = ("LABEL_", "VALUE_", "ENV_", "DATA_", "GENEXEC_")
BASE = {"PATH", "HOME", "TMPDIR", "LANG"}
_NEVER = {
    "EVENTBROKER": "a script prints the event it wants sent: docs/scripts.md, 'Sending an event'",
}
_ATTRIBUTES = {
    "TIME": "TIMESTRING",
    "DATACONTENTTYPE": "",
    "CONTENTTYPE": "",
    "SHKEPTNSPECVERSION": "",
    "SUBJECT": "",
}
_INDEXED = re.compile(r"\bDATA_\w{1,200}(?:\[\d+\]_\w+)+")


def name_remarks(
    used: Mapping[str, int], dialect: Dialect
) -> tuple[Sequence[Remark], Sequence[str]]:
    """Judge names that a script reads and does not set itself, each with its line.

    Return the remarks, and the names that have to be set from `ENV_…`.
    """
    remarks: list[Remark] = []
    inherited = []
    for name, line in used.items():
        if name in ALWAYS_SET or name in BASE or name.startswith(PREFIXES):
            remarks += _prefixed(name, line, dialect)
        elif dialect is Dialect.V08 and name in _ATTRIBUTES:
            instead = _ATTRIBUTES[name]
            out = f"use ${instead}" if instead else "read it from the event's file"
            remarks.append(work(f"{name} is not set here: {out}", line))
        elif dialect is Dialect.V08 and name in _NEVER:
            remarks.append(work(f"{name} is never given to scripts: {_NEVER[name]}", line))
        elif dialect is Dialect.V08:
            inherited.append(name)
            message = (
                f"{name} is not inherited from the service here: it is ENV_{name}, "
                "when the service's container has it"
            )
            remarks.append(work(message, line, mended=True))
    return remarks, inherited


def _prefixed(name: str, line: int, dialect: Dialect) -> Iterator[Remark]:
    if name.lower().startswith("env_secret_"):
        message = f"{name}: variables that begin with secret_ are never exposed; rename it"
        yield work(message, line)
    elif name.startswith("ENV_") and dialect is Dialect.V03:
        yield different(f"{name} was upper-cased, its value too; here the value is untouched", line)


def indexed_names(text: str, dialect: Dialect) -> Iterator[tuple[str, str, int]]:
    """Yield names with `[i]`, what they are called here, and their lines."""
    if dialect is Dialect.V08:
        for match in _INDEXED.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield match[0], re.sub(r"\[(\d+)\]", r"_\1", match[0]), line


def indexed_remarks(text: str, dialect: Dialect) -> Iterator[Remark]:
    """Yield a remark for each such name."""
    for old, new, line in indexed_names(text, dialect):
        yield work(f"{old} is called {new} here", line, mended=True)


def with_new_names(text: str, dialect: Dialect) -> str:
    """Return *text* with such names replaced."""
    for old, new, _ in indexed_names(text, dialect):
        text = text.replace(old, new)
    return text
