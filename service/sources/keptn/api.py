"""The paths of the resource API, of every Keptn from 0.6 to 1.4.

`project` asks for lists and files; here the way to them is found once and remembered: under
which base the API is, and whether the name of a file is encoded once or twice. When an
answer shows that the way is wrong (another Keptn was installed), it is looked for again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from service.errors import SourceUnavailable
from service.sources.keptn.address import KeptnAddress
from service.sources.keptn.answers import (
    Elsewhere,
    Failed,
    Missing,
    NotOffered,
    Resource,
    read_page,
    read_resource,
)
from service.sources.keptn.line import Answer, Line

_PAGE = 50
"""The most that the older service gives at once."""
_PAGES = 400
_KNOWN = "shipyard.yaml"
"""In the root of every project; asked for to find the way."""
_KNOWN_TWICE = "%2573hipyard.yaml"
"""The same for who decodes twice. Keptn 0.7 decodes once, and whatever is encoded twice is
"not found" there: nothing but a file that exists can tell."""

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A stage, a service of a stage, or the project itself when both are empty."""

    stage: str = ""
    service: str = ""

    @property
    def path(self) -> str:
        """Return what follows the project in an address."""
        stage = f"/stage/{self.stage}" if self.stage else ""
        return stage + (f"/service/{self.service}" if self.service else "") + "/resource"


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """What a level holds."""

    names: frozenset[str]
    commit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Way:
    base: str
    twice: bool

    def path(self, project: str) -> str:
        return f"{self.base}/project/{project}"

    def encoded(self, name: str) -> str:
        once = quote(name, safe="")
        return quote(once, safe="") if self.twice else once


class Changing(Exception):
    """Commits arrive while the lists are read."""


class ResourceApi:
    """Asks one Keptn. Names of projects and levels have been checked by who asks."""

    def __init__(self, address: KeptnAddress, line: Line) -> None:
        self._address = address
        self._line = line
        self._way: _Way | None = None
        self._searching = asyncio.Lock()

    async def files(self, project: str, level: Level) -> Files | Missing | None:
        """Return every file of *level*; None when this Keptn cannot tell.

        Raises `SourceUnavailable` and `Changing`.
        """
        names: set[str] = set()
        commits: set[str] = set()
        key = ""
        for _ in range(_PAGES):
            query = f"?pageSize={_PAGE}" + (f"&nextPageKey={quote(key, safe='')}" if key else "")
            try:
                page = await self._ask(project, level, "", query, read_page)
            except NotOffered:
                return None
            if isinstance(page, Missing):
                return page
            before = len(names)
            names.update(page.names)
            commits.add(page.commit)
            if len(commits) > 1:
                raise Changing
            if not page.next:
                return Files(names=frozenset(names), commit=commits.pop())
            if page.next == key or len(names) == before:
                raise SourceUnavailable("Keptn's list of files does not come to an end")
            key = page.next
        raise SourceUnavailable(f"Keptn lists more than {_PAGE * _PAGES} files in one place")

    async def resource(
        self, project: str, level: Level, name: str, *, commit: str = "", synced: bool = False
    ) -> Resource | Missing:
        """Return one file, at *commit* where Keptn can (0.13 and later, resource-service).

        With *synced* the older service need not fetch from its Git remote once more.
        Raises `SourceUnavailable`, because of `Failed` also for a commit that is unknown.
        """
        query = f"?gitCommitID={commit}" if commit else ""
        if synced and not commit:
            query = "?disableUpstreamSync=true"
        try:
            return await self._ask(project, level, name, query, read_resource)
        except NotOffered as error:
            raise SourceUnavailable("this Keptn does not offer its files") from error

    async def _ask(
        self, project: str, level: Level, name: str, query: str, read: Callable[[Answer], _T]
    ) -> _T:
        """Ask for the list of *level*, or for the file *name* in it."""
        why = ""
        for _ in range(2):
            way = self._way or await self._found(project)
            try:
                file = f"/{way.encoded(name)}" if name else ""
                answer = await self._line.get(way.path(project) + level.path + file + query)
            except SourceUnavailable:
                self._way = None  # whoever comes back may be another Keptn
                raise
            try:
                return read(answer)
            except Elsewhere as error:
                self._way, why = None, str(error)
            except Failed as error:
                raise SourceUnavailable(str(error)) from error
        raise SourceUnavailable(f"{self._address} does not know the way to a file: {why}")

    async def _found(self, project: str) -> _Way:
        """Return the way to the files, found by means of *project*."""
        async with self._searching:
            if self._way is not None:
                return self._way
            said = []
            for base in self._address.bases:
                try:
                    self._way = await self._tried(base, project)
                except (Elsewhere, NotOffered) as error:
                    said.append(f"{base} gave {error}")
                except Failed as error:
                    raise SourceUnavailable(str(error)) from error
                else:
                    return self._way
            hint = "" if "/api" in str(self._address) else "; the public API is below /api"
            raise SourceUnavailable(
                f"there is no resource API of Keptn at {self._address}: {'; '.join(said)}{hint}"
            )

    async def _tried(self, base: str, project: str) -> _Way:
        for name, twice in ((_KNOWN_TWICE, True), (_KNOWN, False)):
            found = read_resource(await self._line.get(f"{base}/project/{project}/resource/{name}"))
            if not isinstance(found, Missing):
                return _Way(base=base, twice=twice)
        raise SourceUnavailable(
            f"project {project} has no {_KNOWN} in Keptn: it is needed to find out how the "
            "names of files are written in an address"
        )
