"""Room on the disk kept free for results, so that a full disk loses none.

A file of a few MiB lies in the state directory. The committer of the record gives it up when
the disk is full and goes on with what becomes free; while it is missing, intake refuses new
events and the worker starts no scripts. The engine makes it again when there is room for it
and as much once more, so that it does not come and go.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 8 << 20
_FILE = "reserve"

log = logging.getLogger(__name__)


class Reserve:
    """The reserve of a state directory; several processes look, the engine changes it."""

    def __init__(self, state_dir: Path, *, size: int = RESERVE_BYTES) -> None:
        self._path = state_dir / _FILE
        self._size = size

    @property
    def held(self) -> bool:
        """Say whether the room is there; costs one look at a directory."""
        return self._path.exists()

    def take(self) -> bool:
        """Make the reserve if there is room for twice its size; say whether it is held."""
        if self.held:
            return True
        beside = self._path.with_suffix(".new")
        try:
            if self._free() < 2 * self._size:
                return False
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
            beside.replace(self._path)
        except OSError as error:
            log.debug("no room is kept for results: %s", error)
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the room up if the disk needs it; say whether there is more room now."""
        try:
            if not self.held or self._free() >= self._size:
                return False
            self._path.unlink()
        except OSError:
            return False
        log.error(
            "the disk is full: %d MiB kept in reserve are used for the results of what runs; "
            "new events are refused until there is room again", self._size >> 20,
            extra={"alarm": "disk-full"},
        )  # fmt: skip
        return True

    def _free(self) -> int:
        volume = os.statvfs(self._path.parent)
        return volume.f_bavail * volume.f_frsize
