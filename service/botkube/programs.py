"""Starts the programs that chat may use; nothing of theirs stays behind.

`cmd` calls it with words that no shell has read. A program gets a small environment, a home
of its own that goes away with it, the kubeconfig of this one call in a file only we can read,
and one pipe for what it writes: nobody inherits the standard streams of the plugin, because
the host waits for whoever holds them.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.errors import NoSuchProgram, ProgramNotStarted

_HALF = 256 * 1024
"""Bytes of output that are kept from the beginning, and from the end."""
_AFTERWARDS = 1.0
"""Seconds for the last output when the program has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a program ended."""

    code: int | None
    """None when it was stopped at its time limit."""
    output: str
    """Standard output and error as they came; the middle is missing when it was long."""


class Programs:
    """Finds and runs programs."""

    def __init__(self, *, path: str, dependency_dir: str = "") -> None:
        """*dependency_dir* holds what the host has downloaded for us; it comes before *path*."""
        self._path = path
        self._dependencies = Path(dependency_dir) if dependency_dir else None

    async def run(self, words: Sequence[str], *, seconds: float, kubeconfig: bytes) -> Ended:
        """Run a program with its arguments to its end, or stop it with all it has started.

        Raises `NoSuchProgram`, `ProgramNotStarted`.
        """
        program = self._find(words[0])
        with tempfile.TemporaryDirectory(prefix="genexec-cmd-", ignore_cleanup_errors=True) as home:
            environment = self._environment(Path(home), kubeconfig)
            reader, writer = os.pipe()
            try:
                process = await asyncio.create_subprocess_exec(
                    program,
                    *words[1:],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=writer,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=home,
                    env=environment,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                os.close(reader)
                raise ProgramNotStarted(f"{words[0]} could not be started: {error}") from error
            finally:
                os.close(writer)
            return await _attend(process, reader, seconds)

    def _find(self, name: str) -> str:
        if self._dependencies is not None:
            own = self._dependencies / name
            if own.is_file() and os.access(own, os.X_OK):
                return str(own)
        found = shutil.which(name, path=self._path)
        if found is None:
            raise NoSuchProgram(f"{name} is not installed where the plugin runs")
        return found

    def _environment(self, home: Path, kubeconfig: bytes) -> dict[str, str]:
        first = [str(self._dependencies)] if self._dependencies else []
        environment = {
            "PATH": ":".join([*first, self._path]),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if kubeconfig:
            file = home / "kubeconfig"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(kubeconfig)
            environment["KUBECONFIG"] = str(file)
        return environment


async def _attend(process: asyncio.subprocess.Process, reader: int, seconds: float) -> Ended:
    # A pipe of our own: asyncio would take a process for running while anybody holds its pipe.
    kept = _Kept()
    reading = asyncio.create_task(_read(reader, kept))
    code: int | None = None
    try:
        with contextlib.suppress(TimeoutError):
            code = await asyncio.wait_for(process.wait(), timeout=seconds)
    finally:
        _kill(process)
        # Who left the session may still hold the pipe; what it writes is nobody's business.
        await asyncio.wait({reading}, timeout=_AFTERWARDS)
        reading.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), timeout=_AFTERWARDS)
    return Ended(code=code, output=kept.text())


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _read(reader: int, kept: "_Kept") -> None:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", buffering=0)
    )
    try:
        while chunk := await stream.read(65536):
            kept.add(chunk)
    finally:
        transport.close()


class _Kept:
    """The beginning and the end of an output of any length."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._missing = 0

    def add(self, chunk: bytes) -> None:
        room = _HALF - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        excess = len(self._tail) - _HALF
        if excess > 0:
            del self._tail[:excess]
            self._missing += excess

    def text(self) -> str:
        gap = f"\n… {self._missing} bytes omitted …\n".encode() if self._missing else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "replace")
