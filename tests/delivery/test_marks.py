"""Deliveries are written down in batches."""

import asyncio

from service.delivery.marks import SentMarks


def test_marks_are_written_together_a_moment_later(post):
    async def story():
        marks = SentMarks(post.journal)
        for event in ("a", "b", "c"):
            marks.add(event)
        assert post.journal.marked == []
        await asyncio.sleep(0.1)

    asyncio.run(story())

    assert (post.journal.marked, post.journal.batches) == (["a", "b", "c"], 1)


def test_a_hundred_marks_are_not_kept_waiting(journal):
    async def story():
        marks = SentMarks(journal)
        for event in range(150):
            marks.add(str(event))
        assert len(journal.marked) == 100
        marks.write()

    asyncio.run(story())

    assert len(journal.marked) == 150


def test_marks_survive_a_journal_that_cannot_be_written(journal):
    async def story():
        marks = SentMarks(journal)
        journal.broken = 1
        marks.add("a")
        marks.write()
        marks.add("b")
        marks.write()

    asyncio.run(story())

    assert journal.marked == ["a", "b"]
