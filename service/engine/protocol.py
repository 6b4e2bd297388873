"""What engine and runner say to each other over their socket.

A frame is four bytes of length and compact JSON, for a `Start` a NUL and its variables
behind it (see `passed_variables`); descriptors travel with the first byte.
`runner` and `processes` each hold one `Channel`. Nothing here waits: both live in a loop
of their own and say when there is something to read or room to write. Kept free of heavy
imports, because the runner pays for each of them in every process it is.
"""

import json
import os
import socket
import struct
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from service.engine.passed_variables import PassedVariables, joined

LONGEST_FRAME = 8 << 20
"""Bytes; 1 MiB of variables grows at most sixfold on its way through JSON."""

# The words of `service.outcome.Ending` that the runner says by itself.
EXIT = "exit"
DEADLINE = "deadline"
NOT_RUN = "not run"

_HEAD = struct.Struct("!I")
_decode = json.JSONDecoder().raw_decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_CHUNK = 65536
_INT = struct.Struct("i")
_DESCRIPTORS_LOST = int(socket.MSG_CTRUNC)
_DESCRIPTORS = 64
_ROOM_FOR_DESCRIPTORS = socket.CMSG_SPACE(_DESCRIPTORS * _INT.size)


class Isolate(NamedTuple):
    """Engine, before anything else: keep scripts from the service; see `reach`."""

    wanted: bool
    readable: Sequence[str]
    writable: Sequence[str]
    hidden: Sequence[str]
    runs_dir: str
    blobs_dir: str
    environments_dir: str
    """Where builds write, each in a directory of its own; scripts read it."""


class Ready(NamedTuple):
    """Runner: scripts may be sent now, and are isolated so far."""

    pid: int
    level: str
    """A `Level` of `isolation`."""
    lacks: str
    """Why it is not the full one, as a clause."""
    remarks: Sequence[str]
    """What else the operator should know, as clauses."""


class Start(NamedTuple):
    """Engine: run this; two descriptors come along, standard output and standard error."""

    run: str
    argv: Sequence[str]
    """The first is the absolute path of the program."""
    environment: Mapping[str, str]
    cwd: str
    timeout: float
    grace: float
    """Seconds between SIGTERM and SIGKILL at the deadline."""
    file_size: int
    memory: int
    processes: int
    """Limits of the script's processes, each 0 for none; see `sandbox`."""
    warm: str = ""
    """Whose warm interpreter it may be forked from, see `warm`; empty for a cold start."""


class Stop(NamedTuple):
    """Engine: end this run, with `why` as the reason that is reported."""

    run: str
    why: str
    grace: float


class Ended(NamedTuple):
    """Runner: the run is over and nothing of it is left."""

    run: str
    why: str
    code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    leftovers: int = 0
    detail: str = ""
    cold: str = ""
    """Why a script that may be warm was started cold; empty when it was not."""


Message = Isolate | Ready | Start | Stop | Ended
_KINDS: Mapping[str, type[Message]] = {
    kind.__name__: kind for kind in (Isolate, Ready, Start, Stop, Ended)
}


class Channel:
    """One end of the connection."""

    def __init__(self, connection: socket.socket) -> None:
        # It came here by inheritance; whoever inherits it further keeps the other end alive.
        os.set_inheritable(connection.fileno(), False)  # noqa: FBT003  # has no name
        connection.settimeout(0)
        self._connection = connection
        self._outgoing: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._incoming = bytearray()
        self._descriptors: deque[int] = deque()

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> bool:
        """Do `put` and `flush`; raises `ConnectionError` when the other end is gone, too."""
        self.put(message, descriptors)
        return self.flush()

    def put(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Have *message* sent by the next `flush`.

        The channel owns *descriptors* from here on and closes them once they are sent.
        Raises `ValueError` when the message is too long to be sent.
        """
        body = _body(message, len(descriptors))
        if len(body) > LONGEST_FRAME:
            _close_all(descriptors)
            raise ValueError(f"the request is too long: {len(body)} bytes")
        self._outgoing.append((_HEAD.pack(len(body)) + body, descriptors))

    def flush(self) -> bool:
        """Send what is waiting, several messages at once; True when nothing waits any more."""
        while self._outgoing:
            text, descriptors = self._taken_together()
            try:
                if descriptors:
                    sent = socket.send_fds(self._connection, [text], descriptors)
                else:
                    sent = self._connection.send(text)
            except BlockingIOError:
                self._outgoing.appendleft((text, tuple(descriptors)))
                return False
            except OSError:
                _close_all(descriptors)
                raise
            _close_all(descriptors)
            if sent < len(text):
                self._outgoing.appendleft((text[sent:], ()))
        return True

    def _taken_together(self) -> tuple[bytes, list[int]]:
        """Take out the messages that go together; descriptors travel with the first byte."""
        texts: list[bytes] = []
        descriptors: list[int] = []
        size = 0
        while self._outgoing:
            text, more = self._outgoing[0]
            size += len(text)
            if texts and (size > _CHUNK or len(descriptors) + len(more) > _DESCRIPTORS):
                break
            self._outgoing.popleft()
            texts.append(text)
            descriptors += more
        return b"".join(texts), descriptors

    def receive(self) -> list[tuple[Message, tuple[int, ...]]]:
        """Return the messages that are complete after one read, with their descriptors.

        The descriptors belong to the caller. Raises `ConnectionError` when the other end is
        gone or does not keep to the protocol.
        """
        try:
            # Not `socket.recv_fds`: it drops its flags, and the scripts would inherit.
            chunk, ancillary, flags, _ = self._connection.recvmsg(
                _CHUNK, _ROOM_FOR_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return []
        for _, _, packed in ancillary:
            self._descriptors.extend(number for (number,) in _INT.iter_unpack(packed))
        if not chunk:
            raise ConnectionError("the other end closed the connection")
        if flags & _DESCRIPTORS_LOST:
            raise ConnectionError("descriptors were lost on the way")
        self._incoming += chunk
        return self._complete()

    def close(self) -> None:
        """Close the connection and every descriptor that did not get where it should."""
        for _, descriptors in self._outgoing:
            _close_all(descriptors)
        self._outgoing.clear()
        _close_all(self._descriptors)
        self._descriptors.clear()
        self._connection.close()

    def _complete(self) -> list[tuple[Message, tuple[int, ...]]]:
        messages: list[tuple[Message, tuple[int, ...]]] = []
        while len(self._incoming) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._incoming)
            if length > LONGEST_FRAME:
                raise ConnectionError(f"a frame of {length} bytes")
            end = _HEAD.size + length
            if len(self._incoming) < end:
                break
            text = self._incoming[_HEAD.size : end].decode("utf-8", "surrogatepass")
            del self._incoming[:end]
            try:
                message, count = _message(text)
                taken = tuple([self._descriptors.popleft() for _ in range(count)])
                messages.append((message, taken))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ConnectionError("a message that cannot be read") from error
        return messages


def _body(message: Message, descriptors: int) -> bytes:
    behind = ""
    if isinstance(message, Start) and (variables := joined(message.environment)) is not None:
        message, behind = message._replace(environment={}), f"\0{variables}"
    text = _encode([type(message).__name__, descriptors, message]) + behind
    # Bytes of an exposed variable that are not UTF-8 are half surrogates in Python.
    return text.encode("utf-8", "surrogatepass")


def _message(text: str) -> tuple[Message, int]:
    """Return it and how many descriptors are its own. Raises what the caller catches."""
    (kind, count, fields), end = _decode(text)
    message = _KINDS[kind](*fields)
    if text[end : end + 1] == "\0" and isinstance(message, Start):
        message = message._replace(environment=PassedVariables(text[end + 1 :]))
    elif end < len(text):
        raise ValueError("something stands behind the message")
    return message, count


def _close_all(descriptors: Sequence[int] | deque[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
