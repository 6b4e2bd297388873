"""The warm interpreters of the runner: one per project and Python program.

`runner_loop` hands in every start that may be warm, and is told of each what became of it:
born, or to be started cold and why. Scripts of one project share what an interpreter knows
(its hash seed, where things lie in memory), so projects do not share interpreters. An
interpreter that is not ready, does not answer in time or has died costs nothing but its
advantage.
"""

import select
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from service.engine.protocol import Start
from service.engine.warm.interpreter import Interpreter, Unfit
from service.engine.warm.letters import packed
from service.engine.warm.spares import Spare, Waiting, close_all

_FLAGS = ("-B",)
_MOST = 8
"""Interpreters at a time."""
_MOST_WAITING = 16
_SPARES = 2
"""Forks that wait for orders, so that orders need not wait for forks."""
_BIRTH = 2.0
_BOOT = 20.0
_IDLE = 600.0
_SETTLED = 30.0
"""Seconds for which an interpreter is not given up for that of another project."""
_MOST_FORKS = 1000
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0


class Key(NamedTuple):
    """Whom an interpreter is for."""

    python: str
    project: str


class Pause(NamedTuple):
    """An interpreter that failed, and until when no other is tried."""

    until: float
    seconds: float
    why: str


class Pool:
    """Keeps interpreters, and what they were asked for."""

    def __init__(
        self,
        poll: select.poll,
        *,
        born: Callable[[Waiting, Spare], None],
        cold: Callable[[Start, tuple[int, ...], str], None],
    ) -> None:
        """*born* is told which start gets which fork, *cold* which gets none and why."""
        self._poll = poll
        self._born = born
        self._cold = cold
        self._live: dict[Key, Interpreter] = {}
        self._wanted: set[Key] = set()
        self._pauses: dict[Key, Pause] = {}
        self._unburied: frozenset[int] = frozenset()
        """Interpreters that were not waited for yet."""

    @property
    def pids(self) -> frozenset[int]:
        """The interpreters, also those that are ending, and their spares."""
        spares = (spare.pid for one in self._live.values() for spare in one.spares)
        return self._unburied.union(spares)

    @property
    def due(self) -> float:
        """When `act` has something to do."""
        if self._wanted:
            return 0.0
        return min((_due(interpreter) for interpreter in self._live.values()), default=inf)

    def take(self, start: Start, streams: tuple[int, ...], *, now: float) -> str:
        """Have *start* born and take over its streams; else return why it is to start cold."""
        order = packed(start.cwd, start.argv, start.environment)
        if tuple(start.argv[1:-2]) != _FLAGS or order is None:
            return "it has too much to be told, or cannot be told"
        key = Key(start.argv[0], start.warm)
        interpreter = self._live.get(key)
        if interpreter is None:
            return self._want(key, now)
        interpreter.used = now
        if not interpreter.ready:
            return "its interpreter is not ready yet"
        if interpreter.forks >= _MOST_FORKS or interpreter.is_stale(now):
            if not interpreter.waiting:
                self._end(key)
                self._wanted.add(key)
            return "its interpreter is about to be replaced"
        if len(interpreter.waiting) >= _MOST_WAITING:
            return "too many scripts wait for its interpreter"
        interpreter.waiting.append(Waiting(start, streams, order, now + _BIRTH))
        self._serve(interpreter)
        return ""

    def heard(self, descriptor: int, *, now: float) -> None:
        """Read what came, if it came from an interpreter."""
        for key, interpreter in tuple(self._live.items()):
            if interpreter.channel.fileno() == descriptor:
                self._listen(key, interpreter, now=now)

    def cancel(self, run: str) -> bool:
        """See to it that a run which has no process yet never has; False when there is none."""
        for interpreter in self._live.values():
            for waiting in interpreter.waiting:
                if waiting.start.run == run:
                    interpreter.waiting.remove(waiting)
                    close_all(waiting.streams)
                    return True
        return False

    def died(self, pid: int, *, now: float) -> None:
        """Take note that this child was waited for."""
        self._unburied -= {pid}
        for key, interpreter in tuple(self._live.items()):
            for spare in [spare for spare in interpreter.spares if spare.pid == pid]:
                interpreter.spares.remove(spare)
                spare.gate.close()
            if interpreter.pid == pid:
                self._listen(key, interpreter, now=now)
                if self._live.get(key) is interpreter:
                    self._fail(key, "its interpreter died", now=now)

    def act(self, now: float) -> None:
        """Give up what takes too long, end what nobody uses, start what is wanted."""
        for key, interpreter in tuple(self._live.items()):
            if interpreter.waiting and interpreter.waiting[0].due <= now:
                self._fail(key, "its interpreter did not answer", now=now)
            elif not interpreter.ready and interpreter.began + _BOOT <= now:
                self._fail(key, "its interpreter did not get ready", now=now)
            elif not interpreter.waiting and interpreter.used + _IDLE <= now:
                self._end(key)
        for key in tuple(self._wanted):
            self._wanted.discard(key)
            self._launch(key, now)

    def _want(self, key: Key, now: float) -> str:
        pause = self._pauses.get(key)
        if pause is not None and now < pause.until:
            return pause.why
        if len(self._live) >= _MOST:
            oldest = min(self._live, key=lambda other: self._live[other].used)
            if self._live[oldest].waiting or self._live[oldest].used + _SETTLED > now:
                return f"{_MOST} other projects have interpreters"
            self._end(oldest)
        self._wanted.add(key)
        return "its interpreter is not ready yet"

    def _launch(self, key: Key, now: float) -> None:
        try:
            interpreter = Interpreter(key.python, now=now)
        except OSError as error:
            why = f"its interpreter cannot be started: {error.strerror}"
            self._pauses[key] = Pause(now + _LONGEST_PAUSE, _LONGEST_PAUSE, why)
            return
        self._live[key] = interpreter
        self._unburied |= {interpreter.pid}
        self._poll.register(interpreter.channel, select.POLLIN)

    def _listen(self, key: Key, interpreter: Interpreter, *, now: float) -> None:
        try:
            for spare, why in interpreter.heard():
                if spare is not None:
                    interpreter.spares.append(spare)
                elif interpreter.waiting:
                    start, streams, *_ = interpreter.waiting.popleft()
                    self._cold(start, streams, why)
                self._serve(interpreter)
            self._serve(interpreter)
        except Unfit as error:
            self._fail(key, str(error), now=now, pause=_LONGEST_PAUSE)
        except ConnectionError:
            self._fail(key, "its interpreter died", now=now)

    def _serve(self, interpreter: Interpreter) -> None:
        """Bring together what waits and who can do it, and have more spares made."""
        while interpreter.waiting and interpreter.spares:
            self._born(interpreter.waiting.popleft(), interpreter.spares.pop(0))
        if interpreter.ready:
            interpreter.refill(_SPARES)

    def _fail(self, key: Key, why: str, *, now: float, pause: float = 0.0) -> None:
        failed = self._live[key]
        self._end(key)
        before = self._pauses.get(key) if now - failed.began < _LONGEST_PAUSE else None
        seconds = min(_LONGEST_PAUSE, 2 * before.seconds if before is not None else _FIRST_PAUSE)
        seconds = max(seconds, pause)
        self._pauses[key] = Pause(now + seconds, seconds, why)
        for start, streams, *_ in failed.waiting:
            self._cold(start, streams, why)

    def _end(self, key: Key) -> None:
        interpreter = self._live.pop(key)
        self._poll.unregister(interpreter.channel)
        interpreter.end()


def _due(interpreter: Interpreter) -> float:
    """Return when something is to be done about it."""
    if interpreter.waiting:
        return interpreter.waiting[0].due
    return interpreter.used + _IDLE if interpreter.ready else interpreter.began + _BOOT
