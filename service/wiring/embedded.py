"""An engine inside another program, and the desks at it.

The Botkube plugin and whoever else answers people carries one: the same parts as in the
service, in the caller's event loop, with a runner process and a state directory of its own.
There is no supervisor: when the runner is lost, every question says so, and the program opens
another engine. What an earlier program left unfinished is taken up when it is opened.
"""

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO

from service.config.settings import Settings
from service.engine.launch import launch_runner
from service.engine.process_tree import end_strays
from service.journal.care import make_sound
from service.journal.inbox import SqliteInbox
from service.journal.lock import lock_state_directory
from service.journal.reserve import Reserve
from service.wiring.assembly import Parts, assembled
from service.wiring.embedded_desk import EmbeddedEngine
from service.wiring.given import GivenFiles
from service.wiring.upkeep import Resender, engine_upkeep, inbox_upkeep

log = logging.getLogger(__name__)

_GRACE = 1.0
"""Seconds that scripts get at the end: whoever carries the engine has to end soon."""
_LAST_DELIVERIES = 0.2
_STRAYS = 4.0
_RUNNER_ENDS = 1.0


@asynccontextmanager
async def opened_engine(
    settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator["EmbeddedEngine"]:
    """Open an engine in the running loop; closing it takes less than two seconds.

    *environment* is what scripts may be shown parts of, as the settings say. Raises
    `JournalLocked` when another engine uses the state directory, and `BadSettings`.
    """
    settings = replace(settings, grace=min(settings.grace, _GRACE))
    async with AsyncExitStack() as stack:
        lock = await asyncio.to_thread(_prepared, settings)
        stack.callback(lock.close)
        process, connection = await asyncio.to_thread(launch_runner, path=settings.script_path)
        stack.push_async_callback(asyncio.to_thread, _wait, process)
        stack.callback(connection.close)
        given = GivenFiles()
        parts = await assembled(settings, environment, connection, stack, through=given.before)
        inbox = SqliteInbox(
            settings.state_dir / "inbox.db",
            record_path=settings.state_dir / "record.db",
            queue_limit=settings.queue,
            reserve=parts.reserve,
        )
        stack.callback(inbox.close)
        resender = Resender(parts.journal, parts.outbox)
        upkeep = engine_upkeep(parts.journal, resender, parts.reserve, settings)
        works = (parts.worker.run(), parts.outbox.run(), inbox_upkeep(inbox, settings), *upkeep)
        loops = [asyncio.create_task(work) for work in works]
        stack.push_async_callback(_end, parts, loops)
        yield EmbeddedEngine(settings=settings, parts=parts, inbox=inbox, given=given, loops=loops)


def _prepared(settings: Settings) -> FileIO:
    """Lock the state directory and look after what an earlier program left there."""
    lock = lock_state_directory(settings.state_dir)
    try:
        strays = end_strays(str(settings.runs_dir), within=_STRAYS)
        if strays:
            log.warning("ended %d processes that scripts of an earlier runner had left", strays)
        make_sound(settings.state_dir, now=datetime.now(UTC))
        Reserve(settings.state_dir).take()
    except BaseException:
        lock.close()
        raise
    return lock


async def _end(parts: Parts, loops: Sequence["asyncio.Task[None]"]) -> None:
    """Interrupt what runs, write it down, stop the loops."""
    await parts.worker.stop(0)
    await parts.outbox.drain(_LAST_DELIVERIES)
    for loop in loops:
        loop.cancel()
    for ended in await asyncio.gather(*loops, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("a loop of the engine had ended because of a fault", exc_info=ended)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_RUNNER_ENDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
