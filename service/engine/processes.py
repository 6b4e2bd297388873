"""Running `.sh` and `.py` files through the runner process.

`wiring` makes one `ProcessRunner` for both suffixes; `handling` gives it orders. The runner
process starts, limits and ends processes; here a run gets its directory, its script file,
its environment and its pipes, and its end becomes an `Execution`. Output comes here from
the script directly, not through the runner.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from signal import SIGXFSZ

from service.engine.capture import Capture
from service.engine.endings import not_run, what_stopped
from service.engine.live import LiveOutputs
from service.engine.process_tree import MARKER
from service.engine.protocol import Ended, Isolate, Ready, Start
from service.engine.run_directory import RunDirectory, make_private, remove_abandoned
from service.engine.runner_client import RunnerClient
from service.engine.script_files import ScriptFiles, suffix_of
from service.engine.warm.ways import WarmPython
from service.errors import RunnerLost
from service.masks import Masks
from service.outcome import Ending, Execution
from service.ports import Order

MIB = 1 << 20

_LAST_OUTPUT = 1.0
_LAST_REPORTS = 8.0
_FLAGS: dict[str, tuple[str, ...]] = {".sh": (), ".py": ("-B",)}
"""Python writes no bytecode: the directory of a script is shared by all its runs."""
_DISK_LOOK = 0.5


class ProcessRunner:
    """The `Runner` for scripts that are processes."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        runs_dir: Path,
        blobs_dir: Path,
        environments_dir: Path,
        bash: str,
        python: str,
        path: str,
        grace: float,
        disk_limit: int,
        output_limit: int = 16 * MIB,
        output_kept: int = MIB,
        memory_limit: int = 2048 * MIB,
        process_limit: int = 128,
        warm_python: bool = True,
        isolated: bool = True,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        masks: Masks | None = None,
    ) -> None:
        """Take the engine's end of the *connection* to a runner process.

        *runs_dir* belongs to this object alone. *bash* and *python* are absolute or "", *path* is
        the `PATH` of scripts. *grace* is the seconds between SIGTERM and SIGKILL. Disk and
        output are bytes per run, *memory_limit* is bytes per process, *process_limit* how many
        processes the user may have above those it has; 0 lifts the last two. *warm_python*
        forks `.py` files from an interpreter. *isolated* scripts are kept from the service as
        far as the kernel can: they may touch their own directory and what they need of the
        system, what is *readable* and *writable*, but nothing *hidden*. They read
        *environments_dir*; what `client` starts in a directory of it writes to that.
        """
        self.client = RunnerClient(connection)
        self.live = LiveOutputs(masks or Masks())
        self._runs_dir = runs_dir.absolute()  # the runner has a directory of its own
        self._blobs_dir = blobs_dir.absolute()
        self._scripts = ScriptFiles(self._blobs_dir)
        self._programs = {n: one for n, one in ((".sh", bash), (".py", python)) if one}
        self._path = path
        self._grace = grace
        self._disk_limit = disk_limit
        self._output_limit = output_limit
        self._output_kept = output_kept
        self._memory_limit = memory_limit
        self._process_limit = process_limit
        self.ways = WarmPython(wanted=warm_python)
        self._occupied: dict[str, RunDirectory] = {}  # by live run
        self._watching: asyncio.Task[None] | None = None
        self._wish = Isolate(
            wanted=isolated,
            readable=[*filter(None, (bash, python)), *path.split(":"), *map(str, readable)],
            writable=[str(place.absolute()) for place in writable],
            hidden=[str(place.absolute()) for place in hidden],
            runs_dir=str(self._runs_dir),
            blobs_dir=str(self._blobs_dir),
            environments_dir=str(environments_dir.absolute()),
        )

    @property
    def gone(self) -> asyncio.Event:
        """Set when the runner process is gone; nothing can be run any more."""
        return self.client.gone

    async def start(self) -> Ready:
        """Return what the runner process says about itself; it is there then.

        Raises `RunnerLost` when it does not come, or a directory cannot be made.
        """
        make_private(self._wish.runs_dir, self._wish.blobs_dir, self._wish.environments_dir)
        remove_abandoned(self._runs_dir)
        ready = await self.client.connect(self._wish)
        self._watching = asyncio.create_task(self._watch_disk())
        return ready

    async def close(self) -> None:
        """Interrupt what runs, give it its grace, then let the runner process go."""
        await self.client.settle(
            Ending.INTERRUPTED, grace=self._grace, within=self._grace + _LAST_REPORTS
        )
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        self.client.close()

    async def run(self, order: Order) -> Execution:
        """Run the script of *order* and return when it and all that it started are gone.

        Raises `RunnerLost` when the runner went away. Who cancels this ends the script first.
        """
        if self.gone.is_set():
            raise RunnerLost
        if order.run in self._occupied:
            raise AssertionError(f"run {order.run} has a script that is still running")
        suffix = suffix_of(order.name)
        program = order.program or self._programs.get(suffix)
        if program is None:
            return not_run(f"no program runs files that end with {suffix!r}")
        try:
            script = self._scripts.path(blob=order.blob, name=order.name, content=order.content)
            directory = RunDirectory(self._runs_dir, order.event, order.files)
        except OSError as error:
            return not_run(f"the run could not be prepared: {error.strerror}")
        self._occupied[order.run] = directory
        try:
            return await self._execute(order, self._start_of(order, program, script, directory))
        finally:
            del self._occupied[order.run]
            await directory.remove()

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""
        return self.client.stop(run, Ending.CANCELLED, grace=self._grace)

    def _start_of(self, order: Order, program: str, script: str, directory: RunDirectory) -> Start:
        cwd = directory.place
        own_bin = order.program.rpartition("/")[0]
        own = {
            MARKER: order.run,
            "PATH": f"{own_bin}:{self._path}" if order.program else self._path,
            "HOME": cwd,
            "TMPDIR": cwd,
            "LANG": "C.UTF-8",
            "GENEXEC_RESULT_FILE": directory.result_file,
            **directory.files,
        }
        return Start(
            run=order.run,
            argv=(program, *_FLAGS[suffix_of(script)], script, directory.event_file),
            environment={**order.variables, **own},
            cwd=cwd,
            timeout=order.timeout,
            grace=self._grace,
            file_size=self._disk_limit,
            memory=self._memory_limit,
            processes=self._process_limit,
            warm=self.ways.domain(order),
        )

    async def _execute(self, order: Order, start: Start) -> Execution:
        try:
            capture = Capture(
                self.client.streams,
                kept=self._output_kept,
                limit=self._output_limit,
                exceeded=lambda: self._stop_now(start.run, Ending.OUTPUT_LIMIT),
            )
        except OSError as error:
            return not_run(f"the run could not be prepared: {error.strerror}")
        try:
            self.live.announce(order, capture.output.content)
            ended = await self._end_of(start, capture)
            await capture.finish(within=_LAST_OUTPUT)
        except ValueError as error:
            return not_run(f"the script could not be started: {error}")
        finally:
            self.live.over(order)
            capture.close()
        self.ways.note(start, ended)
        directory = self._occupied[start.run]
        ending = Ending(ended.why)
        if ending is Ending.EXIT and await self._hit_file_size(ended, directory):
            ending = Ending.DISK_LIMIT
        return Execution(
            ending=ending,
            exit_code=ended.code,
            signal=ended.signal,
            stdout=capture.stdout.content(),
            output=capture.output.content(),
            cut=capture.cut,
            result_file=directory.result(),
            detail=ended.detail or what_stopped(ending, start, output=self._output_limit),
            seconds=ended.seconds,
            leftovers=ended.leftovers,
        )

    async def _end_of(self, start: Start, capture: Capture) -> Ended:
        future = self.client.start(start, capture.writing_ends)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.client.stop(start.run, Ending.INTERRUPTED, grace=self._grace)
            with contextlib.suppress(RunnerLost):
                await future
            raise

    def _stop_now(self, run: str, why: Ending) -> None:
        self.client.stop(run, why, grace=0)  # five more seconds would be enough to fill a disk

    async def _hit_file_size(self, ended: Ended, directory: RunDirectory) -> bool:
        """Say whether it ended because one file was about to outgrow the disk limit."""
        hit = ended.signal == SIGXFSZ or ended.code == 128 + SIGXFSZ
        return hit and await directory.exceeds(self._disk_limit - 1)

    async def _watch_disk(self) -> None:
        loop = asyncio.get_running_loop()
        took = 0.0
        while True:
            await asyncio.sleep(max(_DISK_LOOK, 4 * took))
            began = loop.time()
            for run, directory in tuple(self._occupied.items()):
                if run in self._occupied and await directory.exceeds(self._disk_limit):
                    self._stop_now(run, Ending.DISK_LIMIT)
            took = loop.time() - began
