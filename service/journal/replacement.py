"""A new file takes the place of a damaged one, whole or not at all.

`care` calls it. SQLite would take the log of the damaged file for that of the new one, so the
log goes first; should we be killed in the middle, the next start goes on from the names.
"""

import os
from pathlib import Path


def kept_name(path: Path, stamp: str) -> Path:
    """Return where the damaged file is kept."""
    return path.with_name(f"{path.name}.damaged-{stamp}")


def replace_file(path: Path, fresh: Path, kept_as: Path | None) -> None:
    """Put *fresh*, complete and closed, in place of *path*. Raises `OSError`."""
    for leftover in ("-wal", "-shm"):
        Path(f"{fresh}{leftover}").unlink(missing_ok=True)
    if kept_as is not None:
        os.link(path, kept_as)
    fresh.rename(_ready(path))
    _sync(path.parent)
    _swap(path, kept_as)


def finish_replacement(path: Path) -> None:
    """Go on with a replacement that was cut short. Raises `OSError`."""
    if _ready(path).exists():
        _swap(path, _kept(path))


def _swap(path: Path, kept_as: Path | None) -> None:
    log = Path(f"{path}-wal")
    if kept_as is not None and log.exists() and log.stat().st_size > 0:
        log.rename(f"{kept_as}-wal")
    for leftover in ("-wal", "-shm"):
        Path(f"{path}{leftover}").unlink(missing_ok=True)
    _ready(path).rename(path)
    _sync(path.parent)


def _ready(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _kept(path: Path) -> Path | None:
    """Return the other name of the damaged file."""
    if not path.exists():
        return None
    others = path.parent.glob(f"{path.name}.damaged-*")
    return next((other for other in others if other.samefile(path)), None)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
