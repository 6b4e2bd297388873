"""The environments there are: made once, used by many, the oldest removed.

`runner` asks for one per script. Two builds at once are enough; who needs what is being
made waits for it. What could not be made is not tried again for a while, so that a hundred
events do not start a hundred builds.
"""

import asyncio
import logging
import platform
from pathlib import Path

from service.engine.environments.building import FAILURE, Builder
from service.engine.environments.installer import Installer
from service.engine.environments.place import Lock, Place, places_in, remove_leftovers
from service.errors import EnvironmentNotMade

log = logging.getLogger(__name__)

_AT_ONCE = 2
_AFTER_FAILURE = 30.0
"""Seconds until a set of requirements that failed is tried again."""
_MOST_FAILURES = 256
_LOOK = 0.1
"""Seconds between two looks whether another process has finished."""
_TRIES = 3


class Stock:
    """All environments below one directory."""

    def __init__(
        self, root: Path, *, builder: Builder, installer: Installer, kept: int, wait: float
    ) -> None:
        """*kept* is how many may be there; *wait* the seconds for another process to finish."""
        self._root = root
        self._builder = builder
        self._installer = installer
        self._kept = kept
        self._wait = wait
        self._builds: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, tuple[float, EnvironmentNotMade]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def start(self) -> None:
        """Make the directory and remove what an earlier process left half made."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(remove_leftovers, self._root)

    async def close(self) -> None:
        """End what is being made."""
        builds = tuple(self._builds.values())
        for build in builds:
            build.cancel()
        await asyncio.gather(*builds, return_exceptions=True)

    async def take(self, packages: tuple[str, ...]) -> tuple[str, Lock]:
        """Return the Python that has *packages*, and a hold on it to be released after use.

        Raises `EnvironmentNotMade`. Cancelling the task that waits here ends no build:
        others may wait for it.
        """
        key = self._installer.key(packages, platform.python_version())
        place = Place(self._root / key)
        for _ in range(_TRIES):
            lock = place.hold()
            if lock is not None:
                return place.python, lock
            await asyncio.shield(self._build_of(key, place, packages))
        raise EnvironmentNotMade(f"{FAILURE}: it is removed as soon as it is made")

    def _build_of(self, key: str, place: Place, packages: tuple[str, ...]) -> asyncio.Task[None]:
        until, failure = self._failures.get(key, (0.0, None))
        if failure is not None and asyncio.get_running_loop().time() < until:
            raise EnvironmentNotMade(str(failure), output=failure.output)
        build = self._builds.get(key)
        if build is None:
            build = asyncio.create_task(self._build(key, place, packages))
            self._builds[key] = build
            build.add_done_callback(lambda task: self._built(key, packages, task))
        return build

    def _built(self, key: str, packages: tuple[str, ...], task: asyncio.Task[None]) -> None:
        del self._builds[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, EnvironmentNotMade):
            log.warning("no environment for %s; not tried again for 30 s", ", ".join(packages))
            if len(self._failures) >= _MOST_FAILURES:
                self._failures.clear()
            until = asyncio.get_running_loop().time() + _AFTER_FAILURE
            self._failures[key] = (until, error)
        else:
            self._failures.pop(key, None)

    async def _build(self, key: str, place: Place, packages: tuple[str, ...]) -> None:
        async with self._room:
            try:
                lock = await self._claimed(place)
                try:
                    await self._fill(place, packages)
                finally:
                    if not place.complete:
                        await asyncio.to_thread(place.remove)
                    lock.release()
            except OSError as error:
                raise EnvironmentNotMade(f"{FAILURE}: {error.strerror}") from error
        await asyncio.to_thread(self._remove_oldest, key)

    async def _claimed(self, place: Place) -> Lock:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait
        while loop.time() < until:
            lock = place.claim()
            if lock is not None:
                return lock
            await asyncio.sleep(_LOOK)
        raise EnvironmentNotMade(f"{FAILURE}: another process has been making it for too long")

    async def _fill(self, place: Place, packages: tuple[str, ...]) -> None:
        if place.complete:  # another process was faster
            return
        began = asyncio.get_running_loop().time()
        await asyncio.to_thread(place.empty)
        await self._builder.build(place, packages)
        await asyncio.to_thread(place.finish, packages)
        seconds = asyncio.get_running_loop().time() - began
        log.info("made an environment in %.1f s: %s", seconds, ", ".join(packages) or "no packages")

    def _remove_oldest(self, key: str) -> None:
        """Remove what exceeds the number that is kept, but nothing in use and not *key*."""
        complete = [place for place in places_in(self._root) if place.complete]
        removable = [place for place in complete if place.path.name != key]
        removable.sort(key=Place.used_at)
        surplus = len(complete) - self._kept
        for place in removable:
            if surplus <= 0:
                return
            lock = place.own()
            if lock is not None:
                place.remove()
                lock.release()
                surplus -= 1
