"""Every file of a scripts repository, for `genexec check` and `migrate`.

Blocking, and reads everything: nothing the service does on behalf of an event.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from service.errors import SourceUnavailable
from service.scripts import FOLDERS
from service.sources.commands import Commands, GitFailed
from service.sources.mirror import Mirror
from service.sources.snapshot import Snapshot

_LINK = "120000"
_SKIPPED = {".git", ".venv", "node_modules", "__pycache__"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogued:
    """One file, as it is stored."""

    branch: str
    path: str
    content: bytes
    link: str = ""


def directory_files(root: Path, *, limit: int, branches: bool) -> Iterator[Catalogued]:
    """Yield the files below *root*; of each at most one byte more than *limit*.

    With *branches* the first folder of a path is the branch. Raises `SourceUnavailable`.
    """
    try:
        yield from _files_below(root, limit=limit, branches=branches)
    except OSError as error:
        raise SourceUnavailable(f"{error.filename} cannot be read: {error.strerror}") from error


def _files_below(root: Path, *, limit: int, branches: bool) -> Iterator[Catalogued]:
    def fail(error: OSError) -> None:
        raise error

    if not root.is_dir():
        raise SourceUnavailable(f"{root} is not a directory")
    for folder, folders, names in os.walk(root, onerror=fail):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            file = Path(folder, name)
            path = file.relative_to(root).as_posix()
            branch, _, rest = path.partition("/") if branches else ("", "", path)
            if not rest:
                continue
            if file.is_symlink():
                yield Catalogued(branch=branch, path=rest, content=b"", link=str(file.readlink()))
            elif file.is_file():
                with file.open("rb") as opened:
                    yield Catalogued(branch=branch, path=rest, content=opened.read(limit + 1))


def in_scripts_folder(path: str) -> bool:
    """Say whether a file lies in, or below, a folder of scripts."""
    return bool(set(path.split("/")[:-1]) & set(FOLDERS))


def mirror_files(
    mirror: Mirror,
    commands: Commands,
    *,
    limit: int,
    wanted: Callable[[str], bool] = in_scripts_folder,
) -> tuple[str, list[Catalogued]]:
    """Fetch, and return the default branch and the files of every branch.

    Only files whose path is *wanted* have content. Raises `SourceUnavailable`.
    """
    snapshot = mirror.fetch()
    try:
        return snapshot.default, _files(snapshot, mirror.directory, commands, limit, wanted)
    except GitFailed as error:
        raise SourceUnavailable(f"the mirror cannot be read: {error}") from error


def _files(
    snapshot: Snapshot,
    directory: Path,
    commands: Commands,
    limit: int,
    wanted: Callable[[str], bool],
) -> list[Catalogued]:
    listed = [
        (branch, *entry)
        for branch, tip in sorted(snapshot.branches.items())
        for entry in _listed(directory, commands, tip.commit)
    ]
    blobs = {blob for _, _, blob, path in listed if wanted(path)}
    contents = _contents(directory, commands, sorted(blobs))
    files = []
    for branch, mode, blob, path in listed:
        content = contents.get(blob, b"")
        link = content.decode("utf-8", "replace") if mode == _LINK else ""
        kept = b"" if link else content[: limit + 1]
        files.append(Catalogued(branch=branch, path=path, content=kept, link=link))
    return files


def _listed(directory: Path, commands: Commands, commit: str) -> Iterator[tuple[str, str, str]]:
    """Yield mode, blob and path of every file of a commit."""
    raw = _said(commands.open(directory, "ls-tree", "-r", "-z", "--full-tree", commit), commands)
    for line in raw.decode("utf-8", "replace").split("\0"):
        about, _, path = line.partition("\t")
        mode, kind, blob = about.split(" ") if path else ("", "", "")
        if kind == "blob":
            yield mode, blob, path


def _contents(directory: Path, commands: Commands, blobs: list[str]) -> dict[str, bytes]:
    asked = "".join(f"{blob}\n" for blob in blobs).encode("ascii")
    raw = _said(commands.open(directory, "cat-file", "--batch"), commands, asked)
    contents = {}
    position = 0
    for blob in blobs:
        head, _, _ = raw[position : position + 200].partition(b"\n")
        size = int(head.rsplit(b" ", 1)[1])
        start = position + len(head) + 1
        contents[blob] = raw[start : start + size]
        position = start + size + 1
    return contents


def _said(process: subprocess.Popen[bytes], commands: Commands, asked: bytes = b"") -> bytes:
    try:
        content, said = process.communicate(asked, timeout=commands.timeout)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise SourceUnavailable("the mirror cannot be read in time") from error
    if process.returncode != 0:
        raise SourceUnavailable(
            f"the mirror cannot be read: {said.decode(errors='replace').strip()}"
        )
    return content
