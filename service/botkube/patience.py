"""Answers in time, and once: deadlines, and buttons clicked twice.

`chat` keeps one `Once` for the process and makes a `Patience` per command; `answering` uses
both. What was started is remembered by the key that its button carries, so a second click
gets the run of the first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

_REMEMBERED = 1000


class Patience:
    """How long the person who asked still waits."""

    def __init__(self, seconds: float, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock() + seconds

    def left(self, *, spare: float = 0.0) -> float:
        """Return the seconds until the answer is due, less *spare*; at least a moment."""
        return max(0.05, self._until - self._clock() - spare)


class Once:
    """Does a thing once per key, for the latest thousand keys."""

    def __init__(self) -> None:
        self._done: OrderedDict[str, asyncio.Future[str]] = OrderedDict()

    async def do(self, key: str, act: Callable[[], Awaitable[str]]) -> str:
        """Return what *act* returned for *key*; it runs again only if it failed before."""
        known = self._done.get(key)
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = asyncio.ensure_future(act())
            # Whoever waits for it may be gone when it fails.
            known.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._done[key] = known
            while len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
        return await asyncio.shield(known)
