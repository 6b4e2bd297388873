"""Reading the scripts of one project, at the commit of their shelf.

`project` decides which ones. What was read at a commit is not read at that commit again.
"""

from service.errors import SourceUnavailable
from service.sources.keptn.answers import Failed, Missing, Resource
from service.sources.keptn.api import Changing, Files, Level, ResourceApi
from service.sources.keptn.shelf import File, Shelf
from service.sources.objects import object_id
from service.sources.recent import Recent

_FILES = 5_000


class UnknownCommit(Exception):
    """Keptn has no commit with the id that the event names."""


class Reading:
    """The files of *project*; *contents* are kept by their blob."""

    def __init__(
        self, project: str, api: ResourceApi, *, contents: Recent[str, bytes], script_limit: int
    ) -> None:
        self._project = project
        self._api = api
        self._contents = contents
        self._script_limit = script_limit
        self._files: Recent[tuple[Level, str, str], File] = Recent(_FILES)

    async def file(self, shelf: Shelf, uri: str) -> File | None:
        """Return what is known of a file; None when there is none, or an empty one.

        Raises `SourceUnavailable`, `Changing`, `UnknownCommit`.
        """
        key = (shelf.level, uri, shelf.at)
        file = self._files.get(key)
        if file is not None and (file.problem or self._contents.get(file.blob) is not None):
            return file
        resource = await self.read(shelf, uri)
        if resource is None or (resource.whole and not resource.content):
            return None
        file = self._kept(resource)
        if shelf.at and file.commit == shelf.at:
            self._files.put(key, file)
        return file

    async def read(self, shelf: Shelf, uri: str) -> Resource | None:
        """Return a file of the shelf, and note on the shelf what that tells about it."""
        try:
            resource = await self._api.resource(
                self._project, shelf.level, uri, commit=shelf.at, synced=bool(shelf.files)
            )
        except SourceUnavailable as error:
            doubtful = shelf.names is None and shelf.at and isinstance(error.__cause__, Failed)
            if doubtful and await self._is_unknown(shelf, uri):
                raise UnknownCommit from error
            raise
        if isinstance(resource, Missing):
            if shelf.names is not None and uri in shelf.names:
                raise Changing
            shelf.there = shelf.there and resource is Missing.RESOURCE
            return None
        if resource.commit:
            if shelf.seen and resource.commit != shelf.seen:
                raise Changing
            shelf.seen = resource.commit
        return resource

    async def _is_unknown(self, shelf: Shelf, uri: str) -> bool:
        """Say whether Keptn fails for this commit only: it has no word for an unknown one."""
        if not isinstance(await self._api.files(self._project, shelf.level), Files):
            return False
        try:
            await self._api.resource(self._project, shelf.level, uri, commit=shelf.at)
        except SourceUnavailable as error:
            return isinstance(error.__cause__, Failed)
        return False

    def _kept(self, resource: Resource) -> File:
        size = len(resource.content)
        if not resource.whole or size > self._script_limit:
            many = f"{size} bytes, more than" if resource.whole else "more than"
            problem = f"the file has {many} {self._script_limit}"
            return File(blob="", commit=resource.commit, problem=problem)
        blob = object_id("blob", resource.content)
        self._contents.put(blob, resource.content, weight=size)
        return File(blob=blob, commit=resource.commit)
