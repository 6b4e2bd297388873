"""Scripts from Keptn: no Git remote, no mirror, Keptn itself is asked.

`wiring` makes it and closes it; `handling` asks it. An event waits for Keptn's answer; what
was answered is believed for *interval* seconds.
"""

from collections.abc import Sequence
from pathlib import Path

from service.errors import BadScript, SourceMisconfigured
from service.keptn_events import NAME, Belonging
from service.ports import Clock
from service.scripts import Found, Listing, LookUp, Place
from service.sources.catalogue import Catalogued
from service.sources.keptn.address import KeptnAddress
from service.sources.keptn.api import ResourceApi
from service.sources.keptn.catalogue import project_files, script_names
from service.sources.keptn.line import Line
from service.sources.keptn.project import Project
from service.sources.recent import Recent

_CONTENTS = 8 * 1024 * 1024
_PROJECTS = 200
_AROUND = 256 * 1024
"""Bytes of an answer beside the file in it; a page of 50 names fits as well."""


class KeptnSource:
    """Answers from the resource API of the Keptn that *address* names.

    *timeout* are the seconds for one answer of Keptn. Raises `SourceMisconfigured` when
    *ca_file* cannot be used.
    """

    def __init__(
        self,
        address: KeptnAddress,
        *,
        token_file: Path | None,
        ca_file: Path | None,
        interval: float,
        timeout: float,
        script_limit: int,
        clock: Clock,
    ) -> None:
        self._address = address
        self._interval = interval
        self._script_limit = script_limit
        self._clock = clock
        self._line = Line(
            address,
            token_file=token_file,
            ca_file=ca_file,
            timeout=timeout,
            limit=script_limit * 4 // 3 + _AROUND,
        )
        self._api = ResourceApi(address, self._line)
        self._contents: Recent[str, bytes] = Recent(max(_CONTENTS, script_limit))
        self._projects: dict[str, Project] = {}

    def close(self) -> None:
        """Ask nothing any more."""
        self._line.close()

    async def look_up(self, question: LookUp) -> Listing:
        return await self._project(question.project).look_up(question)

    async def names(self, project: str, places: Sequence[Place]) -> Sequence[str]:
        self._project(project)
        return await script_names(self._api, project, places)

    async def read(self, found: Found) -> bytes:
        if found.problem:
            raise BadScript(found.problem)
        content = self._contents.get(found.blob)
        if content is None:
            content = await self._project(found.project).content(found)
            self._contents.put(found.blob, content, weight=len(content))
        return content

    async def refresh(self, project: str) -> str:
        return await self._project(project).refresh()

    async def files(self, where: Belonging) -> list[Catalogued]:
        """Return every file of a project, stage and service. Raises `SourceUnavailable`."""
        return await project_files(self._api, where, limit=self._script_limit)

    def troubles(self) -> tuple[str, ...]:
        """Return a sentence for every project whose last look-up failed."""
        return tuple(
            f"{self._address}, project {name}: {project.failure}"
            for name, project in self._projects.items()
            if project.failure
        )

    def _project(self, name: str) -> Project:
        if not NAME.fullmatch(name):
            raise SourceMisconfigured("the name of the project cannot stand in an address")
        project = self._projects.pop(name, None)
        if project is None:
            project = Project(
                name,
                self._api,
                contents=self._contents,
                interval=self._interval,
                script_limit=self._script_limit,
                clock=self._clock,
            )
            while len(self._projects) >= _PROJECTS:
                del self._projects[next(iter(self._projects))]
        self._projects[name] = project
        return project
