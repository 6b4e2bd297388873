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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum

from service.engine.landlock import OLDEST_ABI, READ, SCOPES_ABI, WRITE, Landlock, Ruleset
from service.engine.protocol import Isolate, Ready
from service.engine.reach import reach_of
from service.engine.rulesets import Rulesets, made, opened
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
        self._rulesets = Rulesets(landlock)
        self._beside_hidden: tuple[Ruleset, ...] = ()
        """What is to be entered first, if anything is."""
        self._held = ExitStack()
        """Closes it, and the places that are allowed."""
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
        try:
            self._look_again()
            lent = self._rulesets.lent(cwd=cwd, folder=_folder(script))
        except OSError as error:
            raise OSError(f"{_NOT_ISOLATED}: {error.strerror}") from error
        return _in_a_thread(lambda: _start(program, (*self._beside_hidden, lent)))

    @contextmanager
    def rulesets(self, *, cwd: str, script: str) -> Iterator[tuple[int, ...]]:
        """Open what a process of one thread has to enter, one after the other, for the same.

        There are none where `start` would not isolate either. Raises `OSError`.
        """
        if self._level in (Level.OFF, Level.NONE):
            yield ()
            return
        try:
            self._look_again()
            made = self._rulesets.made(cwd=cwd, folder=_folder(script))
        except OSError as error:
            raise OSError(f"{_NOT_ISOLATED}: {error.strerror}") from error
        with closing(made):
            yield tuple(rules.descriptor for rules in (*self._beside_hidden, made))

    def rest(self) -> None:
        """No script is live: let go of most of what is kept for the next ones."""
        self._rulesets.rest()

    def _try(self) -> None:
        try:
            self.start(lambda: 0, cwd="/", script="/")
        except OSError as error:
            self._level, self._lacks = Level.NONE, f"the kernel does not let us use it: {error}"

    def _look_again(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > _FRESH:
            self._look()
            self._looked_at = now

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
            places = [opening.enter_context(closing(place)) for place in opened(reach.roots)]
            beside: tuple[Ruleset, ...] = ()
            if reach.pieces:
                ours = {wish.runs_dir: WRITE, wish.blobs_dir: READ, wish.environments_dir: WRITE}
                rules = made(self._landlock, reach.pieces | ours)
                beside = (opening.enter_context(closing(rules)),)
            self._held.close()
            self._held = opening.pop_all()
        self._rulesets.begin([self._landlock.rule(place) for place in places])
        self._beside_hidden = beside
        self._remarks = reach.remarks


def _folder(script: str) -> str:
    return os.path.dirname(script)  # noqa: PTH120  # pathlib is not loaded here


def _start(program: Callable[[], int], rulesets: Sequence[Ruleset]) -> int:
    try:
        for rules in rulesets:
            rules.enter()
    except OSError as error:
        raise OSError(f"{_NOT_ISOLATED}: {error.strerror}") from error
    return program()


def _in_a_thread(action: Callable[[], int]) -> int:
    """Return what *action* returns in a thread that ends with it."""
    results: list[int | OSError] = []
    done = allocate_lock()

    def act() -> None:
        try:
            results.append(action())
        except OSError as error:
            results.append(error)
        finally:
            done.release()

    done.acquire()
    try:
        start_new_thread(act, ())
    except RuntimeError as error:
        raise OSError("the script could not be started: no thread is left") from error
    done.acquire()
    result = results[0]
    if isinstance(result, OSError):
        raise result
    return result
