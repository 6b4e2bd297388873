"""One instance of the service per state directory.

The program takes the lock before it opens the journal and keeps it until it ends; the
system releases it when the process dies, however it dies. Readers need no lock.
"""

import fcntl
import os
import time
from io import FileIO
from pathlib import Path

from service.errors import JournalLocked, JournalUnavailable
from service.journal.database import private_directory

_PAUSE = 0.05


def lock_state_directory(state_dir: Path, *, patience: float = 2.0) -> FileIO:
    """Take the lock and return the file that holds it; closing the file lets go.

    An instance that is just ending gets *patience* seconds to do so; a process that
    inherits the file shares the lock. Raises `JournalLocked` naming the directory and the
    process that holds it, `JournalUnavailable` when the file cannot be made.
    """
    private_directory(state_dir)
    path = state_dir / "lock"
    try:
        file = FileIO(path, "r+", opener=_open)
    except OSError as error:
        raise JournalUnavailable(f"cannot make {path}: {error}") from error
    try:
        _take(file, state_dir, deadline=time.monotonic() + patience)
        file.truncate(0)
        os.pwrite(file.fileno(), f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError as error:
        file.close()
        raise JournalUnavailable(f"cannot lock {path}: {error}") from error
    except BaseException:
        file.close()
        raise
    return file


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _take(file: FileIO, state_dir: Path, *, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(file.fileno(), 32, 0).decode("ascii", "replace").strip()
                raise JournalLocked(
                    f"another instance of the service (process {holder or '?'}) uses the state "
                    f"directory {state_dir}: stop it first, or give this one another directory"
                ) from None
        time.sleep(_PAUSE)
