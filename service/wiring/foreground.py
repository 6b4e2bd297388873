"""The engine for one event in the foreground: `genexec run`, `explain`.

The same handling and the same runner process as in the service, with a journal that lives
as long as the run and without a sink: what would be sent is returned.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from service.config.settings import Settings
from service.decision import Decision, decide
from service.engine.launch import launch_runner
from service.event import Event
from service.handling import Handling
from service.journal.inbox import SqliteInbox
from service.journal.reading import Reader, RunDetail
from service.journal.record import SqliteRecord
from service.keptn_events import belonging_of
from service.runs import Arrival, Outgoing, new_run_id
from service.states import State
from service.story import Handled
from service.wiring.isolation import hidden_from_scripts
from service.wiring.parts import SystemClock, make_rules, opened_runners, opened_source


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What became of one event."""

    detail: RunDetail
    outputs: Mapping[tuple[int, int], bytes]
    """By position of the script and number of the attempt."""
    outgoing: Sequence[Outgoing]


async def explained(event: Event, settings: Settings) -> Decision:
    """Return the decision about *event*. Raises `SourceUnavailable` and other errors."""
    belonging = belonging_of(event, settings.default)
    async with opened_source(_by_hand(settings)) as source:
        return await decide(event, belonging, source=source, layout=settings.layout)


async def run_once(event: Event, settings: Settings, environment: Mapping[str, str]) -> Done:
    """Run the scripts of *event* here and now."""
    hidden = hidden_from_scripts(settings, environment)
    settings = _by_hand(settings)
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = make_rules(settings, environment)
    clock = SystemClock()
    now = clock.now()
    belonging = belonging_of(event, settings.default)
    arrival = Arrival(run=new_run_id(now), event=event, belonging=belonging, at=now)
    outgoing: list[Outgoing] = []
    async with AsyncExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="run-", dir=settings.state_dir)
        folder = Path(stack.enter_context(temporary))
        process, connection = launch_runner(path=settings.script_path)
        stack.callback(process.wait)
        stack.enter_context(connection)
        source = await stack.enter_async_context(opened_source(settings))
        inbox = SqliteInbox(folder / "inbox.db", record_path=folder / "record.db", queue_limit=1)
        stack.callback(inbox.close)
        journal = SqliteRecord(folder / "record.db", inbox_path=folder / "inbox.db", clock=clock)
        stack.callback(journal.close)
        _, _, runners = await stack.enter_async_context(
            opened_runners(
                settings,
                connection,
                runs_dir=folder / "work",
                hidden=hidden,
                environment=environment,
                masks=rules.masks,
            )
        )
        handling = Handling(
            source=source,
            runners=runners,
            journal=journal,
            rules=rules,
            clock=clock,
            new_id=lambda: str(uuid4()),
            leaving=outgoing.extend,
        )
        await inbox.accept([arrival])
        (waiting,) = journal.waiting(after=0, limit=1)
        await _to_the_end(await handling.handle(journal.accepted(waiting.seq)))
        reader = Reader(folder)
        detail = reader.run(arrival.run)
        outputs = {
            (a.position, a.number): reader.output(arrival.run, a.position, a.number)
            for a in detail.attempts
        }
    return Done(detail=detail, outputs=outputs, outgoing=outgoing)


def _by_hand(settings: Settings) -> Settings:
    """Keep mirrors and script files apart from those of a service that may be running.

    An interpreter that is kept warm for the next run would wait in vain.
    """
    return replace(settings, state_dir=settings.state_dir / "by-hand", warm_python=False)


async def _to_the_end(handled: Handled) -> None:
    """Wait out the pauses of a repeatable script; do not wait for a source to come back."""
    while handled.again is not None and handled.run.state is State.QUEUED:
        await asyncio.sleep(handled.again.seconds)
        handled = await handled.again.go()
