"""The private directory of one run: event file, place to work, result.

Made and removed by `processes`. Everything goes through a descriptor of the directory,
never through its path a second time, because the script may put something else there. Long
work is done in slices, so that the loop it happens in stays awake.
"""

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from service.errors import RunnerLost
from service.event import Event
from service.strict_json import written

LARGEST_RESULT = 1 << 20
"""Bytes of a result file that are read."""

_PREFIX = "run-"
_EVENT = "event.json"
_RESULT = "result.json"
_SLICE = 200
_LONGEST_NAME = 255

log = logging.getLogger(__name__)


class RunDirectory:
    """A directory that exists as long as its run."""

    def __init__(
        self, parent: Path, event: Event, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Make it, with the event and *files* in it, by the variables that name them.

        Raises `OSError`.
        """
        self.place = f"{parent}/{_PREFIX}{secrets.token_hex(8)}"
        self.event_file = f"{self.place}/{_EVENT}"
        self.result_file = f"{self.place}/{_RESULT}"
        self._other_result = f"{event.id}.finished.event.json"
        self._removed = False
        os.mkdir(self.place, 0o700)  # noqa: PTH102  # on the way of every event, like all here
        try:
            self._fd = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            self._write(_EVENT, written(event.document))
            self.files = {
                variable: self._write(f"given-{number}", content)
                for number, (variable, content) in enumerate((files or {}).items())
            }
            """Paths, by the variables that hold them."""
        except OSError:
            shutil.rmtree(self.place, ignore_errors=True)
            raise

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.place)

    def result(self) -> bytes | None:
        """Return what the script wrote as its result, None when it wrote nothing.

        Only regular files count, and no more than the first mebibyte of them. Most scripts
        write nothing; then it is removed here, which is the quickest way to find out.
        """
        self._removed = self._removed or self._remove_empty()
        if self._removed:
            return None
        for name in (_RESULT, _plain_name(self._other_result)):
            content = self._content(name) if name else b""
            if content:
                return content
        return None

    async def exceeds(self, limit: int) -> bool:
        """Say whether the files in it occupy more than *limit* bytes of disk.

        What is nested too deeply to be counted exceeds any limit.
        """
        total = 0
        waiting = [os.fspath(self.path)]
        while waiting and total <= limit:
            await asyncio.sleep(0)
            try:
                with os.scandir(waiting.pop()) as entries:
                    for count, entry in enumerate(entries, 1):
                        if count % _SLICE == 0:
                            await asyncio.sleep(0)
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except OSError as error:  # the script goes on meanwhile, and files disappear
                if error.errno == errno.ENAMETOOLONG:
                    return True
        return total > limit

    async def remove(self) -> None:
        """Remove it with all that is in it; what resists is logged and left."""
        try:
            if not self._removed and not self._remove_empty():
                await self._remove_tree()
        finally:
            os.close(self._fd)

    def _remove_empty(self) -> bool:
        """Remove it when nothing is left in it but the event; say whether that was so."""
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_EVENT, dir_fd=self._fd)
            os.rmdir(self.place)  # noqa: PTH106  # as above
        except OSError:
            return False
        return True

    def _write(self, name: str, content: bytes) -> str:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(name, flags, 0o600, dir_fd=self._fd)
        try:
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)
        return f"{self.place}/{name}"

    def _content(self, name: str) -> bytes:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            with os.fdopen(os.open(name, flags, dir_fd=self._fd), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return b""
                return file.read(LARGEST_RESULT)
        except OSError:
            return b""

    async def _remove_tree(self) -> None:
        try:
            os.fchmod(self._fd, 0o700)
            # Directories within directories are moved up first: depth costs nothing then.
            while await self._remove_level():
                pass
            if self.path.is_symlink():
                self.path.unlink()
            else:
                self.path.rmdir()
        except OSError as error:
            log.warning("the directory of a run could not be removed: %s", error)

    async def _remove_level(self) -> bool:
        """Remove the entries of the directory; True when there may be more."""
        seen = False
        for count, entry in enumerate(_entries(self._fd)):
            seen = True
            if count % _SLICE == 0:
                await asyncio.sleep(0)
            if entry.is_dir(follow_symlinks=False):
                await self._empty(entry.name)
                os.rmdir(entry.name, dir_fd=self._fd)
            else:
                os.unlink(entry.name, dir_fd=self._fd)
        return seen

    async def _empty(self, name: str) -> None:
        os.chmod(name, 0o700, dir_fd=self._fd)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._fd)
        try:
            for count, entry in enumerate(_entries(inner)):
                if count % _SLICE == 0:
                    await asyncio.sleep(0)
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.name, 0o700, dir_fd=inner)
                    aside = secrets.token_hex(8)
                    os.rename(entry.name, aside, src_dir_fd=inner, dst_dir_fd=self._fd)
                else:
                    os.unlink(entry.name, dir_fd=inner)
        finally:
            os.close(inner)


def make_private(*directories: str) -> None:
    """Make them, for their owner alone, unless they exist. Raises `RunnerLost`."""
    try:
        for directory in directories:
            Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerLost(f"{error.filename} cannot be made: {error.strerror}") from error


def remove_abandoned(parent: Path) -> None:
    """Remove the directories that an earlier process left in *parent*, and nothing else."""
    for path in parent.glob(f"{_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _entries(directory: str | int) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError, PermissionError), os.scandir(directory) as entries:
        yield from entries


def _plain_name(name: str) -> str:
    """Return *name* if it can only be a file in the directory it is looked up in, else empty."""
    if "/" in name or "\0" in name or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return ""
    return name
