"""What the callers of a commit are told, each on the event loop it waits on.

The thread of `committer` hands in the results of a whole commit.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one piece of work."""

    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


def deliver(results: Sequence[Result]) -> None:
    """Resolve the futures on their loops; waking a loop once is enough for all of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Result]] = {}
    for result in results:
        by_loop.setdefault(result.future.get_loop(), []).append(result)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(results: Sequence[Result]) -> None:
    for result in results:
        if result.future.done():
            continue
        if result.error is not None:
            result.future.set_exception(result.error)
        else:
            result.future.set_result(result.value)
