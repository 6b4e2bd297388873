"""Look-ups in the mirror of one repository.

`git` has one of these per repository. A question is answered from one snapshot throughout;
what is read goes through `tree` and `objects`, so that a question asked before costs no
input or output at all. Damage found on the way is repaired once, then the question is
asked again.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from service.errors import BadScript, SourceUnavailable
from service.ports import MOST_NAMES, Clock
from service.scripts import SUFFIXES, Found, Level, Listing, LookUp, Place
from service.sources.objects import ObjectDamaged, Objects, ObjectTooLarge
from service.sources.recent import Recent
from service.sources.snapshot import Snapshot, Tip, changes
from service.sources.tree import Trees
from service.sources.upkeep import Upkeep

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FULL = (40, 64)
_SECOND_LOOK = 1.0
"""Seconds between fetches for the sake of a commit that is not here."""
_KEPT = 10_000
_ANSWERS = 1000

_T = TypeVar("_T")


class Repository:
    """One repository: what its branches hold, and at which commit."""

    def __init__(
        self,
        *,
        upkeep: Upkeep,
        objects: Objects,
        script_limit: int,
        max_staleness: float,
        clock: Clock,
    ) -> None:
        self.upkeep = upkeep
        self.used = clock.monotonic()
        """When it was last asked, monotonic."""
        self._objects = objects
        self._trees = Trees(objects)
        self._script_limit = script_limit
        self._max_staleness = max_staleness
        self._clock = clock
        self._sizes: Recent[str, int] = Recent(_KEPT)
        self._commits: Recent[str, Tip] = Recent(_KEPT)
        self._answers: Recent[LookUp, Listing] = Recent(_ANSWERS)
        self._answered_from: Snapshot | None = None
        """What all of them were answered from."""

    async def look_up(self, question: LookUp) -> Listing:
        """Answer as `service.ports.Source` promises."""
        return await self._repaired(lambda: self._look_up(question))

    async def names(self, places: Sequence[Place]) -> Sequence[str]:
        """Return the names of the scripts as `service.ports.Source` promises."""
        return await self._repaired(lambda: self._names(places))

    async def content(self, blob: str) -> bytes:
        """Return the content with this id. Raises `SourceUnavailable` or `BadScript`."""
        try:
            return await self._repaired(
                lambda: self._objects.content(blob, "blob", limit=self._script_limit)
            )
        except ObjectTooLarge as error:
            raise BadScript(str(error)) from error

    async def refresh(self) -> str:
        """Fetch now and say what is new. Raises `SourceUnavailable`."""
        self.used = self._clock.monotonic()
        before = self.upkeep.snapshot
        await self.upkeep.fetch_anew()
        after = self.upkeep.snapshot
        if self.upkeep.failure or after is None:
            raise SourceUnavailable(self.upkeep.failure)
        return changes(before, after)

    async def rest(self) -> None:
        """End the process that reads objects; the next question that needs it starts one."""
        await self._objects.close()

    async def close(self) -> None:
        """Wait for what runs and end the process that reads objects."""
        await self.upkeep.close()
        await self._objects.close()

    async def _repaired(self, work: Callable[[], Awaitable[_T]]) -> _T:
        self.used = self._clock.monotonic()
        seen = self.upkeep.made
        try:
            return await work()
        except ObjectDamaged:
            await self.upkeep.rebuild(seen=seen)
            await self._objects.close()
        try:
            return await work()
        except ObjectDamaged as error:
            why = self.upkeep.failure
            raise SourceUnavailable(
                f"the mirror is damaged: {error}; {why}".rstrip("; ")
            ) from error

    async def _look_up(self, question: LookUp) -> Listing:
        snapshot = await self.upkeep.current()
        if self.upkeep.failure or question.gitcommitid:
            return await self._answer(question, snapshot)
        self._follow(snapshot)
        listing = self._answers.get(question)
        if listing is None:
            listing = await self._answer(question, snapshot)
            if listing.fresh and self._answered_from is snapshot:
                self._answers.put(question, listing)
        return listing

    def _follow(self, snapshot: Snapshot) -> None:
        """Forget what was answered before a branch moved."""
        before = self._answered_from
        if before is snapshot:
            return
        same = before is not None and before.default == snapshot.default
        if before is None or not same or before.branches != snapshot.branches:
            self._answers.clear()
        self._answered_from = snapshot

    async def _answer(self, question: LookUp, snapshot: Snapshot) -> Listing:
        pinned, problem = None, ""
        if question.gitcommitid:
            pinned, problem = await self._pinned(question.gitcommitid)
            snapshot = self.upkeep.snapshot or snapshot
        failure = self.upkeep.failure
        if failure:
            self._check_staleness(snapshot, failure)
        found: dict[tuple[Place, str], Found] = {}
        commits: dict[Place, str] = {}
        for place in question.places:
            tip = _tip(place, snapshot, pinned)
            if tip is not None:
                commits[place] = tip.commit
                for script in await self._at(place, tip, question):
                    found[place, script.name] = script
        note = f"mirror of {snapshot.at:%Y-%m-%dT%H:%M:%SZ}: {failure}" if failure else ""
        return Listing(found=found, commits=commits, fresh=not failure, note=note, problem=problem)

    async def _names(self, places: Sequence[Place]) -> Sequence[str]:
        snapshot = await self.upkeep.current()
        names: set[str] = set()
        for place in places:
            tip = _tip(place, snapshot, None)
            if tip is not None:
                entries = await self._trees.folder(tip.tree, place.folder)
                names |= {name for name in entries if name.endswith(SUFFIXES)}
        return sorted(names)[:MOST_NAMES]

    async def _at(self, place: Place, tip: Tip, question: LookUp) -> list[Found]:
        entries = await self._trees.folder(tip.tree, place.folder)
        found = []
        for name in question.names if entries else ():
            entry = entries.get(name)
            if entry is None:
                continue
            target = await self._trees.file(tip.tree, place.folder, entry, name)
            if target is None:
                continue
            blob, problem = (entry.id, target) if isinstance(target, str) else (target.id, "")
            if not problem:
                size = await self._size(blob)
                if size == 0:
                    continue
                if size > self._script_limit:
                    problem = f"the file has {size} bytes, more than {self._script_limit}"
            script = Found(
                project=question.project,
                place=place,
                name=name,
                path=f"{place.folder}/{name}",
                blob=blob,
                commit=tip.commit,
                problem=problem,
            )
            found.append(script)
        return found

    async def _size(self, blob: str) -> int:
        size = self._sizes.get(blob)
        if size is None:
            header = await self._objects.header(blob)
            if header is None or header.kind != "blob":
                raise ObjectDamaged(f"object {blob} is missing")
            size = header.size
            self._sizes.put(blob, size)
        return size

    async def _pinned(self, commit: str) -> tuple[Tip | None, str]:
        """Return where *commit* stands, or why there is no such thing."""
        wanted = commit.lower()
        if not _COMMIT.fullmatch(wanted):
            return None, f"gitcommitid {commit[:64]!r} is not a commit id"
        tip = await self._commit(wanted)
        if tip is None:
            age = self.upkeep.age
            if age is None or age >= _SECOND_LOOK:
                await self.upkeep.fetch_anew()
                tip = await self._commit(wanted)
        where = "mirror" if self.upkeep.failure else "repository"
        return tip, "" if tip else f"commit {wanted} is not in the {where}"

    async def _commit(self, wanted: str) -> Tip | None:
        tip = self._commits.get(wanted)
        if tip is not None:
            return tip
        header = await self._objects.header(f"{wanted}^{{commit}}")
        if header is None:
            return None
        tree = await self._objects.header(f"{header.id}^{{tree}}")
        if tree is None:
            raise ObjectDamaged(f"the tree of commit {header.id} is missing")
        tip = Tip(header.id, tree.id)
        if len(wanted) in _FULL:  # a short id may mean nothing or another one later
            self._commits.put(wanted, tip)
        return tip

    def _check_staleness(self, snapshot: Snapshot, failure: str) -> None:
        age = self._clock.now() - snapshot.at
        if self._max_staleness and age > timedelta(seconds=self._max_staleness):
            raise SourceUnavailable(
                f"the mirror of {snapshot.at:%Y-%m-%dT%H:%M:%SZ} is older than allowed: {failure}"
            )


def _tip(place: Place, snapshot: Snapshot, pinned: Tip | None) -> Tip | None:
    if pinned is not None and place.level is not Level.PROJECT:
        return pinned
    tip = snapshot.branches.get(place.branch or snapshot.default)
    if tip is None and place.branch is None:
        raise SourceUnavailable(
            f"the repository has no default branch {snapshot.default!r}; push it, or name another"
        )
    return tip
