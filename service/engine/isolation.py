"""What keeps scripts from the service and from each other.

Every script gets a Landlock domain of its own, entered by a thread that starts it and ends,
or by itself before its first line when it is the fork of a warm interpreter.
So neither the runner nor another run is inside: a script can neither signal nor trace them,
nor read their memory, environment or directories. That costs 0.1 ms per run. Restricting
the runner itself would be free, but then every script could kill it. Used by `runner_loop`.
"""

import os
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from enum import StrEnum

from service.engine.landlock import OLDEST_ABI, READ, SCOPES_ABI, WRITE, Landlock, Place, Ruleset
from service.engine.protocol import Isolate, Ready
from service.engine.reach import reach_of
from service.engine.sandbox import weaken_root
from service.errors import BadSettings

_FRESH = 2.0
"""Seconds until it is looked again which files there are."""
_NOT_ISOLATED = "the script could not be isolated"


class IsolationMode(StrEnum):
    """What the operator wants."""

    AUTO = "auto"
    """As much as the kernel offers."""
    REQUIRE = "require"
    """All or no service."""
    OFF = "off"


class Level(StrEnum):
    """How far scripts are kept from the service."""

    FULL = "full"
    """Files, memory, environment, signals and abstract sockets."""
    FILES = "files"
    """Files, memory and environment."""
    NONE = "none"
    """The kernel offers nothing."""
    OFF = "off"
    """Not wanted."""


def level_of(abi: int) -> tuple[Level, str]:
    """Return what a kernel with this ABI of Landlock offers, and what it lacks."""
    if abi < OLDEST_ABI:
        return Level.NONE, "the kernel does not offer Landlock (ABI 2 or later, Linux 5.19)"
    if abi < SCOPES_ABI:
        have = f"(ABI 6 or later, Linux 6.12; it offers ABI {abi})"
        return Level.FILES, f"the kernel's Landlock does not cover signals and sockets {have}"
    return Level.FULL, ""


def insist(mode: IsolationMode, level: str, lacks: str) -> None:
    """Raise `BadSettings` when all was required and *level* is less."""
    if mode is IsolationMode.REQUIRE and level != Level.FULL:
        raise BadSettings(f"GENEXEC_ISOLATION=require, but {lacks}")


class Isolation:
    """Starts programs inside."""

    def __init__(self, wish: Isolate, landlock: Landlock) -> None:
        """Find out what can be had of *wish*, by trying it."""
        self._wish = wish
        self._landlock = landlock
        self._places: list[Place] = []
        self._beside_hidden: Ruleset | None = None
        self._held = ExitStack()
        """Closes both."""
        self._looked_at = float("-inf")
        self._remarks: tuple[str, ...] = ()
        self._level, self._lacks = level_of(landlock.abi)
        if not wish.wanted:
            self._level, self._lacks = Level.OFF, "it is switched off"
        self._try()
        if self._level in (Level.FULL, Level.FILES):
            weaken_root()

    def ready(self) -> Ready:
        """Return what the engine is told."""
        return Ready(os.getpid(), self._level, self._lacks, self._remarks)

    def start(self, program: Callable[[], int], *, cwd: str, script: str) -> int:
        """Call *program* inside and return its result.

        What it starts may write to the directory *cwd* and read that of the file *script*.
        Raises `OSError` with a sentence, also when it cannot be as isolated as was reported.
        """
        if self._level in (Level.OFF, Level.NONE):
            return program()
        return _in_a_thread(lambda: self._start(program, _own(cwd, script)))

    @contextmanager
    def rulesets(self, *, cwd: str, script: str) -> Iterator[tuple[int, ...]]:
        """Open what a process of one thread has to enter, one after the other, for the same.

        There are none where `start` would not isolate either. Raises `OSError`.
        """
        if self._level in (Level.OFF, Level.NONE):
            yield ()
            return
        try:
            opened = self._made(_own(cwd, script))
        except OSError as error:
            raise OSError(f"{_NOT_ISOLATED}: {error.strerror}") from error
        with closing(opened[-1]):
            yield tuple(rules.descriptor for rules in opened)

    def _try(self) -> None:
        try:
            self.start(lambda: 0, cwd="/", script="/")
        except OSError as error:
            self._level, self._lacks = Level.NONE, f"the kernel does not let us use it: {error}"

    def _start(self, program: Callable[[], int], own: Mapping[str, int]) -> int:
        try:
            self._enter(own)
        except OSError as error:
            raise OSError(f"{_NOT_ISOLATED}: {error.strerror}") from error
        return program()

    def _enter(self, own: Mapping[str, int]) -> None:
        made = self._made(own)
        with closing(made[-1]):
            for rules in made:
                rules.enter()

    def _made(self, own: Mapping[str, int]) -> tuple[Ruleset, ...]:
        """Return what to enter, in this order; the last is the caller's to close."""
        now = time.monotonic()
        if now - self._looked_at > _FRESH:
            self._look()
            self._looked_at = now
        with ExitStack() as failing:
            rules = failing.enter_context(closing(Ruleset(self._landlock)))
            for place in self._places:
                rules.allow(place)
            _allow(rules, own)
            failing.pop_all()
        return (rules,) if self._beside_hidden is None else (self._beside_hidden, rules)

    def _look(self) -> None:
        """Open what scripts may touch, anew: files may have been exchanged for others."""
        wish = self._wish
        reach = reach_of(
            readable=(*wish.readable, wish.environments_dir),
            writable=wish.writable,
            hidden=wish.hidden,
            runs_dir=wish.runs_dir,
        )
        with ExitStack() as opening:
            places = [opening.enter_context(closing(place)) for place in _opened(reach.roots)]
            beside = None
            if reach.pieces:
                beside = opening.enter_context(closing(Ruleset(self._landlock)))
                ours = {wish.runs_dir: WRITE, wish.blobs_dir: READ, wish.environments_dir: WRITE}
                _allow(beside, reach.pieces | ours)
            self._held.close()
            self._held = opening.pop_all()
        self._places, self._beside_hidden = places, beside
        self._remarks = reach.remarks


def _own(cwd: str, script: str) -> Mapping[str, int]:
    folder = os.path.dirname(script)  # noqa: PTH120  # pathlib is not loaded here
    return {cwd: WRITE, folder: READ}


def _allow(rules: Ruleset, rights: Mapping[str, int]) -> None:
    for place in _opened(rights):
        with closing(place):
            rules.allow(place)


def _opened(rights: Mapping[str, int]) -> Iterator[Place]:
    """Yield the places that can be opened; what we cannot reach no script can."""
    for path, right in rights.items():
        with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
            yield Place(path, right)


def _in_a_thread(action: Callable[[], int]) -> int:
    """Return what *action* returns in a thread that ends with it."""
    results: list[int] = []
    failures: list[OSError] = []
    done = allocate_lock()

    def act() -> None:
        try:
            results.append(action())
        except OSError as error:
            failures.append(error)
        finally:
            done.release()

    done.acquire()
    try:
        start_new_thread(act, ())
    except RuntimeError as error:
        raise OSError("the script could not be started: no thread is left") from error
    done.acquire()
    if failures:
        raise failures[0]
    return results[0]
