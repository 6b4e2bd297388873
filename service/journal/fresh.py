"""A new file of the journal that takes the place of a damaged one.

`salvage` fills it, `care` puts it in place. Nobody else sees it before it is complete, so it
is written without waiting for the disk until it is closed.
"""

import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Self

from service.journal.database import open_for_writing
from service.journal.rows import Row
from service.journal.schema import Schema

_STEP = 500


class Fresh:
    """The file that is being filled; use as a context."""

    def __init__(self, path: Path, schema: Schema) -> None:
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
        self._path = path
        self.kept: Counter[str] = Counter()
        """Rows by table that are as they were."""
        self.lost: Counter[str] = Counter()
        """Rows by table that were found damaged."""
        self.readable = True
        """False when the damaged file could not be read at all."""
        self.database = open_for_writing(path, schema)
        self.database.execute("PRAGMA synchronous = OFF")
        self.database.execute("PRAGMA foreign_keys = OFF")
        self.database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.database.execute("COMMIT")
            self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()
        if kind is None:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

    def put(self, table: str, columns: str, row: Row) -> bool:
        """Write a row that is sound; one that contradicts another is counted as lost."""
        places = ", ".join("?" * len(row))
        try:
            self.database.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)
        except sqlite3.IntegrityError:
            self.lost[table] += 1
            return False
        self.kept[table] += 1
        if self.kept.total() % _STEP == 0:
            self.database.execute("COMMIT")
            self.database.execute("BEGIN")
        return True

    def number(self, select: str, *values: int | str) -> int:
        """Return the one number that *select* asks for, 0 when there is none."""
        row = self.database.execute(select, values).fetchone()
        return int(row[0] or 0) if row else 0

    def count(self, name: str, value: int) -> None:
        """Set a counter."""
        self.database.execute("UPDATE counter SET value = ? WHERE name = ?", (value, name))

    def tell(self, name: str, value: str) -> None:
        """Write down something about the file itself."""
        self.database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
