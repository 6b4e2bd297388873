"""Scripts as files, written once per blob.

Sources hand over bytes; a shell and an interpreter want a file. Used by `processes`. A
script runs as the same user as the service and could change these files, so what is there
is compared with what should be there before every run.
"""

import contextlib
import os
import secrets
from pathlib import Path


class ScriptFiles:
    """A directory with one directory per blob, each for the names it is run under."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, *, blob: str, name: str, content: bytes) -> str:
        """Return the file *name* that holds *content*, the content of *blob*.

        The file is read-only and appears whole. Raises `OSError`.
        """
        path = f"{self._directory}/{blob}/{name}"
        with contextlib.suppress(OSError):
            if _content(path, len(content)) == content:
                return path
        self._write(Path(path), content)
        return path

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_name(f".{secrets.token_hex(8)}")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(beside, flags, 0o400), "wb") as file:
                file.write(content)
            beside.rename(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def suffix_of(name: str) -> str:
    """Return what a file name ends with, its dot included."""
    return f".{name.rpartition('.')[2]}"


def _content(path: str, size: int) -> bytes:
    """Return what the file holds, no more than a byte beyond *size*; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
