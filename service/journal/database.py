"""Opening the files of the journal; saying what went wrong in our words.

Everything in this folder gets its connections here and lets foreign errors pass through
`translating`, or `translated` where an exception is carried from one thread to another.
What the tables mean is written in `inbox.sql` and `record.sql`, and in the files with a
number that follow them: one per version.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from service.errors import GenexecError, JournalUnavailable, JournalUnreadable
from service.journal.schema import Schema

BUSY_SECONDS = 5.0


_BY_CLASS: Mapping[type[Exception], type[GenexecError]] = {
    sqlite3.Warning: JournalUnavailable,
    sqlite3.Error: JournalUnavailable,
    sqlite3.InterfaceError: JournalUnavailable,
    sqlite3.DatabaseError: JournalUnreadable,
    sqlite3.DataError: JournalUnavailable,
    sqlite3.OperationalError: JournalUnavailable,
    sqlite3.IntegrityError: JournalUnavailable,
    sqlite3.InternalError: JournalUnavailable,
    sqlite3.ProgrammingError: JournalUnavailable,
    sqlite3.NotSupportedError: JournalUnavailable,
}
FOREIGN_ERRORS = tuple(_BY_CLASS)
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def error_code(error: BaseException) -> int:
    """Return SQLite's primary result code, 0 when there is none."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Say whether SQLite means that the file is damaged."""
    return error_code(error) in _DAMAGE


def translated(error: Exception, path: Path) -> GenexecError:
    """Return *error* (one of `FOREIGN_ERRORS`) in our words; the caller keeps the cause."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        kind = _BY_CLASS[type(error)]
    else:
        kind = JournalUnreadable if code & 0xFF in _DAMAGE else JournalUnavailable
    if kind is JournalUnreadable:
        return JournalUnreadable(
            f"{path} is damaged ({error}): start the service anew, it salvages what can be read; "
            "or stop it and see what `genexec repair` says"
        )
    return JournalUnavailable(f"{path} cannot be used now: {error}")


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Raise what SQLite raises inside as `JournalUnavailable` or `JournalUnreadable`."""
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise translated(error, path) from error


def private_directory(directory: Path) -> None:
    """Make *directory*, for its owner alone, unless it exists. Raises `JournalUnavailable`."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalUnavailable(f"cannot make the directory {directory}: {error}") from error


def open_for_writing(path: Path, wanted: Schema, *, shrinks: bool = True) -> sqlite3.Connection:
    """Return a connection to *path* that commits durably; make or migrate the file first.

    A new file can give room back to the disk if it *shrinks*; this stays so. The connection
    may be handed to another thread. Raises `JournalUnavailable`, or `JournalUnreadable` for
    a damaged file and for one of a newer version.
    """
    private_directory(path.parent)
    _make_private_file(path)
    with translating(path):
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
        try:
            _set_up_writing(connection, path, shrinks=shrinks)
            _migrate(connection, path, wanted)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path, wanted: Schema) -> sqlite3.Connection:
    """Return a connection that only reads; of an empty journal when there is no file yet.

    Readers never wait for the writer. The connection may be handed to another thread.
    Raises as `open_for_writing` does.
    """
    with translating(path):
        if _is_there(path):
            connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
            try:
                if _version(connection, path, wanted) > 0:
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
        empty = _connect("file::memory:")
        for step in wanted.steps:
            empty.executescript(step)
        return empty


def exists(path: Path, wanted: Schema) -> bool:
    """Say whether *path* has been made and set up."""
    if not _is_there(path):
        return False
    with translating(path):
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
        try:
            return _version(connection, path, wanted) > 0
        finally:
            connection.close()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise JournalUnavailable(f"{path} cannot be looked at: {error.strerror}") from error


def connect(path: Path, *, mode: str = "ro") -> sqlite3.Connection:
    """Return a connection to *path* as it is, whatever it holds. Raises SQLite's errors."""
    connection = _connect(f"{path.absolute().as_uri()}?mode={mode}")
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables in a file, 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def write_nothing(connection: sqlite3.Connection) -> None:
    """Write something that changes nothing, to see whether it can be written."""
    connection.execute(f"PRAGMA user_version = {version_of(connection)}")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _make_private_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return  # not opened: closing it would release the locks of this process's connections
    except OSError as error:
        raise JournalUnavailable(f"cannot make {path}: {error}") from error


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file is in use; what was freed is used again first."""
    ask = connection.execute
    pages, free, size = (
        int(ask(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _set_up_writing(connection: sqlite3.Connection, path: Path, *, shrinks: bool) -> None:
    if shrinks and connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalUnavailable(f"{path} lies on a file system that cannot keep a journal")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")


def _migrate(connection: sqlite3.Connection, path: Path, wanted: Schema) -> None:
    if _version(connection, path, wanted, older=True) == len(wanted.steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in wanted.steps[_version(connection, path, wanted, older=True) :]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {wanted.application_id}")
        connection.execute(f"PRAGMA user_version = {len(wanted.steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Split *script*; `executescript` would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(
    connection: sqlite3.Connection, path: Path, wanted: Schema, *, older: bool = False
) -> int:
    version = version_of(connection)
    known = len(wanted.steps)
    if version > known:
        raise JournalUnreadable(
            f"{path} was written by a newer version of the service (format {version}, this "
            f"version knows {known}): install that version again, or another state directory"
        )
    if version == 0:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != wanted.application_id:
        raise JournalUnreadable(f"{path} is a database of another program: move it away")
    if version < known and not older:
        raise JournalUnreadable(
            f"{path} was written by an older version of the service (format {version}): start "
            "the service once, it brings the file up to date"
        )
    return version
