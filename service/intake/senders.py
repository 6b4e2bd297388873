"""A sender: a name, and what it may do here.

`roll` finds out which sender a request comes from; `gate`, `http` and the API ask the sender
whether it may. Patterns are compiled when the file of senders is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_REST = ("**", ">")


class Scope(StrEnum):
    """What a sender may be allowed to do."""

    SEND = "send"
    """Send events, have a run repeated."""
    READ = "read"
    """Look at runs, their outputs, the status, the metrics."""
    OPERATE = "operate"
    """Have the service do something: look for new commits, cancel a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who may do what; None stands for no limit."""

    name: str
    scopes: frozenset[Scope]
    types: re.Pattern[str] | None = None
    projects: re.Pattern[str] | None = None

    def may_send(self, type_: str) -> bool:
        """Say whether events of this type are taken from it."""
        return self.types is None or self.types.fullmatch(type_) is not None

    def may_touch(self, project: str) -> bool:
        """Say whether it may have to do with *project*; empty for events that name none."""
        return self.projects is None or self.projects.fullmatch(project) is not None

    @property
    def everywhere(self) -> bool:
        """Say whether it may have to do with every project."""
        return self.projects is None


ANYBODY = Sender(name="", scopes=frozenset(Scope))
"""Whoever comes, where nobody is asked who they are."""


def type_patterns(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """Compile patterns of event types; None when one of them is for every type.

    A star stands for one part, or for something within one; `**` or `>` as the last part for
    whatever follows. Raises `ValueError` with the pattern.
    """
    if any(pattern in _REST for pattern in patterns):
        return None
    return _one_of([_type(pattern) for pattern in patterns])


def project_patterns(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """Compile patterns of projects, in which a star stands for any text; None for all."""
    if "*" in patterns:
        return None
    return _one_of([_escaped(pattern, star=".*") for pattern in patterns])


def _type(pattern: str) -> str:
    *parts, last = pattern.split(".")
    rest = last in _REST
    if not rest:
        parts.append(last)
    if any("**" in part or not part or part == ">" for part in parts):
        raise ValueError(f"{pattern!r} is no pattern: '**' and '>' may only be the last part")
    expressions = [_escaped(part, star="[^.]+") for part in parts]
    return r"\.".join([*expressions, ".+"] if rest else expressions)


def _escaped(text: str, *, star: str) -> str:
    return re.escape(text).replace(r"\*", star)


def _one_of(expressions: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{expression})" for expression in expressions), re.DOTALL)
