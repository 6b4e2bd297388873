"""The runner's hold on one warm interpreter: started, asked to fork, ended.

`pool` keeps them. Nothing here waits: what the interpreter says is read when it is there,
and what does not come in time is given up by `pool`. The process is killed by its id only
as long as the runner has not waited for it.
"""

import contextlib
import json
import os
import signal
import socket
from collections import deque
from collections.abc import Iterator

from service.engine.process_tree import signal_process
from service.engine.sandbox import as_others
from service.engine.warm.letters import BORN, LONGEST_ORDER, READY, ROOM, UNFIT, stamps
from service.engine.warm.spares import Spare, Waiting

_BOOT = """\
import sys
sys.path[0] = sys.argv[1]
from service.engine.warm.process import born
from service.engine.warm.script import run
run(*born())
"""
_ROOT = __file__.removesuffix("/service/engine/warm/interpreter.py")
_FLAGS = ("-B",)
_ENVIRONMENT = {"LANG": "C.UTF-8", "HOME": "/nonexistent"}
_ROOM_FOR_COMMAND = 2048
_FRESH = 2.0
"""Seconds until it is looked again whether its libraries were changed."""
_ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


class Unfit(Exception):
    """The interpreter cannot be forked safely, for the reason it gives."""


class Interpreter:
    """One warm interpreter."""

    def __init__(self, python: str, *, now: float) -> None:
        """Start it. Raises `OSError`."""
        self.spares: list[Spare] = []
        self.waiting: deque[Waiting] = deque()
        self.ready = False
        self.forks = 0
        self._gates: deque[socket.socket] = deque()
        """Of the forks it was asked for, in this order."""
        self.used = self.began = now
        self._seen: dict[str, list[int]] = {}
        self._looked_at = now
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(0)
        self.channel = ours
        """Readable when it has something to say."""
        with theirs:
            try:
                self.pid = _launch(python, theirs)
            except OSError:
                ours.close()
                raise

    def refill(self, spares: int) -> None:
        """Ask for as many forks as leave this many when all that waits is served.

        What it does not take now, or has no descriptors for, is asked for another time.
        """
        while len(self.spares) + len(self._gates) < len(self.waiting) + spares:
            try:
                ours, theirs = socket.socketpair()
            except OSError:
                return
            ours.settimeout(0)
            with theirs:
                try:
                    socket.send_fds(self.channel, [b"."], [theirs.fileno()])
                except OSError:
                    ours.close()
                    return
            self._gates.append(ours)
            self.forks += 1

    def heard(self) -> Iterator[tuple[Spare | None, str]]:
        """Yield each fork that came, or None and why it did not.

        Raises `Unfit`, or `ConnectionError` when it is gone or talks nonsense.
        """
        while True:
            try:
                kind, word = json.loads(self.channel.recv(LONGEST_ORDER))
                if kind == READY:
                    self.ready, self._seen = True, dict(word)
                elif kind == UNFIT:
                    raise Unfit(word)
                else:
                    yield self._answer(kind, word)
            except BlockingIOError:
                return
            except (ValueError, LookupError, TypeError) as error:  # also when it closed its end
                raise ConnectionResetError from error

    def _answer(self, kind: str, word: str) -> tuple[Spare | None, str]:
        gate = self._gates.popleft()
        if kind == BORN and _is_our_child(int(word)):
            return Spare(int(word), gate), ""
        gate.close()
        return None, "its fork was killed" if kind == BORN else word

    def is_stale(self, now: float) -> bool:
        """Say whether its program or its libraries are not those any more that it loaded."""
        if now - self._looked_at <= _FRESH:
            return False
        self._looked_at = now
        return stamps(list(self._seen)) != self._seen

    def end(self) -> None:
        """Kill it; its spares end by themselves. The runner waits for them as for any child."""
        for gate in (*self._gates, *(spare.gate for spare in self.spares)):
            gate.close()
        self.channel.close()
        signal_process(self.pid, signal.SIGKILL)


def _launch(python: str, channel: socket.socket) -> int:
    reading, writing = os.pipe()
    # Its own streams are never used; a pipe is what scripts have there, so its stream
    # objects know the right things about it.
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_DUP2, writing, 2),
    ]
    arguments = (_ROOT, str(channel.fileno()), str(os.getpid()), " " * _ROOM_FOR_COMMAND)
    try:
        channel.set_inheritable(True)
        return os.posix_spawn(
            python,
            [python, *_FLAGS, "-c", _BOOT, *arguments],
            {**_ENVIRONMENT, ROOM.decode(): " " * LONGEST_ORDER},
            file_actions=actions,
            setsid=True,
            **as_others(),
            setsigmask=(),
            setsigdef=_ALL_SIGNALS,
        )
    finally:
        os.close(reading)
        os.close(writing)


def _is_our_child(pid: int) -> bool:
    """Say whether this process may still wait for *pid*."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    return False
