"""One script as the runner sees it: started, asked to end, killed, ended.

`runner` keeps one `Script` per live run, in its only thread, and tells it what time it is.
The script is over when its main process has ended and nothing it started is left; finding
the rest is the business of `runner` and `process_tree`.
"""

import errno
import os
import signal
from collections.abc import Collection
from math import inf

from service.engine.process_tree import Process, ask_to_end, descendants, end_tree, signal_group
from service.engine.protocol import DEADLINE, EXIT, NOT_RUN, Ended, Start
from service.engine.sandbox import as_others

PATIENCE = 5.0
"""Seconds until a process that does not even obey SIGKILL is left alone."""

_ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""The C library looks at each in any case: to name those that are ignored costs more."""


def spawn(start: Start, streams: tuple[int, ...]) -> int:
    """Start the program in a session of its own and return its id.

    Standard input is empty; *streams* become standard output and error. Everything else the
    runner holds open closes itself at `execve`. Raises `OSError` with a sentence.
    """
    stdout, stderr = streams
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, stdout, 1),
        (os.POSIX_SPAWN_DUP2, stderr, 2),
    ]
    try:
        # The runner does one thing at a time and uses no relative path: its directory is free.
        os.chdir(start.cwd)
        return os.posix_spawn(
            start.argv[0],
            list(start.argv),
            start.environment,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_ALL_SIGNALS,
            **as_others(),
        )
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise OSError("the variables are too large for the kernel to pass on") from error
        raise OSError(f"cannot start {start.argv[0]}: {error.strerror}") from error
    except ValueError as error:  # NUL, an equals sign in a name, half a character
        raise OSError(f"cannot pass on the variables: {error}") from error


class Script:
    """A live run."""

    def __init__(self, start: Start, pid: int, *, now: float) -> None:
        self.run = start.run
        self.pid = pid
        """Of the main process; also its group and its session."""
        self.over = False
        """The main process has ended."""
        self.due = now + start.timeout
        """When something is to be done next; monotonic."""
        self.leftovers: set[int] = set()
        self.gives_up = inf
        self.not_run = ""
        """Why its program never began, although there was a process."""
        self.cold = ""
        """Why it was started cold although it may be warm."""
        self._why = ""
        self._grace = start.grace
        self._started = now
        self._seconds = 0.0
        self._code: int | None = None
        self._signal: int | None = None

    def act(self, orphans: Collection[Process], *, now: float) -> None:
        """Do what is due: ask the script to end, or kill it."""
        if self._why:
            self._kill(orphans, now=now)
        else:
            self.stop(DEADLINE, orphans, grace=self._grace, now=now)

    def stop(self, why: str, orphans: Collection[Process], *, grace: float, now: float) -> None:
        """Ask everything of this run to end, and kill it *grace* seconds later.

        *orphans* are those of the run. The first reason counts; a later request can only
        make it faster.
        """
        if self.over or self.gives_up < inf:
            return
        if not self._why:
            self._why = why
            if grace > 0:
                others = [*orphans, *(p for o in orphans for p in descendants(o.pid))]
                ask_to_end(self.pid, [*descendants(self.pid), *others])
            self.due = now + grace
        self.due = min(self.due, now + grace)
        if self.due <= now:
            self._kill(orphans, now=now)

    def main_ended(self, result: os.waitid_result, *, now: float) -> None:
        """Note how the main process ended; it was not waited for yet."""
        self.over = True
        self._seconds = now - self._started
        if result.si_code == os.CLD_EXITED:
            self._code = result.si_status
        else:
            self._signal = result.si_status
        self.gives_up = min(self.gives_up, now + PATIENCE)

    def wait_for_main(self) -> None:
        """Kill the group and only then wait for its leader: until then its id is nobody's."""
        signal_group(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def report(self, *, now: float) -> Ended:
        """Return what the engine is told."""
        if self.not_run:
            return Ended(self.run, NOT_RUN, detail=self.not_run)
        stuck = now >= self.gives_up
        return Ended(
            run=self.run,
            why=self._why or EXIT,
            code=self._code,
            signal=self._signal,
            seconds=self._seconds if self.over else now - self._started,
            leftovers=len(self.leftovers),
            detail="some of its processes could not be ended" if stuck else "",
            cold=self.cold,
        )

    def _kill(self, orphans: Collection[Process], *, now: float) -> None:
        self.gives_up = min(self.gives_up, now + PATIENCE)
        self.due = self.gives_up
        end_tree(Process(self.pid, self.pid, self.pid))
        for orphan in orphans:
            end_tree(orphan)
