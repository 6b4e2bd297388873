"""Whether the host still lives, also when wrappers stand between.

The program in one file is a chain: an unpacker starts a boot loader, which starts us. A host
that kills the first of them would wait for ever for standard error, which we hold. So the
chain is remembered at start and looked at again and again.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ancestor:
    """A process above us."""

    pid: int
    started: str
    """In ticks since boot: a process of the same number started at another time is another."""
    parent: int


def chain(wrappers: int) -> tuple[Ancestor, ...]:
    """Return that many wrappers and the host above them, from the inside to the outside."""
    return tuple(_chain(wrappers))


def broken(known: tuple[Ancestor, ...]) -> bool:
    """Say whether one of these is gone, or has lost its parent (the host may lose its own)."""
    if not known or os.getppid() != known[0].pid:
        return True
    now = [_look(one.pid) for one in known]
    inner = zip(now[:-1], known[:-1], strict=True)
    return (
        any(one != before for one, before in inner)
        or now[-1] is None
        or now[-1].started != known[-1].started
    )


def _chain(wrappers: int) -> Iterator[Ancestor]:
    pid = os.getppid()
    for _ in range(wrappers + 1):
        ancestor = _look(pid)
        if ancestor is None:
            return
        yield ancestor
        pid = ancestor.parent


def _look(pid: int) -> Ancestor | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] == "Z":
        return None
    return Ancestor(pid=pid, started=fields[19], parent=int(fields[1]))
