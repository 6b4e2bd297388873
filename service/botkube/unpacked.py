"""The directories that the program in one file unpacks itself into.

Its unpackers remove them when it ends, but not when everything is killed at once; each kill
would leave some 60 MB in `/tmp`. So whoever runs from such a directory holds a lock in it,
and a program that starts removes what nobody holds. Called by the entry program.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

_IN_USE = ".genexec-in-use"
_PREFIXES = ("staticx-", "_MEI")
_UNPACKING = 120.0
"""Seconds that a directory without a lock file may take to get one."""
_OURS = ("executor_script_*", "service/botkube/config_schema.json")
"""One of them is in each directory of ours, and in no other."""


def wrappers(environment: Mapping[str, str]) -> int:
    """Return how many processes stand between us and who started the program."""
    if not getattr(sys, "frozen", False):
        return 0
    return 2 if "STATICX_BUNDLE_DIR" in environment else 1


def settle_in() -> None:
    """Hold what we run from until this process ends, and undo what the unpackers changed.

    Programs that we start would otherwise look for their libraries among ours.
    """
    if not getattr(sys, "frozen", False):
        return
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    for place in (getattr(sys, "_MEIPASS", ""), os.environ.get("STATICX_BUNDLE_DIR", "")):
        if place:
            _hold(Path(place))


def remove_abandoned(directory: Path | None = None) -> list[Path]:
    """Remove what killed programs of this kind left in the *directory* for temporary files."""
    removed = []
    for place in sorted((directory or Path(tempfile.gettempdir())).iterdir()):
        if place.name.startswith(_PREFIXES) and _abandoned(place):
            shutil.rmtree(place, ignore_errors=True)
            removed.append(place)
    return removed


def _hold(place: Path) -> None:
    # The descriptor stays open on purpose: the lock lasts as long as the process.
    descriptor = os.open(place / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _abandoned(place: Path) -> bool:
    with contextlib.suppress(OSError):
        about = place.lstat()
        if about.st_uid != os.getuid() or not place.is_dir() or place.is_symlink():
            return False
        if not any(list(place.glob(name)) for name in _OURS):
            return False
        if not (place / _IN_USE).exists():
            return time.time() - about.st_mtime > _UNPACKING
        with (place / _IN_USE).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False
