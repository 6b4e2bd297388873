"""`genexec serve`: starts the processes, watches them, ends them in order.

    supervisor ─┬─ runner    starts scripts; knows no secret
                ├─ engine    claims, runs, records, delivers; writes record.db
                └─ web       gunicorn: takes events; writes inbox.db

Engine and runner live and die together: one end of their socket each. The web process
outlives them; what it accepts meanwhile is on disk. A process that ends by itself is
started again after a pause that grows. If the supervisor is killed, the kernel ends the
engine, and the runner ends all scripts because its socket closes.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

from service.config.settings import Settings
from service.engine.isolation import insist, level_of
from service.engine.landlock import Landlock
from service.engine.launch import launch_runner
from service.engine.process_tree import end_strays
from service.errors import BadSettings
from service.journal.care import make_sound
from service.journal.lock import lock_state_directory
from service.journal.reserve import Reserve

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STEADY = 60.0
"""Seconds a process must live until its next pause is the first one again."""
_BACKLOG = 2048
_LAST_WAIT = 4.0
"""Seconds a process gets beyond its grace before it is killed."""
_DAMAGED, _MISCONFIGURED = 65, 78
"""Exit codes of a process that met damage in the journal, or a setting it cannot work with."""


@dataclass(slots=True)
class _Child:
    """A process that is started again when it ends."""

    name: str
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    due: float = 0.0
    pause: float = _FIRST_PAUSE
    starts: int = 0
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    """Processes that are started and ended with it."""

    def ended(self) -> bool:
        """Say whether it, or a process it cannot do without, has ended."""
        if self.process is None:
            return False
        return any(process.poll() is not None for process in (self.process, *self.others))


class Supervisor:
    """Keeps the service running until it is told to stop."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        """*environment* is what engine and web start with; the runner gets none of it.

        Raises `JournalLocked`, `JournalUnreadable`, and `BadSettings` when the kernel lacks
        what is required.
        """
        insist(settings.isolation, *level_of(Landlock().abi))
        self._settings = settings
        self._environment = dict(environment)
        self._engine = _Child("engine")
        self._web = _Child("web")
        self._lock = lock_state_directory(settings.state_dir)
        self._prepare_journal()
        self._listening = _listening_socket(settings.host, settings.port)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._draining = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._talk = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._signals, self._signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._refused = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        signal.set_wakeup_fd(self._signalled)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self._signals, selectors.EVENT_READ)
        while not self._stopping:
            for child, start in ((self._engine, self._start_engine), (self._web, self._start_web)):
                if child.ended():
                    self._bury(child)
                if child.process is None and time.monotonic() >= child.due:
                    start(child)
            self._bury_strangers()
            if selector.select(self._until_due()):
                os.read(self._signals, 4096)
        return self._shut_down()

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _until_due(self) -> float | None:
        waiting = [child.due for child in (self._engine, self._web) if child.process is None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _start_engine(self, child: _Child) -> None:
        strays = end_strays(str(self._settings.runs_dir), within=_LAST_WAIT)
        if strays:
            log.warning("ended %d processes that scripts of an earlier runner had left", strays)
        runner, connection = launch_runner(path=self._settings.script_path)
        with connection:
            arguments = [
                "--runner",
                str(connection.fileno()),
                "--talk",
                str(self._talk[0].fileno()),
            ]
            passed = (connection.fileno(), self._talk[0].fileno())
            self._start(child, arguments, passed)
        child.others = [runner]

    def _start_web(self, child: _Child) -> None:
        talk = self._talk[1].fileno()
        listening = self._listening.fileno()
        arguments = ["--draining", str(self._draining), "--talk", str(talk)]
        arguments += ["--listening", str(listening)]
        self._start(child, arguments, (self._draining, talk, listening))

    def _start(self, child: _Child, arguments: Sequence[str], passed: Sequence[int]) -> None:
        # -P: the folder we were started in may hold a `yaml.py` of somebody, but no module of ours.
        command = [sys.executable, "-P", "-m", "service.cli", child.name, *arguments]
        command += ["--wake", str(self._wake), "--parent", str(os.getpid())]
        descriptors = (*passed, self._wake, self._lock.fileno())
        child.process = subprocess.Popen(
            command, env=self._environment, pass_fds=descriptors, process_group=0
        )
        child.started, child.starts = time.monotonic(), child.starts + 1

    def _bury_strangers(self) -> None:
        """Wait for what fell to us as process 1 of a container and has ended."""
        ours = {
            process.pid
            for child in (self._engine, self._web)
            for process in (child.process, *child.others)
            if process is not None
        }
        with suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid in ours:
                    break  # we are about to be woken for it
                os.waitpid(ended.si_pid, 0)

    def _bury(self, child: _Child) -> None:
        """End what is left of a child and say when it is started again."""
        processes = [process for process in (child.process, *child.others) if process is not None]
        codes = [process.poll() for process in processes]
        for process in processes:  # an engine without a runner still writes down what it knows
            _end_within(process, _LAST_WAIT)
        lived = time.monotonic() - child.started
        child.pause = _FIRST_PAUSE if lived > _STEADY else min(child.pause * 2, _LONGEST_PAUSE)
        child.due = time.monotonic() + child.pause
        ended = " and ".join(
            f"{name} ended with code {code}"
            for name, code in zip((child.name, "its runner"), codes, strict=False)
            if code is not None
        )
        child.process, child.others = None, []
        if processes[0].returncode == _MISCONFIGURED and child.starts == 1:
            self._refused = self._stopping = True  # it will not be better next time
            return
        log.error("%s; started again in %.1f s", ended, child.pause)
        if processes[0].returncode == _DAMAGED:
            self._mend()

    def _mend(self) -> None:
        """Look for the damage that was met; nobody may have the files open meanwhile."""
        for child in (self._engine, self._web):
            self._end(child, self._settings.shutdown_grace + _LAST_WAIT)
            child.process, child.others = None, []
        self._prepare_journal(seconds=inf)

    def _prepare_journal(self, *, seconds: float | None = None) -> None:
        make_sound(self._settings.state_dir, now=datetime.now(UTC), seconds=seconds)
        if not Reserve(self._settings.state_dir).take():
            log.error(
                "there is no room on the disk to keep in reserve for results: new events are "
                "refused until there is",
                extra={"alarm": "disk-full"},
            )

    def _shut_down(self) -> int:
        """Refuse new events first, let the engine end its work, then close the door."""
        log.info("shutting down; running scripts get %.0f s", self._settings.shutdown_grace)
        os.eventfd_write(self._draining, 1)
        clean = self._end(self._engine, self._settings.shutdown_grace + _LAST_WAIT)
        clean &= self._end(self._web, _LAST_WAIT)
        self._listening.close()
        self._lock.close()
        log.info("stopped")
        return _MISCONFIGURED if self._refused else int(not clean)

    def _end(self, child: _Child, seconds: float) -> bool:
        if child.process is None:
            return True
        child.process.terminate()
        if not _end_within(child.process, seconds):
            log.error("%s did not end within %.0f s and was killed", child.name, seconds)
        for process in child.others:  # the runner ends by itself when its socket closes
            _end_within(process, _LAST_WAIT)
        return child.process.returncode == 0


def _listening_socket(host: str, port: int) -> socket.socket:
    """Take the address before anything is started; it outlives the web process.

    Who connects while the web process is started again waits a moment and is served.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise BadSettings(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}; "
            "GENEXEC_HOST and GENEXEC_PORT name another place"
        ) from error


def _end_within(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Wait for a process that is about to end, then kill it; say whether it ended by itself."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
