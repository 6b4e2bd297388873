"""Seeing the process of a script, however short its life (`crash_points`)."""

import asyncio
import os

from service.engine.process_tree import marked_run
from service.outcome import Execution


def processes() -> set[str]:
    """Return the ids of all processes there are."""
    return {name for name in os.listdir("/proc") if name.isdecimal()}  # noqa: PTH208  # is quicker


async def is_spawned(run: str, running: "asyncio.Future[Execution]", before: set[str]) -> bool:
    """Wait until a process of *run* is there; False when it was gone before it was seen.

    Some scripts take a millisecond: we look all the time, and only at who was not there *before*.
    """
    while not running.done():
        if any(marked_run(int(number)) == run for number in processes() - before):
            return True
        await asyncio.sleep(0)
    return False
