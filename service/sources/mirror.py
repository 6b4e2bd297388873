"""A bare mirror of one remote repository on disk.

`repository` calls it from a thread: every method blocks. A mirror directory appears whole,
after its first fetch succeeded, and is replaced whole when it is damaged. Processes that
share a directory take turns by a lock that Git's own processes hold on to, so a fetch left
behind by a process that died is waited for and not disturbed.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from service.errors import SourceUnavailable
from service.ports import Clock
from service.sources.commands import Commands, GitFailed
from service.sources.snapshot import Snapshot, Tip

_HEADS = "refs/heads/"
_FORMAT = "%(objectname) %(tree) %(refname)"
_REFSPEC = f"+{_HEADS}*:{_HEADS}*"
_SUCCESS = "genexec-fetched"
"""An empty file whose time of change is that of the last fetch that succeeded."""
_DAMAGE = re.compile(
    r"bad object|corrupt|unable to read (sha1|tree)|missing (blob|tree|commit|object)|bad tree"
    r"|invalid index-pack|is empty|did not send all necessary|broken (ref|link)"
    r"|not a git repository|bad config|unable to (map|unpack)|packfile .* cannot be"
    r"|failed to (read|parse) (object|commit)|not a valid object|inflate|bad ref for"
)
_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


class MirrorDamaged(Exception):
    """The mirror on disk cannot be read."""


class Mirror:
    """The mirror of one repository."""

    def __init__(
        self,
        *,
        parent: Path,
        address: str,
        name: str,
        default_branch: str | None,
        commands: Commands,
        clock: Clock,
    ) -> None:
        label = hashlib.sha256(address.encode("utf-8")).hexdigest()[:16]
        # Git works inside it, where a relative path would lead somewhere else.
        self.directory = parent.absolute() / f"{_PLAIN.sub('_', name)[:128]}-{label}.git"
        self._address = address
        self._default_branch = default_branch
        self._commands = commands
        self._clock = clock
        self._asked = False
        self.made = 0
        """How often this process put a new mirror in place."""

    def exists(self) -> bool:
        """Say whether there is a mirror from which something can be answered."""
        return (self.directory / _SUCCESS).exists()

    def fetch(self) -> Snapshot:
        """Bring the mirror up to date, make it first, or make it anew when it is damaged.

        Raises `SourceUnavailable` with the cause; the mirror is then as usable as before.
        """
        with self._locked() as lock:
            try:
                return self._renewed(lock) if self.exists() else self._made(lock)
            except MirrorDamaged:
                return self._made(lock)
            except OSError as error:
                raise _unavailable(error) from error

    def rebuild(self) -> Snapshot:
        """Replace the mirror by a new one. Raises `SourceUnavailable`."""
        with self._locked() as lock:
            return self._made(lock)

    def snapshot(self) -> Snapshot:
        """Return what the mirror knows, without the remote.

        Raises `MirrorDamaged`, never leaves out a branch that it knows.
        """
        try:
            listed = self._commands.run(
                self.directory, "for-each-ref", f"--format={_FORMAT}", _HEADS
            )
            head = (self.directory / "HEAD").read_text(encoding="utf-8").strip()
            at = datetime.fromtimestamp((self.directory / _SUCCESS).stat().st_mtime, tz=UTC)
        except (GitFailed, OSError, ValueError) as error:
            raise MirrorDamaged(str(error)) from error
        if listed.said:
            raise MirrorDamaged(listed.said.strip())
        branches = {}
        for line in listed.text.splitlines():
            commit, tree, ref = line.split(" ", 2)
            if tree:  # else it is no commit, and there is nothing to find
                branches[ref.removeprefix(_HEADS)] = Tip(commit, tree)
        default = self._default_branch or head.removeprefix(f"ref: {_HEADS}")
        return Snapshot(branches=branches, default=default, at=at)

    def _renewed(self, lock: int) -> Snapshot:
        self._sweep()
        try:
            self._take(self.directory, lock)
        except GitFailed as error:
            if _tells_of_damage(error.said):
                raise MirrorDamaged(str(error)) from error
            raise _unavailable(error) from error
        snapshot = self.snapshot()
        if self._default_branch or (self._asked and snapshot.default in snapshot.branches):
            return snapshot
        try:
            self._ask_default(self.directory, lock)
        except GitFailed as error:
            raise _unavailable(error) from error
        return self.snapshot()

    def _made(self, lock: int) -> Snapshot:
        fresh = self.directory.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._create(fresh)
            self._take(fresh, lock)
            if not self._default_branch:
                self._ask_default(fresh, lock)
            self._put_in_place(fresh)
            return self.snapshot()
        except (GitFailed, MirrorDamaged, OSError) as error:
            raise _unavailable(error) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _create(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self._commands.run(directory, "init", "--quiet", "--bare", "--template=")
        self._commands.run(directory, "config", "remote.origin.url", self._address)
        self._commands.run(directory, "config", "remote.origin.fetch", _REFSPEC)

    def _take(self, directory: Path, lock: int) -> None:
        options = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head")
        self._commands.run(directory, "fetch", *options, "origin", remote=True, keep=(lock,))
        now = self._clock.now().timestamp()
        (directory / _SUCCESS).touch()
        os.utime(directory / _SUCCESS, (now, now))

    def _ask_default(self, directory: Path, lock: int) -> None:
        answer = self._commands.run(
            directory, "ls-remote", "--symref", "origin", "HEAD", remote=True, keep=(lock,)
        )
        named = re.search(rf"^ref: ({_HEADS}\S+)\tHEAD$", answer.text, re.MULTILINE)
        if named:
            self._commands.run(directory, "symbolic-ref", "HEAD", named[1])
        self._asked = True

    def _put_in_place(self, fresh: Path) -> None:
        old = self.directory.with_suffix(".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.directory.exists():
            self.directory.rename(old)
        fresh.rename(self.directory)
        self.made += 1
        shutil.rmtree(old, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a Git that was killed left behind; only with the lock in hand."""
        leftovers = [*self.directory.glob("*.lock"), *self.directory.glob("refs/**/*.lock")]
        leftovers += [*self.directory.glob("objects/pack/tmp_*")]
        leftovers += [*self.directory.glob("objects/??/tmp_obj_*")]
        for path in leftovers:
            with suppress(OSError):
                path.unlink()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        deadline = time.monotonic() + self._commands.timeout
        try:
            lock = os.open(self.directory.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SourceUnavailable(
                f"the directory of the mirrors cannot be written: {error.strerror}"
            ) from error
        try:
            while not _taken(lock):
                if time.monotonic() >= deadline:
                    raise SourceUnavailable("another process has been fetching for too long")
                time.sleep(0.05)
            yield lock
        finally:
            os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tells_of_damage(said: str) -> bool:
    """Say whether Git complains of our objects; lines of the remote speak of its own."""
    ours = (line for line in said.splitlines() if not line.startswith("remote:"))
    return any(_DAMAGE.search(line) for line in ours)


def _unavailable(error: Exception) -> SourceUnavailable:
    cause = error.strerror or "" if isinstance(error, OSError) else str(error)
    return SourceUnavailable(f"the Git remote could not be fetched: {cause}")
