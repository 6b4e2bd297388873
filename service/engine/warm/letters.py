"""What the runner, a warm interpreter and its forks write to each other.

The interpreter is told to fork and nothing else. The order goes to the fork alone, over a
socket of its own (the *gate*): so the interpreter never sees the variables of a run, and no
later fork can find them in its memory. Used by both sides; the
interpreter may be another Python than the runner's, so the format knows no Python.
"""

import os
import struct
from collections.abc import Mapping, Sequence
from socket import CMSG_SPACE, MSG_CMSG_CLOEXEC, SocketType
from typing import NamedTuple

LONGEST_ORDER = 64 << 10
"""Bytes that a fresh socket takes at once."""
ROOM = b"ROOM"
"""The last variable of an interpreter: room for those of its forks."""
READY = "ready"
"""Interpreter: with what was looked at to tell whether it is out of date."""
UNFIT = "unfit"
"""Interpreter: with the reason; it ends."""
BORN = "born"
"""Interpreter: with the process, which is a child of the runner now."""
FAILED = "failed"
"""Interpreter or fork: with the reason why there is no script."""
COLD = "cold"
"""Fork: with the reason why it starts Python anew; silence says that it does not."""

_LENGTH = struct.Struct("!I")
_CHUNK = 64 << 10
_DESCRIPTOR = struct.Struct("i")
_ROOM_FOR_DESCRIPTORS = CMSG_SPACE(8 * _DESCRIPTOR.size)


class Letter(NamedTuple):
    """What a fork needs to become a script."""

    cwd: bytes
    argv: tuple[bytes, ...]
    block: bytes
    """The environment as the kernel lays it out: `NAME=value`, each closed by NUL."""


def packed(cwd: str, argv: Sequence[str], environment: Mapping[str, str]) -> bytes | None:
    """Return an order as bytes, None when it is too long or nothing a kernel could pass on."""
    try:
        words = [os.fsencode(word) for word in (cwd, *argv)]
        names = [os.fsencode(name) for name in environment]
        values = [os.fsencode(value) for value in environment.values()]
    except UnicodeEncodeError:
        return None
    if any(b"\0" in text for text in (*words, *names, *values)) or any(b"=" in n for n in names):
        return None
    block = b"".join(b"%b=%b\0" % pair for pair in zip(names, values, strict=True))
    body = b"\0".join((b"%d" % len(argv), *words, block))
    return _LENGTH.pack(len(body)) + body if len(body) < LONGEST_ORDER - _LENGTH.size else None


def receive(gate: SocketType) -> tuple[Letter, tuple[int, ...]] | None:
    """Wait for the order and its descriptors; None when the other end gave up."""
    content = b""
    descriptors = b""
    while len(content) < _LENGTH.size or len(content) < _LENGTH.size + _length(content):
        chunk, ancillary, _, _ = gate.recvmsg(_CHUNK, _ROOM_FOR_DESCRIPTORS, MSG_CMSG_CLOEXEC)
        if not chunk:
            return None
        for _, _, numbers in ancillary:
            descriptors += numbers
        content += chunk
    words = content[_LENGTH.size :].split(b"\0", 1)
    cwd, *argv, block = words[1].split(b"\0", int(words[0]) + 1)
    count = len(descriptors) // _DESCRIPTOR.size
    return Letter(cwd, tuple(argv), block), struct.unpack(f"{count}i", descriptors)


def stamps(paths: Sequence[str]) -> dict[str, list[int]]:
    """Return what tells whether *paths* are still what they were."""
    found: dict[str, list[int]] = {}
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116  # pathlib is not loaded in the runner
            found[path] = [status.st_ino, status.st_mtime_ns]
        except OSError:
            found[path] = []
    return found


def _length(content: bytes) -> int:
    (length,) = _LENGTH.unpack_from(content)
    return int(length)
