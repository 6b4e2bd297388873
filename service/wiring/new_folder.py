"""A folder of new files, whole or not at all, for `genexec migrate`."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from service.errors import BadSettings


def refuse_used(folder: Path) -> None:
    """Raise `BadSettings` unless *folder* is empty or does not exist yet."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadSettings(f"{folder} is no directory")
    if folder.exists() and any(folder.iterdir()):
        raise BadSettings(f"{folder} is not empty: name a new folder")
    if not folder.parent.is_dir():
        raise BadSettings(f"{folder.parent} is not a directory")


def write_folder(folder: Path, files: Iterable[tuple[PurePosixPath, bytes]]) -> int:
    """Write *files* by their relative paths, and return how many there were.

    Raises `BadSettings` when *folder* is in use or cannot be written, or a path leaves it.
    """
    refuse_used(folder)
    try:
        beside = Path(mkdtemp(prefix=".genexec-", dir=folder.parent))
        count = 0
        try:
            for path, content in files:
                if path.is_absolute() or ".." in path.parts or ".git" in path.parts:
                    raise BadSettings(f"{path} does not lie in the repository")
                target = beside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as opened:
                    opened.write(content)
                count += 1
            beside.chmod(0o755)
            os.replace(beside, folder)  # noqa: PTH105  # Path.replace is the same
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise BadSettings(f"{folder} cannot be written: {error.strerror}") from error
    return count
