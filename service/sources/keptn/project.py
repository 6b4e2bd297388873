"""Look-ups in one project, and what is remembered of them.

`source` has one of these per project. A level is listed at once and what it holds is
believed for a while; files are read at the commit of the list, so that all answers belong
to one moment. Keptns that cannot list, and commits other than the newest, are asked for
each name instead. One look-up at a time: the others find everything remembered.
"""

import asyncio
import logging
import math
import re

from service.errors import SourceUnavailable
from service.ports import Clock
from service.scripts import FOLDERS, Found, Listing, LookUp, Place
from service.scripts import Level as Rank
from service.sources.keptn.answers import Missing
from service.sources.keptn.api import Changing, Level, ResourceApi
from service.sources.keptn.reading import Reading, UnknownCommit
from service.sources.keptn.shelf import Shelf, level_of, same_commit, uri_of
from service.sources.objects import object_id
from service.sources.recent import Recent

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_ROUNDS = 3
_SHELVES = 200
_REST = 5.0
"""Seconds after a failure in which Keptn is left in peace, at most."""
_SECOND_LOOK = 1.0
"""Seconds between lists of a level that is not there, for an event that knows its commit."""
_HIDDEN = ".git"
"""The resource-service leaves every path with these letters out of its lists."""
_REFUSED = ("..", "~")
"""No Keptn has files with these in their names."""


class Project:
    """One project of a Keptn: what its levels hold, and at which commit."""

    def __init__(
        self,
        name: str,
        api: ResourceApi,
        *,
        contents: Recent[str, bytes],
        interval: float,
        script_limit: int,
        clock: Clock,
    ) -> None:
        self._name = name
        self._api = api
        self._interval = interval
        self._reading = Reading(name, api, contents=contents, script_limit=script_limit)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._shelves: Recent[tuple[Level, str], Shelf] = Recent(_SHELVES)
        self._failed_at = 0.0
        self.failure = ""
        """Why the last look-up failed; empty when it succeeded or there was none."""

    async def look_up(self, question: LookUp) -> Listing:
        """Answer as `service.ports.Source` promises."""
        async with self._lock:
            if self.failure and self._is_recent(self._failed_at, _REST):
                raise SourceUnavailable(self.failure)
            try:
                listing = await self._at_one_moment(question)
            except SourceUnavailable as error:
                self._note_failure(str(error))
                raise
            self._note_failure("")
            return listing

    async def content(self, found: Found) -> bytes:
        """Read *found* once more. Raises `SourceUnavailable`, also when it has changed."""
        level = level_of(found.place)
        read = await self._api.resource(
            self._name, level, uri_of(found.place, found.name), commit=found.commit
        )
        if isinstance(read, Missing) or object_id("blob", read.content) != found.blob:
            raise SourceUnavailable(f"{found.path} was changed after it was looked up")
        return read.content

    async def refresh(self) -> str:
        """Forget what is remembered and ask for the project. Raises `SourceUnavailable`."""
        async with self._lock:
            self._shelves = Recent(_SHELVES)
            try:
                shelf = await self._shelf(Level(), "")
                if shelf.names is None:
                    await self._reading.read(shelf, "shipyard.yaml")
            except Changing as error:
                raise SourceUnavailable("commits arrive at this moment") from error
            self._note_failure("")
        at = shelf.at or shelf.seen
        return f"project {self._name} is asked for anew" + (f", it is at {at[:7]}" if at else "")

    async def _at_one_moment(self, question: LookUp) -> Listing:
        for _ in range(_ROUNDS):
            try:
                return await self._answer(question)
            except Changing:
                self._shelves = Recent(_SHELVES)
        raise SourceUnavailable("commits arrive faster than Keptn's files can be read")

    async def _answer(self, question: LookUp) -> Listing:
        pin = question.gitcommitid.lower()
        if not pin:
            return await self._gathered(question, "")
        if not _COMMIT.fullmatch(pin):
            problem = f"gitcommitid {question.gitcommitid[:64]!r} is not a commit id"
            return await self._gathered(question, "", problem=problem)
        try:
            return await self._gathered(question, pin)
        except UnknownCommit:
            problem = f"commit {pin} is not known to Keptn"
            return await self._gathered(question, "", problem=problem)

    async def _gathered(self, question: LookUp, pin: str, *, problem: str = "") -> Listing:
        found: dict[tuple[Place, str], Found] = {}
        commits: dict[Place, str] = {}
        note = ""
        for place in question.places:
            at = "" if place.level is Rank.PROJECT else pin
            shelf = await self._shelf(level_of(place), at)
            for name in question.names:
                script = await self._found(shelf, place, name)
                if script is not None:
                    found[place, name] = script
            if shelf.there:
                commits[place] = shelf.seen or shelf.at
            if at and shelf.seen and not same_commit(shelf.seen, at):
                note = f"this Keptn cannot read at a commit; read at {shelf.seen}, not at {at}"
        return Listing(found=found, commits=commits, note=note, problem=problem)

    async def _shelf(self, level: Level, pin: str) -> Shelf:
        """Return what is known of *level*, at the commit *pin* if one is given."""
        shelf = self._shelves.get((level, ""))
        long = _SECOND_LOOK if pin and shelf is not None and not shelf.there else math.inf
        if shelf is None or not self._is_recent(shelf.since, long):
            shelf = await self._listed(level)
            self._shelves.put((level, ""), shelf)
        if not pin or not shelf.there or (shelf.at and same_commit(shelf.at, pin)):
            return shelf
        pinned = self._shelves.get((level, pin))
        if pinned is None or not self._is_recent(pinned.since):
            pinned = Shelf(level=level, since=self._clock.monotonic(), at=pin)
            self._shelves.put((level, pin), pinned)
        return pinned

    async def _listed(self, level: Level) -> Shelf:
        since = self._clock.monotonic()
        files = await self._api.files(self._name, level)
        if isinstance(files, Missing):
            return Shelf(level=level, since=since, there=False)
        if files is None:
            return Shelf(level=level, since=since)
        names = frozenset(name for name in files.names if name.partition("/")[0] in FOLDERS)
        return Shelf(level=level, since=since, at=files.commit, names=names)

    async def _found(self, shelf: Shelf, place: Place, name: str) -> Found | None:
        uri = uri_of(place, name)
        listed = shelf.names is None or uri in shelf.names or _HIDDEN in uri
        if not shelf.there or not listed or any(sign in name for sign in _REFUSED):
            return None
        if uri not in shelf.files:
            shelf.files[uri] = await self._reading.file(shelf, uri)
        file = shelf.files[uri]
        if file is None:
            return None
        return Found(
            project=self._name,
            place=place,
            name=name,
            path=f"{place.folder}/{name}",
            blob=file.blob,
            commit=file.commit,
            problem=file.problem,
        )

    def _is_recent(self, then: float, at_most: float = math.inf) -> bool:
        return self._clock.monotonic() - then < min(self._interval, at_most)

    def _note_failure(self, failure: str) -> None:
        self._failed_at = self._clock.monotonic()
        about = {"alarm": "keptn-unavailable"}
        if failure and not self.failure:
            log.warning("project %s cannot be looked up: %s", self._name, failure, extra=about)
        if self.failure and not failure:
            log.info("project %s can be looked up in Keptn again", self._name)
        self.failure = failure
