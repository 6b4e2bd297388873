"""Making one environment: commands run by the runner process, like scripts.

`stock` calls it. So a build has a deadline and limits, may write to its own directory only,
and is ended with all it started when the service ends, however that happens.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from service.engine.capture import Capture
from service.engine.environments.installer import Installer
from service.engine.environments.place import Place
from service.engine.process_tree import MARKER
from service.engine.protocol import Ended, Start
from service.engine.runner_client import RunnerClient
from service.errors import EnvironmentNotMade, RunnerLost
from service.outcome import Ending, readable

_OUTPUT_KEPT = 256 * 1024
_OUTPUT_LIMIT = 16 << 20
_LAST_OUTPUT = 1.0
_GRACE = 2.0
_TAIL_LINES = 12
_TAIL = 1200
"""Characters of what the installer said that stand in the error of the run."""
FAILURE = "the environment of this script could not be made"


class Builder:
    """Makes environments through the runner process."""

    def __init__(
        self,
        client: RunnerClient,
        installer: Installer,
        *,
        home: Path,
        path: str,
        nice: str | None,
        timeout: float,
        memory: int,
        processes: int,
    ) -> None:
        """*timeout* is the seconds for one environment, *nice* the program that lowers priority.

        *home* need not exist; it lies among the directories of runs, by which what was left
        of an earlier service is recognised and ended.
        """
        self._client = client
        self._installer = installer
        self._home = home
        self._path = path
        self._nice = (nice, "-n", "10") if nice else ()
        self._timeout = timeout
        self._memory = memory
        self._processes = processes

    async def build(self, place: Place, packages: Sequence[str]) -> None:
        """Make the environment at *place*, which is empty and owned by the caller.

        Raises `EnvironmentNotMade` with what the installer said, `RunnerLost` when the
        runner process is gone or the service is ending.
        """
        until = asyncio.get_running_loop().time() + self._timeout
        place.work.mkdir(mode=0o700)
        variables = {
            **self._installer.variables(),
            "PATH": self._path,
            "HOME": str(self._home),
            "TMPDIR": str(place.work),
            "LANG": "C.UTF-8",
        }
        for command in self._installer.commands(packages, place.environment):
            run = f"environment-{secrets.token_hex(8)}"
            left = until - asyncio.get_running_loop().time()
            start = Start(
                run=run,
                argv=(*self._nice, *command),
                environment={**variables, MARKER: run},
                cwd=str(place.path),
                timeout=max(left, 0.1),
                grace=_GRACE,
                file_size=0,
                memory=self._memory,
                processes=self._processes,
            )
            ended, output = await self._run(start)
            self._judge(ended, output, packages)

    async def _run(self, start: Start) -> tuple[Ended, bytes]:
        if self._client.gone.is_set():
            raise RunnerLost
        try:
            capture = Capture(
                self._client.streams,
                kept=_OUTPUT_KEPT,
                limit=_OUTPUT_LIMIT,
                exceeded=lambda: self._stop(start.run, Ending.OUTPUT_LIMIT),
            )
        except OSError as error:
            raise EnvironmentNotMade(f"{FAILURE}: {error.strerror}") from error
        future = self._client.start(start, capture.writing_ends)
        try:
            ended = await asyncio.shield(future)
            await capture.finish(within=_LAST_OUTPUT)
        except asyncio.CancelledError:
            self._stop(start.run, Ending.INTERRUPTED)
            with contextlib.suppress(RunnerLost):
                await future
            raise
        finally:
            capture.close()
        return ended, capture.output.content()

    def _stop(self, run: str, why: Ending) -> None:
        self._client.stop(run, why, grace=0)

    def _judge(self, ended: Ended, output: bytes, packages: Sequence[str]) -> None:
        """Raise an error unless the command did its work."""
        why = Ending(ended.why)
        if why is Ending.EXIT and ended.code == 0:
            return
        if why is Ending.INTERRUPTED:
            raise RunnerLost("the service was shut down")
        said = self._installer.masked(readable(output)).strip()
        names = ", ".join(packages[:5]) + (", …" if len(packages) > 5 else "")
        reason = {
            Ending.DEADLINE: f"it took longer than {self._timeout:g} s "
            "(GENEXEC_PYTHON_ENVIRONMENT_TIMEOUT)",
            Ending.OUTPUT_LIMIT: "the installer said too much",
            Ending.NOT_RUN: ended.detail,
        }.get(why, f"the installer ended with code {ended.code}")
        if ended.signal is not None and why is Ending.EXIT:
            reason = f"the installer was ended by signal {ended.signal}"
        tail = " | ".join(line.strip() for line in said.splitlines()[-_TAIL_LINES:])[-_TAIL:]
        raise EnvironmentNotMade(
            f"{FAILURE}: {reason}; it needs {names or 'no packages'}{': ' if tail else ''}{tail}",
            output=said,
        )
