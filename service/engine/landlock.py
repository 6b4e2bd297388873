"""Landlock: the kernel's list of what a thread, and all it starts, may touch.

A thread that enters a ruleset never leaves it, and hands it on to its children. What the
ruleset does not allow is denied: files by hierarchy, and, where the kernel knows how to,
signals to and abstract sockets of everybody outside. Which files scripts may touch is
decided in `reach`, who enters what in `isolation`. See landlock(7).
"""

import ctypes
import os
import stat
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

OLDEST_ABI = 2
"""Before it (Linux 5.19) no file could be moved from one directory to another."""
SCOPES_ABI = 6
"""The first one with scopes for signals and abstract sockets (Linux 6.12)."""

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_MAKE_CHAR = 1 << 6
_MAKE_BLOCK = 1 << 11
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
_ALL_RIGHTS = (1 << 16) - 1
_TO_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _EXECUTE | _READ_FILE | _READ_DIR
"""Read, list and run."""
USE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
"""Read and write what is there."""
WRITE = _ALL_RIGHTS & ~(_MAKE_CHAR | _MAKE_BLOCK)
"""Everything but making devices."""

_SIGNALS_AND_ABSTRACT_SOCKETS = 3
_PATH_BENEATH = 1
_ASK_FOR_VERSION = 1
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # on every architecture but Alpha
_ATTRIBUTES = struct.Struct("=QQQ")
_RULE = struct.Struct("=Qi")

_INT = ctypes.c_int
_UINT = ctypes.c_uint32
_TEXT = ctypes.c_char_p


class Landlock:
    """The three system calls, as far as this kernel has them."""

    def __init__(self, *, abi: int | None = None) -> None:
        """Ask the kernel what it offers; *abi* makes it an older one."""
        self.create = _system_call(_CREATE, _TEXT, ctypes.c_size_t, _UINT)
        self.add = _system_call(_ADD, _INT, _INT, _TEXT, _UINT)
        self.restrict = _system_call(_RESTRICT, _INT, _UINT)
        offered = self.create(None, 0, _ASK_FOR_VERSION)
        self.abi = max(0, offered if abi is None else min(abi, offered))
        """0 when the kernel has none, or does not let us use it."""
        self.rights = _ALL_RIGHTS & ((1 << {2: 14, 3: 15, 4: 15}.get(self.abi, 16)) - 1)
        """The rights to files this kernel knows."""
        scopes = _SIGNALS_AND_ABSTRACT_SOCKETS if self.abi >= SCOPES_ABI else 0
        self.handled = _ATTRIBUTES.pack(self.rights, 0, scopes)
        """What is denied unless it is allowed, as the kernel wants to be told."""

    def rule(self, place: "Place") -> bytes:
        """Return what allows *place* and everything below it, as long as it is held open."""
        return _RULE.pack(place.rights & self.rights, place.descriptor)


class Ruleset:
    """What is allowed inside."""

    def __init__(self, landlock: Landlock) -> None:
        """Allow nothing yet. Raises `OSError`."""
        self._landlock = landlock
        self.descriptor = landlock.create(landlock.handled, _ATTRIBUTES.size, 0)
        """Another process may enter it as well."""
        if self.descriptor < 0:
            raise _failure("landlock_create_ruleset")

    def allow(self, rules: Iterable[bytes]) -> None:
        """Allow what `Landlock.rule` has returned. Raises `OSError`."""
        add, descriptor = self._landlock.add, self.descriptor
        for rule in rules:
            if add(descriptor, _PATH_BENEATH, rule, 0) != 0:
                raise _failure("landlock_add_rule")

    def enter(self) -> None:
        """Restrict the calling thread, and all it will start, for good. Raises `OSError`."""
        if self._landlock.restrict(self.descriptor, 0) != 0:
            raise _failure("landlock_restrict_self")

    def close(self) -> None:
        os.close(self.descriptor)


class Place:
    """A file or a hierarchy with the rights to it, held open but not for reading."""

    def __init__(self, path: str, rights: int) -> None:
        """Open it as it is, not what it may link to. Raises `OSError`."""
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        self.descriptor = os.open(path, flags)
        status = os.fstat(self.descriptor)
        self.rights = rights if stat.S_ISDIR(status.st_mode) else rights & _TO_FILES
        self.links = status.st_nlink
        """How many names it had."""

    def links_now(self) -> int:
        return os.fstat(self.descriptor).st_nlink

    def close(self) -> None:
        os.close(self.descriptor)


def _system_call(number: int, *kinds: Any) -> Callable[..., int]:  # noqa: ANN401  # of ctypes
    # Not a CDLL, which lets go of the interpreter's lock and takes it again around each call.
    call = ctypes.PyDLL(None, use_errno=True)["syscall"]
    call.argtypes = (ctypes.c_long, *kinds)
    call.restype = ctypes.c_long
    return partial(call, number)


def _failure(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")
