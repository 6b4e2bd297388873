"""The parts of an engine put together: source, journal, runners, worker.

`engine` does it in a process of its own, `embedded` inside another program; both start the
loops themselves.
"""

import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

from service.config.settings import Settings
from service.delivery.outbox import Outbox
from service.engine.processes import ProcessRunner
from service.engine.protocol import Ready
from service.handling import Handling
from service.journal.record import SqliteRecord
from service.journal.reserve import Reserve
from service.ports import Runner, Source
from service.wiring.counted import ScriptCounts, counted
from service.wiring.crash_points import crash_point
from service.wiring.error_log import opened_error_log, told
from service.wiring.inquiries import Inquiries
from service.wiring.isolation import hidden_from_scripts
from service.wiring.parts import SystemClock, make_rules, opened_runners, opened_source
from service.wiring.sinks import opened_sink
from service.worker import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The engine, put together."""

    source: Source
    journal: SqliteRecord
    reserve: Reserve
    processes: ProcessRunner
    scripts: Mapping[str, ScriptCounts]
    ready: Ready
    outbox: Outbox
    worker: Worker
    inquiries: Inquiries


async def assembled(
    settings: Settings,
    environment: Mapping[str, str],
    runner: socket.socket,
    stack: AsyncExitStack,
    *,
    through: Callable[[Mapping[str, Runner]], Mapping[str, Runner]] = lambda runners: runners,
) -> Parts:
    """Put the engine together; *stack* takes it apart. Orders go *through* to the runners."""
    clock = SystemClock()
    rules = make_rules(settings, environment)
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
            masks=rules.masks,
        )
    )
    counting, scripts = counted(through(runners))
    sink = await stack.enter_async_context(opened_sink(settings))
    error_log = await stack.enter_async_context(opened_error_log(settings, sink))
    telling = told(journal, error_log, answers=not settings.sink)
    crash = crash_point(environment, settings.state_dir)
    outbox = Outbox(telling, crash.sender(sink), clock=clock, give_up=settings.sink_give_up)
    handling = Handling(
        source=crash.source(source),
        runners=crash.runners(counting),
        journal=crash.journal(telling),
        rules=rules,
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
    return Parts(
        source=source,
        journal=journal,
        reserve=reserve,
        processes=processes,
        scripts=scripts,
        ready=ready,
        outbox=outbox,
        worker=worker,
        inquiries=Inquiries(
            source=source, worker=worker, live=processes.live, rules=rules, default=settings.default
        ),
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
