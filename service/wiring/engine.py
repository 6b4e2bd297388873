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
from dataclasses import dataclass
from uuid import uuid4

from service.config.settings import Settings
from service.delivery.outbox import Outbox
from service.engine.processes import ProcessRunner
from service.engine.protocol import Ready
from service.errors import JournalUnreadable
from service.handling import Handling
from service.journal.record import SqliteRecord
from service.journal.reserve import Reserve
from service.ports import Source
from service.wiring.answers import Answers
from service.wiring.counted import ScriptCounts, counted
from service.wiring.crash_points import crash_point
from service.wiring.error_log import opened_error_log, told
from service.wiring.isolation import hidden_from_scripts, report_isolation
from service.wiring.parts import SystemClock, make_rules, opened_runners, opened_source
from service.wiring.sinks import opened_sink
from service.wiring.talk import Answerer
from service.wiring.upkeep import Resender, engine_upkeep
from service.worker import Worker

log = logging.getLogger(__name__)

_LAST_DELIVERIES = 2.0
"""Seconds that undelivered events get at shutdown; what is left is sent by the next start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """The engine, put together."""

    source: Source
    journal: SqliteRecord
    reserve: Reserve
    processes: ProcessRunner
    scripts: Mapping[str, ScriptCounts]
    ready: Ready
    outbox: Outbox
    worker: Worker


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
        parts = await _assembled(settings, environment, runner, stack)
        report_isolation(parts.ready)
        resender, damage = Resender(parts.journal, parts.outbox), asyncio.Event()
        answers = Answers(
            source=parts.source,
            worker=parts.worker,
            outbox=parts.outbox,
            journal=parts.journal,
            resender=resender,
            damage=damage,
            scripts=parts.scripts,
            ready=parts.ready,
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


async def _assembled(
    settings: Settings,
    environment: Mapping[str, str],
    runner: socket.socket,
    stack: AsyncExitStack,
) -> _Parts:
    """Put the engine together; *stack* takes it apart."""
    clock = SystemClock()
    source = await stack.enter_async_context(opened_source(settings))
    reserve = Reserve(settings.state_dir)
    journal = _opened_journal(settings, clock, reserve, stack)
    processes, ready, runners = await stack.enter_async_context(
        opened_runners(
            settings,
            runner,
            runs_dir=settings.runs_dir,
            hidden=hidden_from_scripts(settings, environment),
            environment=environment,
        )
    )
    counting, scripts = counted(runners)
    sink = await stack.enter_async_context(opened_sink(settings))
    error_log = await stack.enter_async_context(opened_error_log(settings, sink))
    telling = told(journal, error_log, answers=not settings.sink)
    crash = crash_point(environment, settings.state_dir)
    outbox = Outbox(telling, crash.sender(sink), clock=clock, give_up=settings.sink_give_up)
    handling = Handling(
        source=crash.source(source),
        runners=crash.runners(counting),
        journal=crash.journal(telling),
        rules=make_rules(settings, environment),
        clock=clock,
        new_id=lambda: str(uuid4()),
        leaving=outbox.offer,
    )
    worker = Worker(
        journal=journal,
        handling=handling,
        runners=runners,
        at_once=settings.at_once,
        per_project=settings.per_project,
        has_room=lambda: reserve.held,
    )
    return _Parts(
        source=source,
        journal=journal,
        reserve=reserve,
        processes=processes,
        scripts=scripts,
        ready=ready,
        outbox=outbox,
        worker=worker,
    )


def _opened_journal(
    settings: Settings, clock: SystemClock, reserve: Reserve, stack: AsyncExitStack
) -> SqliteRecord:
    journal = SqliteRecord(
        settings.state_dir / "record.db",
        inbox_path=settings.state_dir / "inbox.db",
        clock=clock,
        reserve=reserve,
    )
    stack.callback(journal.close)
    return journal


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
