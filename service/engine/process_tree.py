"""Finding and ending what a script started, whatever it did to hide.

A process can leave its group, its session and its parents, but not its sub-reaper: when
its parent dies it falls to the runner as a child. So ending every child that belongs to
no live run, again and again until there is none, ends everything. `runner` decides whose
an orphan is; here `/proc` is read and signals are sent.
"""

import contextlib
import os
import signal
import time
from collections.abc import Collection
from typing import NamedTuple

MARKER = "GENEXEC_RUN_ID"
"""The variable that tells whose an orphan is."""

_MOST_SEEN = 4096
"""Processes looked at in one pass; the passes are repeated."""
_MOST_PASSES = 10_000
"""Who dies faster than we look, so often, is left to the next look."""
_PAUSE = 0.0005


class Process(NamedTuple):
    """A living process."""

    pid: int
    group: int
    session: int


def orphans(started: Collection[int], sessions: Collection[int] = ()) -> list[Process]:
    """Return the living children of this process, but for *started* and *sessions*.

    The dead are reaped. A dying parent hands its children over before it can be waited for, so
    what the kernel lists is complete, as long as nobody of the list had died: who died may have
    handed over a child that was not listed yet. Then the list is read again.
    """
    for _ in range(_MOST_PASSES):
        found, reaped = _one_pass(started, sessions)
        if found or not reaped:
            return found
    return []


def _one_pass(started: Collection[int], sessions: Collection[int]) -> tuple[list[Process], bool]:
    me = os.getpid()
    found, reaped = [], False
    for pid in _numbers(f"/proc/{me}/task/{me}/children"):
        if pid in started:
            continue
        # Also when /proc says zombie: the other threads of a leader that ended live on.
        gone, _ = os.waitpid(pid, os.WNOHANG)
        reaped = reaped or gone != 0
        process = None if gone else _process(pid)
        if process is not None and process.session not in sessions:
            found.append(process)
    return found, reaped


def descendants(pid: int) -> list[Process]:
    """Return what *pid* and its children started, as far as it hangs together now."""
    found: dict[int, Process] = {}
    waiting = [pid]
    while waiting and len(found) < _MOST_SEEN:
        for child in _children(waiting.pop()):
            process = None if child in found else _process(child)
            if process is not None:
                found[child] = process
                waiting.append(child)
    return list(found.values())


def marked_run(pid: int) -> str:
    """Return the run whose marker *pid* was started with, empty when it has none."""
    name = f"{MARKER}=".encode("ascii")
    for entry in _content(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(name):
            return os.fsdecode(entry[len(name) :])
    return ""


def end_tree(top: Process) -> set[int]:
    """Kill *top*, its group and all below it; return whom that hit.

    *top* is a child that was not waited for, so neither its id nor its group's can have
    passed to a stranger. Killing a group cannot be outrun by forking, killing one by one can.
    """
    hit = {process.pid for process in descendants(top.pid)}
    signal_group(top.group, signal.SIGKILL)
    for pid in (top.pid, *hit):
        signal_process(pid, signal.SIGKILL)
    return hit | {top.pid}


def end_all(*, within: float) -> bool:
    """End every child of this process; False when some are still there after *within* s."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        left = [end_tree(process) for process in orphans(())]
        if not left:
            return True
        time.sleep(_PAUSE)
    return False


def end_strays(home: str, *, within: float) -> int:
    """Kill every process that a script of an earlier service left behind; return how many.

    They are told by their home, a directory in *home*. Needed when the runner and its keeper
    were killed together: then nobody was left to end the scripts.
    """
    mark = b"\0HOME=" + os.fsencode(home) + b"/"
    hit: set[int] = set()
    until = time.monotonic() + within
    while time.monotonic() < until:
        strays = [pid for pid in _everybody() if mark in b"\0" + _content(f"/proc/{pid}/environ")]
        if not strays:
            break
        for pid in strays:
            signal_process(pid, signal.SIGKILL)
        hit.update(strays)
        time.sleep(_PAUSE)
    return len(hit)


def _everybody() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208  # less to load


def ask_to_end(leader: int, others: Collection[Process]) -> None:
    """Send SIGTERM to the group of *leader* and to *others*, and wake those that are stopped."""
    apart = [process.pid for process in others if process.group != leader]
    for number in (signal.SIGTERM, signal.SIGCONT):
        signal_group(leader, number)
        for pid in apart:
            signal_process(pid, number)


def signal_process(pid: int, number: int) -> None:
    """Send a signal; that the process is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group; that it is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # pathlib is not loaded here
    except OSError:
        return []
    return [
        child for thread in threads for child in _numbers(f"/proc/{pid}/task/{thread}/children")
    ]


def _process(pid: int) -> Process | None:
    # The name in brackets may hold blanks and brackets; behind it stand state, parent,
    # group and session.
    fields = _content(f"/proc/{pid}/stat").rpartition(b")")[2].split(None, 4)
    return Process(pid, int(fields[2]), int(fields[3])) if len(fields) > 3 else None


def _numbers(path: str) -> list[int]:
    return [int(word) for word in _content(path).split()]


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    parts = []
    try:
        while part := os.read(descriptor, 65536):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return b"".join(parts)
