"""Scripts from Git repositories: one for all projects, or one for each.

`wiring` makes it, starts it and closes it; `handling` asks it. A fetch is never made for an
event: repositories in use are fetched in the background, events are answered from mirrors.
"""

import asyncio
import logging
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service.errors import BadScript, SourceMisconfigured, SourceUnavailable
from service.ports import Clock
from service.scripts import Found, Listing, LookUp, Place
from service.sources.address import Address
from service.sources.commands import Commands, GitFailed
from service.sources.credentials import Credentials
from service.sources.mirror import Mirror
from service.sources.objects import Objects
from service.sources.recent import Recent
from service.sources.repository import Repository
from service.sources.upkeep import Upkeep

log = logging.getLogger(__name__)

_FETCHES = 16
"""At once; those for more repositories wait for their turn."""
_FORGET = 3600.0
_REST = 60.0
_CONTENTS = 8 * 1024 * 1024


class GitSource:
    """Answers from mirrors of the repositories that *address* names."""

    def __init__(
        self,
        address: Address,
        *,
        mirrors_dir: Path,
        default_branch: str | None,
        interval: float,
        timeout: float,
        credentials: Credentials,
        clock: Clock,
        script_limit: int = 1024 * 1024,
        max_staleness: float = 0,
    ) -> None:
        self._address = address
        self._mirrors_dir = mirrors_dir
        self._default_branch = default_branch
        self._interval = interval
        self._clock = clock
        self._script_limit = script_limit
        self._max_staleness = max_staleness
        self._commands = Commands(scheme=address.scheme, credentials=credentials, timeout=timeout)
        self._pool = ThreadPoolExecutor(_FETCHES, thread_name_prefix="git-fetch")
        self._repositories: dict[str, Repository] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._contents: Recent[str, bytes] = Recent(_CONTENTS)

    async def start(self) -> None:
        """Check what is needed here, and begin the first fetch without waiting for it.

        Raises `SourceMisconfigured` when Git is missing or too old or the mirrors have no
        place; a remote that is down is no reason not to start.
        """
        try:
            self._mirrors_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SourceMisconfigured(
                f"the directory of the mirrors cannot be made: {error.strerror}"
            ) from error
        await asyncio.to_thread(self._commands.check_version, self._mirrors_dir)
        if not self._address.per_project:
            self._repository("")

    async def close(self) -> None:
        """End every Git process and every fetch."""
        for keeper in self._keepers:
            keeper.cancel()
        for repository in self._repositories.values():
            repository.upkeep.stop()
        self._commands.close()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for repository in tuple(self._repositories.values()):
            await repository.close()
        self._repositories.clear()
        self._pool.shutdown()

    async def look_up(self, question: LookUp) -> Listing:
        return await self._repository(question.project).look_up(question)

    async def names(self, project: str, places: Sequence[Place]) -> Sequence[str]:
        return await self._repository(project).names(places)

    async def read(self, found: Found) -> bytes:
        if found.problem:
            raise BadScript(found.problem)
        content = self._contents.get(found.blob)
        if content is None:
            content = await self._repository(found.project).content(found.blob)
            self._contents.put(found.blob, content, weight=len(content))
        return content

    async def refresh(self, project: str) -> str:
        return await self._repository(project).refresh()

    def troubles(self) -> tuple[str, ...]:
        """Return a sentence for every repository whose last fetch failed."""
        return tuple(
            f"{address}: {repository.upkeep.failure}"
            for address, repository in self._repositories.items()
            if repository.upkeep.failure
        )

    def _repository(self, project: str) -> Repository:
        address = self._address.address_for(project)
        repository = self._repositories.get(address)
        if repository is None:
            repository = self._made(address, project)
            self._repositories[address] = repository
            keeper = asyncio.create_task(self._keep(address, repository))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        return repository

    def _made(self, address: str, project: str) -> Repository:
        mirror = Mirror(
            parent=self._mirrors_dir,
            address=address,
            name=project if self._address.per_project else "scripts",
            default_branch=self._default_branch,
            commands=self._commands,
            clock=self._clock,
        )
        upkeep = Upkeep(
            mirror, name=address, pool=self._pool, interval=self._interval, clock=self._clock
        )

        async def reader() -> subprocess.Popen[bytes]:
            try:
                return await asyncio.to_thread(
                    self._commands.open, mirror.directory, "cat-file", "--batch-command"
                )
            except GitFailed as error:
                raise SourceUnavailable(f"the mirror cannot be read: {error}") from error

        return Repository(
            upkeep=upkeep,
            objects=Objects(reader),
            script_limit=self._script_limit,
            max_staleness=self._max_staleness,
            clock=self._clock,
        )

    async def _keep(self, address: str, repository: Repository) -> None:
        """Fetch again and again while the repository is in use, then let go of it."""
        while (unused := self._clock.monotonic() - repository.used) < _FORGET:
            try:
                await repository.upkeep.fetch()
                if unused > _REST:
                    await repository.rest()
            except Exception:
                log.exception(
                    "%s could not be fetched; tried again in %g s", address, self._interval
                )
            await self._clock.sleep(max(self._interval, 0.1))
        del self._repositories[address]
        await repository.close()
