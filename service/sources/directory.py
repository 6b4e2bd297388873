"""Scripts in a directory here, for trying things out and mounted volumes.

`wiring` makes it; `handling` asks it. There are no commits here: a look-up reads the files
as they are, gives them the ids that Git would, and remembers what it read, so that the bytes
that run are the bytes that were looked up.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from service.errors import BadScript, SourceMisconfigured, SourceUnavailable
from service.ports import MOST_NAMES
from service.scripts import SUFFIXES, Found, Listing, LookUp, Place
from service.sources.address import for_project
from service.sources.objects import object_id
from service.sources.recent import Recent
from service.sources.tree import LEAVES, NOWHERE

_CONTENTS = 8 * 1024 * 1024
_BARE = ("HEAD", "objects", "refs")
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)


class DirectorySource:
    """Answers from *root*, in which `{project}` stands for the name of the project."""

    def __init__(
        self,
        root: str,
        *,
        branches: bool,
        default_branch: str,
        script_limit: int = 1024 * 1024,
    ) -> None:
        self._root = root
        self._branches = branches
        """Whether there is a sub-directory per branch, as `git worktree` lays them out."""
        self._default_branch = default_branch
        self._script_limit = script_limit
        self._contents: Recent[str, bytes] = Recent(max(_CONTENTS, script_limit))

    async def look_up(self, question: LookUp) -> Listing:
        return await asyncio.to_thread(self._look_up, question)

    async def names(self, project: str, places: Sequence[Place]) -> Sequence[str]:
        return await asyncio.to_thread(self._names, project, places)

    async def read(self, found: Found) -> bytes:
        if found.problem:
            raise BadScript(found.problem)
        content = self._contents.get(found.blob)
        if content is None:
            content = await asyncio.to_thread(self._read_again, found)
        return content

    def troubles(self) -> tuple[str, ...]:
        """Return nothing: a directory is looked at anew every time."""
        return ()

    async def refresh(self, project: str) -> str:
        await asyncio.to_thread(self._top, project)
        return "nothing to fetch: a directory is read anew for every event"

    def _look_up(self, question: LookUp) -> Listing:
        top = self._top(question.project)
        found: dict[tuple[Place, str], Found] = {}
        commits: dict[Place, str] = {}
        try:
            for place in question.places:
                tree = self._tree(top, place)
                if tree is None:
                    continue
                commits[place] = ""
                names = _present(f"{tree}/{place.folder}", question.names)
                if names and not _inside(_real(tree / place.folder), tree):
                    continue
                for name in names:
                    script = self._found(question.project, place, tree, name)
                    if script is not None:
                        found[place, name] = script
        except OSError as error:
            raise _unreadable(error) from error
        note = "a directory has no commits; gitcommitid is not looked at"
        return Listing(found=found, commits=commits, note=note if question.gitcommitid else "")

    def _names(self, project: str, places: Sequence[Place]) -> Sequence[str]:
        top = self._top(project)
        names: set[str] = set()
        try:
            for place in places:
                tree = self._tree(top, place)
                folder = None if tree is None else _real(tree / place.folder)
                if tree is None or folder is None or not _inside(folder, tree):
                    continue
                if folder.is_dir():
                    names |= {file.name for file in folder.iterdir() if file.suffix in SUFFIXES}
        except OSError as error:
            raise _unreadable(error) from error
        return sorted(names)[:MOST_NAMES]

    def _found(self, project: str, place: Place, tree: Path, name: str) -> Found | None:
        path = tree / place.folder / name
        try:
            content, problem = self._content(tree, path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            if not path.is_symlink():
                return None
            content, problem = b"", NOWHERE
        if not content and not problem:
            return None
        blob = "" if problem else object_id("blob", content)
        if not problem:
            self._contents.put(blob, content, weight=len(content))
        return Found(
            project=project,
            place=place,
            name=name,
            path=f"{place.folder}/{name}",
            blob=blob,
            commit="",
            problem=problem,
        )

    def _content(self, tree: Path, path: Path) -> tuple[bytes, str]:
        """Return the content, or why it cannot be run; raises `OSError`."""
        real = _real(path)
        if not _inside(real, tree):
            return b"", LEAVES
        # Whoever replaces the file by a link or a pipe at this moment gains nothing.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(real, flags)
        with os.fdopen(descriptor, "rb") as file:
            kind = os.fstat(descriptor)
            if not stat.S_ISREG(kind.st_mode):
                raise OSError(errno.EISDIR, "not a file")
            if kind.st_size <= self._script_limit:
                content = file.read(self._script_limit + 1)
                if len(content) <= self._script_limit:
                    return content, ""
        return b"", f"the file has {kind.st_size} bytes, more than {self._script_limit}"

    def _read_again(self, found: Found) -> bytes:
        try:
            tree = self._tree(self._top(found.project), found.place)
            content = self._content(tree, tree / found.path)[0] if tree is not None else b""
        except OSError as error:
            raise _unreadable(error) from error
        if object_id("blob", content) != found.blob:
            raise SourceUnavailable(f"{found.path} was changed after it was looked up")
        return content

    def _tree(self, top: Path, place: Place) -> Path | None:
        """Return what corresponds to the tree of a commit, free of links.

        None for a missing branch.
        """
        if not self._branches:
            return top
        tree = top / (place.branch or self._default_branch)
        if tree.is_dir():
            return _real(tree)
        if place.branch is None:
            raise SourceUnavailable(f"{tree}, the directory of the default branch, is missing")
        return None

    def _top(self, project: str) -> Path:
        path = for_project(self._root, project)
        try:
            top = Path(path).resolve(strict=True)
            is_bare = all((top / name).exists() for name in _BARE)
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else "links in a circle"
            raise SourceUnavailable(
                f"the directory of the scripts, {path}, cannot be read: {why}"
            ) from error
        if not top.is_dir():
            raise SourceUnavailable(f"{path}, the place of the scripts, is not a directory")
        if is_bare:
            raise SourceMisconfigured(
                f"{path} is a bare Git repository; write file://{top} to use it as one"
            )
        return top


def _present(folder: str, names: Iterable[str]) -> list[str]:
    """Return the names that stand in *folder*, whatever they are; raises `OSError`.

    Most folders and most names are not there: that must be cheap to see.
    """
    try:
        here = stat.S_ISDIR(os.stat(folder).st_mode)  # noqa: PTH116  # cheaper than `Path`
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        return []
    return [name for name in names if here and os.path.lexists(f"{folder}/{name}")]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _inside(path: Path, tree: Path) -> bool:
    """Say whether *path* belongs to *tree* as a commit would see it; both are free of links."""
    whole, root = f"{path}/", f"{tree}/".replace("//", "/")
    return whole.startswith(root) and ".git" not in whole[len(root) :].split("/")


def _unreadable(error: OSError) -> SourceUnavailable:
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    return SourceUnavailable(f"the scripts cannot be read: {where}{error.strerror or error}")
