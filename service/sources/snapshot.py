"""The branches of a repository at one moment.

`mirror` makes one after every fetch; `repository` publishes it by one assignment and
answers a whole question from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_SHORT = 7
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a branch stands."""

    commit: str
    tree: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Every branch, which of them is the default, and when the remote said so."""

    branches: Mapping[str, Tip]
    default: str
    """May be missing in *branches*."""
    at: datetime


def changes(old: Snapshot | None, new: Snapshot) -> str:
    """Say in words what *new* brought: `main is now 1a2b3c4 (was 9f8e7d6)`."""
    before = old.branches if old is not None else {}
    words = []
    for name, tip in new.branches.items():
        was = before.get(name)
        if was is None:
            words.append(f"{name} is new at {tip.commit[:_SHORT]}")
        elif was.commit != tip.commit:
            words.append(f"{name} is now {tip.commit[:_SHORT]} (was {was.commit[:_SHORT]})")
    words += [f"{name} is gone" for name in before if name not in new.branches]
    if len(words) > _SHOWN:
        words = [*words[:_SHOWN], f"{len(words) - _SHOWN} more changes"]
    return "; ".join(words) or "nothing new"
