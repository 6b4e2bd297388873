"""Whether the host still lives, also when wrappers stand between.

The program in one file is a chain: an unpacker starts a boot loader, which starts us. A host
that kills the first of them would wait for ever for standard error, which we hold. So the
chain is remembered at start and looked at twice a second.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.5
_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ancestor:
    """A process above us."""

    pid: int
    started: str
    """In ticks since boot: a process of the same number started at another time is another."""
    parent: int


def chain() -> tuple[Ancestor, ...]:
    """Return our wrappers and the host above them, from the inside to the outside.

    A wrapper is started with the same command line as we are.
    """
    return tuple(_chain())


def broken(known: tuple[Ancestor, ...]) -> bool:
    """Say whether one of these is gone, or has lost its parent (the host may lose its own)."""
    now = [_look(one.pid) for one in known]
    inner = zip(now[:-1], known[:-1], strict=True)
    return any(one != before for one, before in inner) or (
        bool(known) and (now[-1] is None or now[-1].started != known[-1].started)
    )


async def until_broken(known: tuple[Ancestor, ...]) -> None:
    """Return when one of *known* is gone."""
    while os.getppid() == known[0].pid and not broken(known):
        await asyncio.sleep(_LOOK)


def _chain() -> Iterator[Ancestor]:
    ours = _command_line(os.getpid())
    pid = os.getppid()
    while (ancestor := _look(pid)) is not None:
        yield ancestor
        if _command_line(pid) != ours:
            return
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


def _command_line(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""
