"""The directory of one environment: whole or not there, never removed in use.

`stock` uses it. The files are made where they stay, because an environment cannot be moved;
what makes it count is the mark, written last. The lock is on the directory itself: shared by
whoever runs a script in it, exclusive for whoever makes or removes it, in this process or
another one.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from service.strict_json import compact

MARK = "complete.json"
_GONE = ".gone-"


class Lock:
    """A hold on an environment; let it go when done."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go."""
        os.close(self._descriptor)


class Place:
    """Where the environment of a set of requirements is, or will be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self.environment = path / "venv"
        self.python = f"{self.environment}/bin/python"

    @property
    def complete(self) -> bool:
        """Say whether it was made to its end."""
        return (self.path / MARK).exists()

    def hold(self) -> Lock | None:
        """Keep it from being removed; None when it is not complete or is just being removed."""
        lock = self._locked(fcntl.LOCK_SH) if self.complete else None
        if lock is None:
            return None
        try:
            os.utime(self.path / MARK)
        except OSError:
            lock.release()
            return None
        return lock

    def claim(self) -> Lock | None:
        """Make the directory if need be and own it alone; None when somebody else has it.

        Raises `OSError`.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._locked(fcntl.LOCK_EX)

    def own(self) -> Lock | None:
        """Own it alone, None when it is in use."""
        return self._locked(fcntl.LOCK_EX)

    def used_at(self) -> float:
        """Return when it was used last, 0 when it is not complete."""
        try:
            return (self.path / MARK).stat().st_mtime
        except OSError:
            return 0.0

    def finish(self, packages: Sequence[str]) -> None:
        """Mark it as complete, once its files are safe from power loss. Raises `OSError`."""
        shutil.rmtree(self.work, ignore_errors=True)
        os.sync()
        beside = self.path / f".{MARK}"
        beside.write_text(compact({"packages": list(packages)}) + "\n", encoding="utf-8")
        beside.rename(self.path / MARK)

    def empty(self) -> None:
        """Remove what an earlier try left in it; the caller owns it. Raises `OSError`."""
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove(self) -> None:
        """Remove it; the caller owns it. It is gone at once, its files soon after."""
        aside = self.path.with_name(_GONE + secrets.token_hex(8))
        with contextlib.suppress(OSError):
            self.path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _locked(self, how: int) -> Lock | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            # It may have been removed between these two calls, and another one made.
            if os.path.samestat(self.path.stat(), os.fstat(descriptor)):
                return Lock(descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None


def places_in(root: Path) -> list[Place]:
    """Return all places below *root*, complete or not."""
    if not root.is_dir():
        return []
    return [Place(path) for path in root.iterdir() if not path.name.startswith(".")]


def remove_leftovers(root: Path) -> None:
    """Remove what is not complete and nobody is making."""
    for path in root.glob(f"{_GONE}*"):
        shutil.rmtree(path, ignore_errors=True)
    for place in places_in(root):
        lock = None if place.complete else place.own()
        if lock is not None:
            place.remove()
            lock.release()
