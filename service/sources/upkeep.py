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
        self._closed = False
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
        await self._begun(self._mirror.fetch)

    async def fetch_anew(self) -> None:
        """Wait for a fetch that starts now, or after the one that runs."""
        await self._quiet()
        await self.fetch()

    async def rebuild(self, *, seen: int) -> None:
        """Replace the mirror, unless that was done since it had been *made* *seen* times."""
        await self._quiet()
        age = self.age
        if self.made != seen or (self.failure and age is not None and age < self._interval):
            return
        if self._running is None:
            log.warning("the mirror of %s is damaged and made anew", self._name)
        await self._begun(self._mirror.rebuild)

    def stop(self) -> None:
        """Begin no fetch any more."""
        self._closed = True
        self.failure = "the service is shutting down"

    async def close(self) -> None:
        """Wait for the fetch that runs; who closes has it ended before."""
        self.stop()
        await self._quiet()

    async def _begun(self, work: Callable[[], Snapshot]) -> None:
        if self._running is None and not self._closed:
            self._running = asyncio.create_task(self._attempt(work))
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
        failure = ""
        try:
            self.snapshot = await loop.run_in_executor(self._pool, work)
        except SourceUnavailable as error:
            failure = str(error)
            if self.snapshot is None:
                self.snapshot, damage = await loop.run_in_executor(self._pool, self._remembered)
                failure += damage
        finally:
            self._tried = self._clock.monotonic()
            self._running = None
        if self._closed:
            return
        if failure and not self.failure:
            log.warning("%s: %s; tried again in %g s", self._name, failure, self._interval)
        if self.failure and not failure:
            log.info("%s: the Git remote can be fetched again", self._name)
        self.failure = failure

    def _remembered(self) -> tuple[Snapshot | None, str]:
        """Return what an earlier process left on disk, and what is wrong with it."""
        if not self._mirror.exists():
            return None, ""
        try:
            return self._mirror.snapshot(), ""
        except MirrorDamaged as error:
            return None, f"; the mirror is damaged: {error}"
