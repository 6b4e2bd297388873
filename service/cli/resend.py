"""`genexec resend`: deliver dead letters after all."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from io import FileIO
from pathlib import Path

import click

from service.cli.options import state_dir_option
from service.config.reading import read_settings
from service.errors import JournalLocked, JournalUnavailable, UnknownRun
from service.journal.dead_letters import last_dead, revive, revive_some
from service.journal.lock import lock_state_directory
from service.journal.reading import Reader
from service.journal.record import SqliteRecord
from service.journal.resend_orders import EVERY, ResendOrders
from service.wiring.parts import SystemClock

_PATIENCE = 10.0
_PAUSE = 0.05


@click.command("resend")
@click.argument("events", metavar="ID", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All dead letters there are.")
@state_dir_option
def command(events: Sequence[str], every: bool, state_dir: str | None) -> None:
    """Deliver events after all that were given up, with the ids they had.

    ID is that of an event, as `genexec dead` lists them. A running service delivers at once,
    otherwise the next start does.
    """
    if every == bool(events):
        raise click.UsageError("name the events, or give --all")
    overrides = {"state_dir": state_dir} if state_dir is not None else {}
    directory = read_settings(os.environ, **overrides).state_dir
    reader = Reader(directory)
    before = reader.outgoing_counts()["dead"]
    if every and not before:
        click.echo("no dead letters")
        return
    dead = {letter.outgoing.id for letter in reader.dead_letters(before)}
    for event in events:
        if event not in dead:
            raise UnknownRun(f"there is no dead letter with the id {event}")
    wanted = events or (EVERY,)
    lock = _lock_of_nobody(directory)
    if lock is None:
        _order(directory, wanted)
        count = len(events) or before
        click.echo(f"{count} events are sent again now")
    else:
        with lock:
            count = asyncio.run(_revive(directory, wanted))
        click.echo(f"{count} events are sent again when the service is started")


def _lock_of_nobody(directory: Path) -> FileIO | None:
    """Return the lock, None when a service has it."""
    try:
        return lock_state_directory(directory, patience=0)
    except JournalLocked:
        return None


def _order(directory: Path, wanted: Sequence[str]) -> None:
    orders = ResendOrders(directory)
    given = [orders.leave(event) for event in wanted]
    deadline = time.monotonic() + _PATIENCE
    while any(order.is_waiting() for order in given):
        if time.monotonic() > deadline:
            raise JournalUnavailable(
                "the engine does not answer; the events are sent as soon as it does"
            )
        time.sleep(_PAUSE)


async def _revive(directory: Path, wanted: Sequence[str]) -> int:
    record = SqliteRecord(
        directory / "record.db", inbox_path=directory / "inbox.db", clock=SystemClock()
    )
    with closing(record):
        if wanted != (EVERY,):
            revived = [await record.maintain(partial(revive, event_id=event)) for event in wanted]
            return sum(map(len, revived))
        up_to, count = await record.maintain(last_dead), 0
        while some := await record.maintain(partial(revive_some, up_to=up_to)):
            count += len(some)
        return count
