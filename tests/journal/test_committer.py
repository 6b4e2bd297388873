import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from service.errors import JournalUnavailable
from service.journal.committer import LAZY_SECONDS, Committer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test.db"


@pytest.fixture
def commits(path):
    """Every COMMIT statement that was executed."""
    return []


@pytest.fixture
def committer(path, commits):
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE word (word TEXT NOT NULL UNIQUE)")
    database.set_trace_callback(lambda text: text == "COMMIT" and commits.append(text))
    committer = Committer(database, path=path)
    yield committer
    committer.close()


def write(word):
    def work(database):
        database.execute("INSERT INTO word VALUES (?)", (word,))
        return word

    return work


def read(path):
    with closing(sqlite3.connect(path)) as database:
        return [word for (word,) in database.execute("SELECT word FROM word ORDER BY rowid")]


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_work_is_on_disk_when_its_result_comes_back(committer, path):
    assert asyncio.run(committer.submit(write("a"))) == "a"

    assert read(path) == ["a"]


def test_what_gathers_during_a_commit_is_committed_at_once(committer, commits, path):
    entered, go_on = threading.Event(), threading.Event()

    def slow(database):
        entered.set()
        assert go_on.wait(5)

    async def story():
        first = asyncio.ensure_future(committer.submit(slow))
        await asyncio.to_thread(entered.wait)
        others = [asyncio.ensure_future(committer.submit(write(str(n)))) for n in range(50)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *others)

    asyncio.run(story())

    assert len(commits) == 2
    assert len(read(path)) == 50


def test_work_that_fails_leaves_its_neighbours_alone(committer, path):
    def half(database):
        write("half")(database)
        raise ValueError("story")

    async def story():
        return await asyncio.gather(
            *(committer.submit(work) for work in (write("a"), half, write("a"), write("b"))),
            return_exceptions=True,
        )

    first, failed, doubled, last = asyncio.run(story())

    assert (first, last, read(path)) == ("a", "b", ["a", "b"])
    assert isinstance(failed, ValueError)
    assert isinstance(doubled, JournalUnavailable)
    assert isinstance(doubled.__cause__, sqlite3.IntegrityError)


def refuse_commits(committer):
    """Let every commit fail, the way it does when the disk is full."""
    committer._connection.execute("PRAGMA foreign_keys = ON")
    committer._connection.execute("CREATE TABLE parent (n INTEGER PRIMARY KEY)")
    committer._connection.execute(
        "CREATE TABLE child (n REFERENCES parent (n) DEFERRABLE INITIALLY DEFERRED)"
    )


def orphan(database):
    database.execute("INSERT INTO child VALUES (1)")


def test_a_commit_that_fails_fails_all_that_was_in_it(committer, path, caplog):
    refuse_commits(committer)

    async def story():
        works = (write("a"), orphan, write("b"))
        return await asyncio.gather(*map(committer.submit, works), return_exceptions=True)

    results = asyncio.run(story())

    assert {type(result) for result in results} == {JournalUnavailable}
    assert len({id(result) for result in results}) == 3
    assert read(path) == []
    assert "3 callers are told to try again" in caplog.text


def test_the_thread_goes_on_after_a_commit_that_failed(committer, path):
    refuse_commits(committer)
    with pytest.raises(JournalUnavailable):
        asyncio.run(committer.submit(orphan))

    assert asyncio.run(committer.submit(write("a"))) == "a"
    assert read(path) == ["a"]


def test_a_transaction_that_is_rolled_back_under_the_work_fails_as_a_whole(committer, path):
    def lose(database):
        database.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    async def story():
        works = (write("a"), lose, write("b"))
        return await asyncio.gather(*map(committer.submit, works), return_exceptions=True)

    results = asyncio.run(story())

    assert {type(result) for result in results} == {JournalUnavailable}
    assert read(path) == []
    assert asyncio.run(committer.submit(write("c"))) == "c"


def test_a_locked_file_is_a_reason_to_come_again(committer, path):
    committer._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalUnavailable, match="locked"):
            asyncio.run(committer.submit(write("a")))

        other.execute("ROLLBACK")
    assert asyncio.run(committer.submit(write("a"))) == "a"


def test_lazy_work_is_written_soon_without_anybody_waiting(committer, path):
    begun = time.monotonic()

    committer.submit_lazily(write("a"))

    until(lambda: read(path) == ["a"])
    assert LAZY_SECONDS * 0.9 <= time.monotonic() - begun < 5


def test_lazy_work_goes_with_the_next_commit(committer, commits, path):
    committer.submit_lazily(write("a"))
    committer.submit_lazily(write("b"))

    asyncio.run(committer.submit(write("c")))

    assert (read(path), len(commits)) == (["a", "b", "c"], 1)


def test_much_lazy_work_is_few_commits(committer, commits, path):
    for n in range(100):
        committer.submit_lazily(write(str(n)))

    until(lambda: len(read(path)) == 100)
    assert len(commits) <= 3


def test_lazy_work_survives_a_commit_that_fails(committer, path):
    refuse_commits(committer)
    committer.submit_lazily(write("a"))
    with pytest.raises(JournalUnavailable):
        asyncio.run(committer.submit(orphan))

    asyncio.run(committer.submit(write("b")))

    assert read(path) == ["a", "b"]


def test_lazy_work_that_fails_is_logged_and_forgotten(committer, path, caplog):
    asyncio.run(committer.submit(write("a")))

    committer.submit_lazily(write("a"))
    committer.submit_lazily(write("b"))

    until(lambda: read(path) == ["a", "b"])
    assert "a mark was not written" in caplog.text


def test_closing_writes_what_was_handed_in(committer, path):
    async def story():
        waiting = [asyncio.ensure_future(committer.submit(write(str(n)))) for n in range(5)]
        await asyncio.sleep(0)
        committer.submit_lazily(write("lazy"))
        committer.close()
        return await asyncio.gather(*waiting)

    asyncio.run(story())

    assert sorted(read(path)) == ["0", "1", "2", "3", "4", "lazy"]


def test_a_closed_committer_asks_to_come_again(committer):
    committer.close()

    with pytest.raises(JournalUnavailable, match="closed"):
        asyncio.run(committer.submit(write("a")))


def test_a_caller_that_went_away_harms_nobody(committer, path):
    async def story():
        gone = asyncio.ensure_future(committer.submit(write("a")))
        await asyncio.sleep(0)
        gone.cancel()
        return await committer.submit(write("b"))

    assert asyncio.run(story()) == "b"
    assert read(path) == ["a", "b"]
