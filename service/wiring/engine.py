"""The engine process: claims events, runs scripts, delivers answers.

Started by `supervisor` with its end of the runner's socket. One event loop; the journal
has a thread for its commits and `.http` files a small pool. Ends with code 0 after SIGTERM,
with code 1 when the runner is lost: both are then started anew.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack

from service.config.settings import Settings
from service.delivery.outbox import Outbox
from service.errors import JournalUnreadable
from service.wiring.answers import Answers
from service.wiring.assembly import assembled
from service.wiring.isolation import report_isolation
from service.wiring.talk import Answerer
from service.wiring.upkeep import Resender, engine_upkeep
from service.worker import Worker

log = logging.getLogger(__name__)

_LAST_DELIVERIES = 2.0
"""Seconds that undelivered events get at shutdown; what is left is sent by the next start."""


async def run_engine(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    runner: socket.socket,
    talk: socket.socket,
    wake: int,
) -> int:
    """Run until SIGTERM or until the runner is lost; return the exit code."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        parts = await assembled(settings, environment, runner, stack)
        report_isolation(parts.ready)
        resender, damage = Resender(parts.journal, parts.outbox), asyncio.Event()
        answers = Answers(
            source=parts.source,
            worker=parts.worker,
            inquiries=parts.inquiries,
            outbox=parts.outbox,
            journal=parts.journal,
            resender=resender,
            damage=damage,
            scripts=parts.scripts,
            ready=parts.ready,
            warm_python=parts.processes.ways,
            settings=settings,
        )
        answerer = Answerer(talk, answers.table())
        stack.callback(answerer.close)
        answerer.start()
        loop.add_reader(wake, _take_call, wake, parts.worker)
        gc.freeze()
        upkeep = engine_upkeep(parts.journal, resender, parts.reserve, settings)
        return await _work(
            parts.worker,
            parts.outbox,
            loops=(parts.worker.run(), parts.outbox.run(), _end_when(damage), *upkeep),
            stopping=stopping,
            runner_gone=parts.processes.gone,
            grace=settings.shutdown_grace,
        )


async def _end_when(damage: asyncio.Event) -> None:
    await damage.wait()
    raise JournalUnreadable("intake has met damage in inbox.db; the journal is looked at")


async def _work(
    worker: Worker,
    outbox: Outbox,
    *,
    loops: Sequence[Coroutine[None, None, None]],
    stopping: asyncio.Event,
    runner_gone: asyncio.Event,
    grace: float,
) -> int:
    tasks = {asyncio.create_task(coroutine) for coroutine in loops}
    ends = {asyncio.create_task(event.wait()) for event in (stopping, runner_gone)}
    done, _ = await asyncio.wait(tasks | ends, return_when=asyncio.FIRST_COMPLETED)
    for task in done & tasks:
        task.result()  # a loop that ended by itself has failed: let it say why
    if runner_gone.is_set():
        log.error("the runner process is gone; scripts that were running are interrupted")
    await worker.stop(0 if runner_gone.is_set() else grace)
    await outbox.drain(_LAST_DELIVERIES)
    for task in tasks | ends:
        task.cancel()
    await asyncio.gather(*tasks, *ends, return_exceptions=True)
    return 0 if stopping.is_set() else 1


def _take_call(wake: int, worker: Worker) -> None:
    os.eventfd_read(wake)
    worker.wake()
