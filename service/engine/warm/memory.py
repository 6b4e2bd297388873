"""What warm Python asks of the kernel and does to its own memory.

`/proc/PID/cmdline` and `environ` show two areas at the foot of the stack, which are ordinary
memory. The interpreter is started with room in them, so that every fork shows the command
and the environment of its run, as if it had been started anew: that is how the runner, and
whoever looks with `ps`, tells whose a process is. Used by `process` and `child`.
"""

import ctypes
import os
import posix

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_RESTRICT_SELF = 446
_ARG_START, _ARG_END, _ENV_START, _ENV_END = 45, 46, 47, 48
"""Fields of /proc/PID/stat behind the name; see proc(5)."""


class Area:
    """A piece of memory that `/proc` shows."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.size = end - start

    def read(self) -> bytes:
        return ctypes.string_at(self.start, self.size)

    def write(self, content: bytes, *, at: int = 0) -> None:
        """Write as much as there is room for; the last byte stays NUL."""
        ctypes.memmove(self.start + at, content, min(len(content), self.size - at - 1))


class Shown:
    """What this process shows of itself."""

    def __init__(self, room: bytes) -> None:
        """Clear the variable *room*, the last of the environment this process started with."""
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  # less to load
            fields = [int(word) for word in file.read().rpartition(b")")[2].split()[1:]]
        fields.insert(0, 0)  # the state is a letter
        self._arguments = Area(fields[_ARG_START], fields[_ARG_END])
        self._environment = Area(fields[_ENV_START], fields[_ENV_END])
        self._used = self._environment.read().index(room + b"=")
        self._environment.write(bytes(self._environment.size), at=self._used)

    def become(self, argv: tuple[bytes, ...], block: bytes) -> None:
        """Show this command and make *block* the environment, also for C and for children."""
        arguments = b"\0".join((*argv, b""))
        self._arguments.write(arguments.ljust(self._arguments.size, b"\0"))
        self._environment.write(block.ljust(self._used, b"\0"))
        entries = block.split(b"\0")[:-1]
        pointers = (ctypes.c_void_p * (len(entries) + 1))()
        address = self._environment.start
        for index, entry in enumerate(entries):
            pointers[index] = address
            address += len(entry) + 1
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(pointers))  # for as long as we live
        environ = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ")
        environ.value = ctypes.addressof(pointers)
        pairs = dict(entry.split(b"=", 1) for entry in entries)
        for known in (posix.environ, getattr(os.environ, "_data")):  # noqa: B009  # no public way
            known.clear()
            known.update(pairs)


def set_dumpable(*, dumpable: bool) -> None:
    """Let processes of this user look into this one, or not."""
    _check("prctl", _libc().prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(dumpable), 0, 0, 0))


def end_with_parent(signal: int) -> None:
    """Get *signal* when the thread dies that started this process; forks do not inherit it."""
    _check("prctl", _libc().prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0))


def enter_ruleset(descriptor: int) -> None:
    """Enter the Landlock ruleset that the runner has made. Raises `OSError`."""
    call = ctypes.CFUNCTYPE(
        ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_uint32, use_errno=True
    )(("syscall", ctypes.CDLL(None)))
    _check("landlock_restrict_self", call(_RESTRICT_SELF, descriptor, 0))


def flush_c_streams() -> None:
    """Write what C code has printed."""
    _libc().fflush(None)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(call: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
