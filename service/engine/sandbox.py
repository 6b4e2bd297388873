"""What the runner takes from itself, and what it takes from each script.

The runner restricts itself once, before its first script; everything it starts inherits
that at no cost. Limits that differ from run to run are put on the script's process right
after its start, which costs one system call each; until then it has those that the runner has
put on itself, in the same height. Used by `runner` only.
"""

import contextlib
import ctypes
import os
import resource
import signal
import time
from typing import Any

from service.engine.process_tree import descendants

OPEN_FILES = 256

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_UNDOES_ISOLATION = {
    "dac_read_search": 2,  # opens files by number
    "sys_module": 16,
    "sys_rawio": 17,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "sys_boot": 22,
    "sys_resource": 24,  # raises limits
    "mac_override": 32,
    "mac_admin": 33,
    "perfmon": 38,  # reads memory and environment of everybody since Linux 6.13
    "bpf": 39,
    "checkpoint_restore": 40,
}
"""Capabilities by number."""

_ROOM = 256 << 20
"""Bytes of memory that are enough for the runner."""
_LIMITED = (resource.RLIMIT_FSIZE, resource.RLIMIT_DATA, resource.RLIMIT_NPROC)
_RECOUNT = 1.0


def restrict_self() -> None:
    """Give up core files, most descriptors, new privileges and being looked into.

    `execve` makes a process dumpable again, so scripts can be traced by their own like.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)


def weaken_root() -> None:
    """Keep from scripts of root the capabilities that would lead out of their isolation.

    No other user has any. A container that has taken them away already, and the right to
    do so, is left as it is.
    """
    for number in _UNDOES_ISOLATION.values():
        with contextlib.suppress(OSError):
            _prctl(_PR_CAPBSET_DROP, number)


def work_in_batches() -> None:
    """Push nobody aside when we are woken: a moment later there is more to be done at once.

    See sched(7), SCHED_BATCH; what is started from here is scheduled likewise, unless it is
    started `as_others`. Where that is forbidden, we work all the same.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def as_others() -> dict[str, Any]:
    """Return what `posix_spawn` is told, so that a program is not scheduled as we are."""
    if os.sched_getscheduler(0) == os.SCHED_OTHER:
        return {}
    return {"scheduler": (os.SCHED_OTHER, os.sched_param(0))}


def adopt_orphans() -> None:
    """Become the process that descendants fall to when their parents die."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Get SIGTERM when the parent dies. Scripts do not inherit this."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class ScriptLimits:
    """Puts limits on a script: when it is started, and for good as soon as it has an id."""

    def __init__(self) -> None:
        self._hard = {kind: resource.getrlimit(kind)[1] for kind in _LIMITED}
        """What a script inherits."""
        self._own: dict[int, int] = {}
        """The limits of this process that may be raised again."""
        self._counted = 0
        self._counted_at = float("-inf")

    def put_on_next(self, *, file_size: int, memory: int) -> None:
        """Limit what this process starts next, and itself, which needs little of either.

        A program runs before anybody knows its id. It may raise these, as we do; `put_on`
        follows. *memory* is at least what this process needs itself.
        """
        for kind, value in (
            (resource.RLIMIT_FSIZE, file_size),
            (resource.RLIMIT_DATA, memory and max(memory, _ROOM)),
        ):
            hard = self._hard[kind]
            limit = value if value and not 0 <= hard <= value else hard
            if limit != self._own.get(kind):
                resource.setrlimit(kind, (limit, hard))
                self._own[kind] = limit

    def put_on(self, pid: int, *, file_size: int, memory: int, processes: int) -> None:
        """Limit *pid*, what it has started meanwhile and what it will; 0 stands for no limit.

        *file_size* is bytes of one file, *memory* bytes of writable memory of one process,
        *processes* how many its user may have above those it has now. The kernel does not
        enforce the last one for user 0.
        """
        limits = [(resource.RLIMIT_FSIZE, file_size), (resource.RLIMIT_DATA, memory)]
        if processes and os.getuid() != 0:
            limits.append((resource.RLIMIT_NPROC, self._tasks() + processes))
        # -1 stands for no limit.
        limits = [(k, v) for k, v in limits if v and not 0 <= self._hard[k] <= v]
        limited: set[int] = set()
        new = {pid} if limits else set()
        while new:  # who was started before its parent was limited is found in the next round
            for process in new:
                with contextlib.suppress(ProcessLookupError):
                    for kind, value in limits:
                        resource.prlimit(process, kind, (value, value))
            limited |= new
            new = {process.pid for process in descendants(pid)} - limited

    def _tasks(self) -> int:
        now = time.monotonic()
        if now - self._counted_at > _RECOUNT:
            self._counted, self._counted_at = _count_tasks(os.getuid()), now
        return self._counted


def _count_tasks(user: int) -> int:
    """Count the threads of all processes of *user* that can be seen from here."""
    total = 0
    for name in os.listdir("/proc"):  # noqa: PTH208  # pathlib is not loaded here
        if name.isdigit():
            path = f"/proc/{name}/status"
            with contextlib.suppress(OSError), open(path, "rb") as status:  # noqa: PTH123  # as above
                lines = dict(line.split(b":", 1) for line in status if b":" in line)
                if int(lines[b"Uid"].split()[0]) == user:
                    total += int(lines[b"Threads"])
    return total


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")
