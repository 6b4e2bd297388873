"""Keeping a mirror current: one fetch at a time, whoever asks for it.

`repository` asks for the current snapshot and says when the mirror is damaged; `git` has it
fetched in the background. A fetch that fails leaves the last snapshot in place and is
remembered as the reason why it may be old.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from service.errors import SourceUnavailable
from service.ports import Clock
from service.sources.mirror import Mirror, MirrorDamaged
from service.sources.snapshot import Snapshot

log = logging.getLogger(__name__)


class Upkeep:
    """The fetches of one mirror and what came of them."""

    def __init__(
        self, mirror: Mirror, *, name: str, pool: Executor, interval: float, clock: Clock
    ) -> None:
        self._mirror = mirror
        self._name = name
        self._pool = pool
        self._interval = interval
        self._clock = clock
        self._running: asyncio.Task[None] | None = None
        self._tried: float | None = None
        self.snapshot: Snapshot | None = None
        self.failure = ""
        """Why the last attempt failed; empty when it succeeded or there was none."""

    @property
    def made(self) -> int:
        """Return how often a new mirror was put in place."""
        return self._mirror.made

    @property
    def age(self) -> float | None:
        """Return the seconds since the last attempt ended; None when there was none."""
        return None if self._tried is None else self._clock.monotonic() - self._tried

    async def current(self) -> Snapshot:
        """Return the last snapshot; wait for a fetch only when it could be outdated.

        Raises `SourceUnavailable` when nothing is known.
        """
        if self._must_wait():
            await self.fetch()
        if self.snapshot is None:
            raise SourceUnavailable(self.failure)
        return self.snapshot

    async def fetch(self) -> None:
        """Wait for the fetch that runs, or for a new one; how it went is in `failure`."""
        if self._running is None:
            self._running = asyncio.create_task(self._attempt(self._mirror.fetch))
        await asyncio.shield(self._running)

    async def fetch_anew(self) -> None:
        """Wait for a fetch that starts now, or after the one that runs."""
        await self._quiet()
        await self.fetch()

    async def rebuild(self, *, seen: int) -> None:
        """Replace the mirror, unless that was done since it had been *made* *seen* times."""
        await self._quiet()
        if self.made != seen or self._running is not None:
            return
        if self.failure and self.age is not None and self.age < self._interval:
            return
        log.warning("the mirror of %s is damaged and made anew", self._name)
        self._running = asyncio.create_task(self._attempt(self._mirror.rebuild))
        await asyncio.shield(self._running)

    async def close(self) -> None:
        """Wait for the fetch that runs; who closes has it ended before."""
        await self._quiet()

    async def _quiet(self) -> None:
        if self._running is not None:
            await asyncio.shield(self._running)

    def _must_wait(self) -> bool:
        age = self.age
        if age is None:
            return True
        if self.snapshot is None:
            return age >= self._interval
        if age <= 2 * self._interval:
            return False
        # A remote that is known to be down or silent holds up nobody.
        return not (self.failure and self._running is not None)

    async def _attempt(self, work: Callable[[], Snapshot]) -> None:
        loop = asyncio.get_running_loop()
        try:
            self.snapshot = await loop.run_in_executor(self._pool, work)
            if self.failure:
                log.info("the remote of %s can be fetched again", self._name)
            self.failure = ""
        except SourceUnavailable as error:
            if not self.failure:
                log.warning("%s: %s; tried again in %g s", self._name, error, self._interval)
            self.failure = str(error)
            if self.snapshot is None:
                self.snapshot = await loop.run_in_executor(self._pool, self._remembered)
        finally:
            self._tried = self._clock.monotonic()
            self._running = None

    def _remembered(self) -> Snapshot | None:
        """Return what an earlier process left on disk."""
        if not self._mirror.exists():
            return None
        try:
            return self._mirror.snapshot()
        except MirrorDamaged as error:
            self.failure += f"; the mirror is damaged: {error}"
            return None
