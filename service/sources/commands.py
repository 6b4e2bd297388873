"""The one place that starts Git.

`mirror` runs commands to their end in a thread, `objects` talks to one that stays. Every
command is started through GitPython, in a session of its own and with a constructed
environment: nothing of ours is inherited, no configuration of the machine is read.

GitPython's `kill_after_timeout` is not used: it searches descendants with `pgrep` or `ps`,
which an image may lack, and then waits for whoever still holds the pipes. Here the deadline
ends the whole process group.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import git

from service.errors import SourceMisconfigured
from service.sources.address import redacted
from service.sources.credentials import Credentials
from service.sources.ending import drained, end, signal_group

NEEDED = (2, 36)
"""The first Git with `cat-file --batch-command`."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HELPER = Path(__file__).with_name("credential.sh")
_CLOSED = "the service is shutting down"
_FOLLOWS_THE_REASON = "fatal: Could not read from remote repository."
_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1",
    "maintenance.auto": "false",
}
"""Nothing is ever collected: the objects of a pinned commit stay, whatever becomes of it."""


class GitFailed(Exception):
    """Git ended with an error, was ended at its deadline, or said too much."""

    def __init__(self, cause: str, *, said: str = "") -> None:
        super().__init__(cause)
        self.said = said
        """Everything it wrote to standard error, without secrets."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command that succeeded wrote."""

    text: str
    said: str
    """Warnings, from standard error."""


class Commands:
    """Runs Git against remotes of one scheme, and ends what still runs when it is closed."""

    def __init__(self, *, scheme: str, credentials: Credentials, timeout: float) -> None:
        self._credentials = credentials
        self._timeout = timeout
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        program = shutil.which("git")
        # A remote that falls silent is also noticed by Git itself, should we be gone by then.
        silence = {"http.lowSpeedTime": str(max(1, int(timeout)))}
        self._environment = {
            "PATH": f"{Path(program).parent}:{_PATH}" if program else _PATH,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": scheme,
            "GIT_SSH_COMMAND": credentials.ssh_command(timeout=timeout),
            "GIT_SSH_VARIANT": "ssh",
            **_as_environment(_CONFIGURATION | silence | credentials.http_configuration()),
        }

    @property
    def timeout(self) -> float:
        """Seconds after which a command and everything it started are ended."""
        return self._timeout

    def check_version(self, directory: Path) -> None:
        """Raise `SourceMisconfigured` when Git is missing or too old."""
        try:
            words = self.run(directory, "version").text.split()
        except GitFailed as error:
            raise SourceMisconfigured(f"Git cannot be used ({error}); install git") from error
        numbers = words[2].split(".")[:2] if len(words) > 2 else []
        if len(numbers) < 2 or not all(number.isdigit() for number in numbers):
            raise SourceMisconfigured("Git does not tell its version; install git 2.36 or later")
        if (int(numbers[0]), int(numbers[1])) < NEEDED:
            raise SourceMisconfigured(f"Git {words[2]} is too old; install git 2.36 or later")

    def run(
        self, directory: Path, *arguments: str, remote: bool = False, keep: tuple[int, ...] = ()
    ) -> Output:
        """Run Git to its end in the repository at *directory*; blocks.

        With *remote* it may use the credentials. The descriptors *keep* stay open as long as
        anything it started lives. Raises `GitFailed`, or `SourceUnavailable` when the
        credentials cannot be read.
        """
        if not remote:
            return self._finished(self._start(directory, arguments, keep=keep))
        with self._credentials.handed_over() as handed:
            started = self._start(directory, arguments, keep=keep, handed=handed.descriptors)
            return self._finished(started, secret=handed.token)

    def open(self, directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Git with a pipe to its input and leave it running; blocks for the start.

        Who opened it ends it. Raises `GitFailed`.
        """
        return self._start(directory, arguments, stdin=subprocess.PIPE)

    def close(self) -> None:
        """End every command that `run` waits for; those that come later fail at once."""
        self._closed = True
        for process in tuple(self._running):
            signal_group(process, signal.SIGKILL)

    def _start(
        self,
        directory: Path,
        arguments: tuple[str, ...],
        *,
        stdin: int | None = None,
        keep: tuple[int, ...] = (),
        handed: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        if self._closed:
            raise GitFailed(_CLOSED)
        environment = self._environment | {"GIT_DIR": str(directory)}
        options: list[str] = []
        if handed:
            environment["GENEXEC_CREDENTIAL"] = str(handed[0])
            options = ["-c", f"credential.helper=!sh {shlex.quote(str(_HELPER))}"]
        # GitPython can add to our environment but leave nothing out; `env -i` can.
        clean = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        try:
            started = git.Git(directory).execute(
                [*clean, "git", *options, *arguments],
                istream=stdin,
                as_process=True,
                start_new_session=True,
                pass_fds=(*keep, *handed),
            )
        except (git.GitError, OSError) as error:
            raise GitFailed("git could not be started") from error
        process, started.proc = started.proc, None  # or it would be ended when forgotten
        if process is None:
            raise GitFailed("git could not be started")
        return process

    def _finished(self, process: subprocess.Popen[bytes], *, secret: str = "") -> Output:
        deadline = time.monotonic() + self._timeout
        self._running.add(process)
        problem = "interrupted"
        with process:
            try:
                out, err, problem = drained(process, deadline)
            finally:
                end(process, deadline if not problem else 0.0)
                self._running.discard(process)
        said = redacted(err.decode("utf-8", "replace"), secret)
        if self._closed:
            raise GitFailed(_CLOSED)
        if problem:
            raise GitFailed(f"{problem} within {self._timeout:g} s", said=said)
        if process.returncode:
            raise GitFailed(_cause(said) or f"git ended with {process.returncode}", said=said)
        return Output(out.decode("utf-8", "surrogateescape"), said)


def _as_environment(configuration: dict[str, str]) -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(configuration))}
    for index, (name, value) in enumerate(configuration.items()):
        variables[f"GIT_CONFIG_KEY_{index}"] = name
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables


def _cause(said: str) -> str:
    """Return the line that says most, short and without control characters."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if _FOLLOWS_THE_REASON in lines[1:]:
        lines = lines[: lines.index(_FOLLOWS_THE_REASON)]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    line = (telling or lines or [""])[-1]
    plain = "".join(character if character.isprintable() else "?" for character in line)
    return plain.removeprefix("fatal: ").removeprefix("error: ")[:300]
