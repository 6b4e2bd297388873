import inspect
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from service.errors import JournalUnavailable, JournalUnreadable
from service.journal.database import (
    FOREIGN_ERRORS,
    open_for_reading,
    open_for_writing,
    translated,
    translating,
)
from service.journal.schema import inbox_schema, record_schema

_ERRORS = [
    value
    for _, value in inspect.getmembers(sqlite3)
    if inspect.isclass(value) and issubclass(value, Exception)
]
_UNREADABLE = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"}
_UNAVAILABLE = {"SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_LOCKED"}
_UNAVAILABLE |= {"SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_CONSTRAINT"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "inbox.db"


def test_sqlite_has_errors_to_be_mapped():
    assert sqlite3.OperationalError in _ERRORS


@pytest.mark.parametrize("error", _ERRORS)
def test_every_error_of_sqlite_has_its_word(path, error):
    assert error in FOREIGN_ERRORS

    with pytest.raises((JournalUnavailable, JournalUnreadable)) as caught, translating(path):
        raise error("story")

    assert isinstance(caught.value.__cause__, error)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", sorted(_UNAVAILABLE | _UNREADABLE))
def test_the_code_of_an_error_tells_damage_from_a_bad_moment(path, name):
    error = sqlite3.OperationalError("story")
    error.sqlite_errorcode = getattr(sqlite3, name)

    expected = JournalUnreadable if name in _UNREADABLE else JournalUnavailable

    assert type(translated(error, path)) is expected


@pytest.mark.parametrize("schema", [inbox_schema(), record_schema()])
def test_a_file_is_opened_again_with_what_is_in_it(path, schema):
    with closing(open_for_writing(path, schema)) as database:
        database.execute("UPDATE counter SET value = 7")

    with closing(open_for_writing(path, schema)) as database:
        assert database.execute("SELECT DISTINCT value FROM counter").fetchall() == [(7,)]


def test_a_newer_version_is_refused_with_the_way_out(path):
    newer = replace(inbox_schema(), steps=(*inbox_schema().steps, "CREATE TABLE more (n);"))
    open_for_writing(path, newer).close()

    for open_ in (open_for_writing, open_for_reading):
        with pytest.raises(JournalUnreadable, match=r"newer version.*install that version again"):
            open_(path, inbox_schema())


def test_an_older_version_is_brought_up_to_date(path):
    open_for_writing(path, inbox_schema()).close()
    newer = replace(inbox_schema(), steps=(*inbox_schema().steps, "CREATE TABLE more (n);"))

    with closing(open_for_writing(path, newer)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(newer.steps),)
        assert database.execute("SELECT * FROM more").fetchall() == []


def test_a_migration_that_fails_leaves_the_older_version(path):
    open_for_writing(path, inbox_schema()).close()
    broken = "CREATE TABLE more (n);\nINSERT INTO nowhere VALUES (1);"

    with pytest.raises(JournalUnavailable):
        open_for_writing(path, replace(inbox_schema(), steps=(*inbox_schema().steps, broken)))

    with closing(open_for_reading(path, inbox_schema())) as database:
        assert database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'more'").fetchall() == []


def test_a_reader_of_an_older_version_is_told_to_start_the_service(path):
    open_for_writing(path, inbox_schema()).close()
    newer = replace(inbox_schema(), steps=(*inbox_schema().steps, "CREATE TABLE more (n);"))

    with pytest.raises(JournalUnreadable, match="start the service once"):
        open_for_reading(path, newer)


def test_the_file_of_another_program_is_refused(path):
    open_for_writing(path, inbox_schema()).close()

    with pytest.raises(JournalUnreadable, match="another program"):
        open_for_writing(path, record_schema())


@pytest.mark.parametrize("open_", [open_for_writing, open_for_reading])
def test_a_file_that_is_no_database_is_refused_with_the_way_out(path, open_):
    path.parent.mkdir()
    path.write_bytes(os.urandom(8192))

    with pytest.raises(JournalUnreadable, match="start the service anew"):
        open_(path, inbox_schema())


def test_an_empty_file_is_an_empty_journal_to_a_reader(path):
    path.parent.mkdir()
    path.touch()

    with closing(open_for_reading(path, inbox_schema())) as database:
        assert database.execute("SELECT * FROM accepted").fetchall() == []


def test_a_reader_cannot_write(path):
    open_for_writing(path, inbox_schema()).close()

    with (
        closing(open_for_reading(path, inbox_schema())) as database,
        pytest.raises(JournalUnavailable, match="readonly"),
        translating(path),
    ):
        database.execute("DELETE FROM counter")


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(JournalUnavailable, match="cannot make the directory"):
        open_for_writing(tmp_path / "file" / "inbox.db", inbox_schema())


def test_a_path_with_strange_characters_is_taken_literally(tmp_path):
    path = tmp_path / "a?mode=memory#%41 b" / "inbox.db"

    open_for_writing(path, inbox_schema()).close()

    assert path.exists()
