"""What warm Python asks of the kernel and does to its own memory.

`/proc/PID/cmdline` and `environ` show two areas at the foot of the stack, which are ordinary
memory. The interpreter is started with room in them, so that every fork shows the command
and the environment of its run, as if it had been started anew: that is how the runner, and
whoever looks with `ps`, tells whose a process is. To look up a function of C makes a class,
which is dear: the interpreter does it once, its forks find it done. Used by `process`,
`child` and `script`.
"""

import ctypes
import errno
import os
import posix
import struct

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
        library = ctypes.CDLL(None)
        self._environ = ctypes.c_void_p.in_dll(library, "environ")
        self._allocate = library["malloc"]
        self._allocate.argtypes, self._allocate.restype = (ctypes.c_size_t,), ctypes.c_void_p
        self._environment.write(bytes(self._environment.size), at=self._used)

    def become(self, argv: tuple[bytes, ...], block: bytes) -> None:
        """Show this command and make *block* the environment, also for C and for children.

        Raises `OSError`.
        """
        arguments = b"\0".join((*argv, b""))
        self._arguments.write(arguments.ljust(self._arguments.size, b"\0"))
        self._environment.write(block.ljust(self._used, b"\0"))
        entries = block.split(b"\0")[:-1]
        address = self._environment.start
        addresses = []
        for entry in entries:
            addresses.append(address)
            address += len(entry) + 1
        pointers = struct.pack(f"{len(entries) + 1}P", *addresses, 0)
        place = self._allocate(len(pointers))  # for as long as we live
        if place is None:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        ctypes.memmove(place, pointers, len(pointers))
        self._environ.value = place
        pairs = dict([entry.split(b"=", 1) for entry in entries])
        for known in (posix.environ, getattr(os.environ, "_data")):  # noqa: B009  # no public way
            known.clear()
            known.update(pairs)


class Kernel:
    """What is asked of the kernel, and of the C library."""

    def __init__(self) -> None:
        # Not a CDLL, which lets go of the interpreter's lock and takes it again around each call.
        library = ctypes.PyDLL(None, use_errno=True)
        number = ctypes.c_ulong
        self._prctl = library["prctl"]
        self._prctl.argtypes = (ctypes.c_int, number, number, number, number)
        self._restrict = library["syscall"]
        self._restrict.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_uint32)
        self._restrict.restype = ctypes.c_long
        self._flush = ctypes.CDLL(None)["fflush"]

    def set_dumpable(self, *, dumpable: bool) -> None:
        """Let processes of this user look into this one, or not."""
        _check("prctl", self._prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0))

    def end_with_parent(self, signal: int) -> None:
        """Get *signal* when the thread dies that started this process; forks do not inherit it."""
        _check("prctl", self._prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))

    def enter_ruleset(self, descriptor: int) -> None:
        """Enter the Landlock ruleset that the runner has made. Raises `OSError`."""
        _check("landlock_restrict_self", self._restrict(_RESTRICT_SELF, descriptor, 0))

    def flush_c_streams(self) -> None:
        """Write what C code has printed."""
        self._flush(None)


def _check(call: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
