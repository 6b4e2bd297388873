"""Finding a file in the tree of a commit, without a checkout.

`repository` asks which of some names exist in a folder; `objects` supplies the raw trees.
Directories are remembered by their id, so an unchanged directory is read once, whatever is
committed around it. Symbolic links are followed inside the tree and nowhere else.
"""

import asyncio
import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

from service.errors import SourceUnavailable
from service.sources.objects import ObjectDamaged, Objects, ObjectTooLarge
from service.sources.recent import Recent

LEAVES = "link leaves the repository"
NOWHERE = "link leads to no file"

_FOLDER = "40000"
_LINK = "120000"
_FILES = ("100644", "100755", "100664")
_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0", re.DOTALL)
_HOPS = 10
_NO_NAME = "\0"
_QUICK = 128 * 1024
_TREE_LIMIT = 64 * 1024 * 1024
_LINK_LIMIT = 4096
_ENTRIES_KEPT = 60_000
_FOLDERS_KEPT = 20_000


class Entry(NamedTuple):
    """One line of a directory."""

    mode: str
    id: str


Entries = Mapping[str, Entry]
_NONE: Entries = {}


class Leaves(Exception):
    """A link points out of the tree."""


class Trees:
    """The directories of one repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._entries: Recent[str, Entries] = Recent(_ENTRIES_KEPT)
        self._folders: Recent[tuple[str, str], str] = Recent(_FOLDERS_KEPT)

    async def folder(self, tree: str, path: str) -> Entries:
        """Return what is in the folder *path* of *tree*; nothing when there is no such folder.

        A folder that is a link out of the tree is not in the tree.
        """
        key = (tree, path)
        id_ = self._folders.get(key)
        if id_ is None:
            try:
                entry = await self._resolve(tree, path.split("/"))
            except Leaves:
                entry = None
            id_ = entry.id if entry is not None and entry.mode == _FOLDER else ""
            self._folders.put(key, id_)
        return await self._read(id_) if id_ else _NONE

    async def file(self, tree: str, folder: str, entry: Entry, name: str) -> Entry | str | None:
        """Follow *entry*, found as *name* in *folder*, to a file.

        None when it is a folder or a submodule; a text when it is a link that cannot be
        followed, and why.
        """
        if entry.mode in _FILES:
            return entry
        if entry.mode != _LINK:
            return None
        try:
            target = await self._resolve(tree, [*folder.split("/"), name])
        except Leaves:
            return LEAVES
        return target if target is not None and target.mode in _FILES else NOWHERE

    async def _resolve(self, tree: str, names: list[str]) -> Entry | None:
        """Walk from the root of *tree*; raises `Leaves`, None when the way ends or turns."""
        walked: list[str] = []
        trail = [Entry(_FOLDER, tree)]
        ahead = list(reversed(names))
        hops = 0
        while ahead:
            name = ahead.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if not walked:
                    raise Leaves
                walked.pop()
                trail.pop()
                continue
            if trail[-1].mode != _FOLDER:
                return None
            entry = (await self._read(trail[-1].id)).get(name)
            if entry is None:
                return None
            if entry.mode == _LINK:
                hops += 1
                if hops > _HOPS:
                    return None
                ahead.extend(reversed(await self._target(entry)))
                continue
            walked.append(name)
            trail.append(entry)
        return trail[-1]

    async def _target(self, link: Entry) -> list[str]:
        try:
            content = await self._objects.content(link.id, "blob", limit=_LINK_LIMIT)
        except ObjectTooLarge:
            return [_NO_NAME]
        if content.startswith(b"/"):
            raise Leaves
        return content.decode("utf-8", "surrogateescape").split("/")

    async def _read(self, id_: str) -> Entries:
        entries = self._entries.get(id_)
        if entries is None:
            try:
                raw = await self._objects.content(id_, "tree", limit=_TREE_LIMIT)
            except ObjectTooLarge as error:
                raise SourceUnavailable("a directory of the repository is too large") from error
            size = len(id_) // 2
            if len(raw) < _QUICK:
                entries = _parsed(raw, size)
            else:
                entries = await asyncio.to_thread(_parsed, raw, size)
            self._entries.put(id_, entries, weight=len(entries) + 1)
        return entries


def _parsed(raw: bytes, size: int) -> Entries:
    """Read a tree: per entry mode, blank, name, zero byte, and *size* bytes of id."""
    entries = {}
    position = 0
    while position < len(raw):
        head = _ENTRY.match(raw, position)
        position = head.end() + size if head else len(raw) + 1
        if head is None or position > len(raw):
            raise ObjectDamaged("a tree cannot be read")
        name = head[2].decode("utf-8", "surrogateescape")
        mode = sys.intern(head[1].decode("ascii").removeprefix("0"))
        entries[name] = Entry(mode, raw[head.end() : position].hex())
    return entries
