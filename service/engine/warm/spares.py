"""Forks of warm Python that wait for an order, and orders that wait for one.

`interpreter` and `pool` keep them. A spare holds one end of a socket, the *gate*: until the
order comes through it, nothing of a script has run, and when the runner closes its end the
spare is gone. So a script whose fork does not come in time is started cold, and started once.
"""

import contextlib
import json
import os
import select
import socket
from collections.abc import Sequence
from typing import NamedTuple

from service.engine.protocol import Start

_LONGEST_WORD = 4096


class Waiting(NamedTuple):
    """A start on its way to a fork; its streams are to be closed by whoever ends it."""

    start: Start
    streams: tuple[int, ...]
    order: bytes
    due: float
    """When it is started cold; monotonic."""


class Spare(NamedTuple):
    """A fork, a child of the runner that was not waited for."""

    pid: int
    gate: socket.socket

    def send(self, waiting: Waiting, rulesets: Sequence[int]) -> bool:
        """Let it become the script; False when it could not be told all, and never begins."""
        sent = 0
        with contextlib.suppress(OSError):
            descriptors = [*waiting.streams, *rulesets]
            sent = socket.send_fds(self.gate, [waiting.order], descriptors)
        if sent == len(waiting.order):
            return True
        self.gate.close()
        return False


class Word(NamedTuple):
    """What a script says before its first line is run."""

    run: str
    kind: str
    """`COLD`, `FAILED`, or empty when all went well."""
    why: str


class Gates:
    """The gates of scripts that have their order and may still have something to say."""

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._open: dict[int, tuple[str, socket.socket]] = {}

    def add(self, run: str, gate: socket.socket) -> None:
        self._open[gate.fileno()] = run, gate
        self._poll.register(gate, select.POLLIN)

    def heard(self, descriptor: int) -> Word | None:
        """Return what the script behind this descriptor says, and close its gate."""
        if descriptor not in self._open:
            return None
        run, gate = self._open.pop(descriptor)
        self._poll.unregister(descriptor)
        kind, why, content = "", "", b""
        with contextlib.suppress(OSError):
            content = gate.recv(_LONGEST_WORD)
        gate.close()
        with contextlib.suppress(ValueError):  # mostly there is nothing to read
            kind, why = json.loads(content)
        return Word(run, kind, why)

    def last_word(self, run: str) -> Word | None:
        """Return what the script of *run* said before it ended, if that was not heard yet."""
        gates = (descriptor for descriptor, (whose, _) in self._open.items() if whose == run)
        return self.heard(next(gates, -1))


def close_all(streams: Sequence[int]) -> None:
    for stream in streams:
        os.close(stream)
