"""Every file of a scripts repository, for `genexec check`.

Blocking, and reads everything: nothing the service does on behalf of an event.
"""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.errors import SourceUnavailable
from service.sources.commands import Commands, GitFailed
from service.sources.mirror import Mirror

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
    if not root.is_dir():
        raise SourceUnavailable(f"{root} is not a directory")
    for folder, folders, names in os.walk(root):
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


def mirror_files(mirror: Mirror, commands: Commands, *, limit: int) -> tuple[str, list[Catalogued]]:
    """Fetch, and return the default branch and the files of every branch.

    Raises `SourceUnavailable`.
    """
    snapshot = mirror.fetch()
    files: list[Catalogued] = []
    for branch, tip in sorted(snapshot.branches.items()):
        files += _archived(mirror.directory, commands, branch, tip.commit, limit)
    return snapshot.default, files


def _archived(
    directory: Path, commands: Commands, branch: str, commit: str, limit: int
) -> Iterator[Catalogued]:
    try:
        process = commands.open(directory, "archive", "--format=tar", commit)
    except GitFailed as error:
        raise SourceUnavailable(f"the mirror cannot be read: {error}") from error
    content, said = process.communicate(timeout=commands.timeout)
    if process.returncode != 0:
        raise SourceUnavailable(f"{branch} cannot be read: {said.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is not None:
                with opened:
                    body = opened.read(limit + 1)
                yield Catalogued(branch=branch, path=member.name, content=body)
            elif member.issym():
                link = member.linkname
                yield Catalogued(branch=branch, path=member.name, content=b"", link=link)
