"""Damage is believed when it is found again: memory may hold a bad moment.

`record` and `accepted` read through here before they write anything off. What failed without
being damaged (`JournalUnavailable`) is none of its business: callers come again later.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from service.errors import JournalUnreadable
from service.journal.database import FOREIGN_ERRORS

_READINGS = 3

_log = logging.getLogger(__name__)

T = TypeVar("T")


def read_from_the_disk(read: Callable[[], T], *, forget: Callable[[], None]) -> T:
    """Return what *read* returns; what it finds damaged is forgotten and read again.

    Raises `JournalUnreadable` when that was of no use.
    """
    for _ in range(_READINGS - 1):
        try:
            return read()
        except JournalUnreadable as error:
            _log.warning("read again before it is believed: %s", error)
            forget()
    return read()


def forget_pages(connection: sqlite3.Connection) -> None:
    """Have the next reading come from the file; if that fails, the reading says so."""
    with suppress(*FOREIGN_ERRORS):
        connection.execute("PRAGMA shrink_memory")
