"""Marks of files: they differ when one was replaced or changed.

Kubernetes replaces the files of a mounted Secret by new ones behind a link, editors write
beside and rename, others write in place: inode, size or time differ in each case.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

Mark = tuple[int, int, int]
Marks = Mapping[Path, Mark | None]


def marks_of(files: Iterable[Path]) -> Marks:
    """Return a mark per file; None for one that is not there or cannot be looked at."""
    return {file: _mark(file) for file in files}


def _mark(file: Path) -> Mark | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
