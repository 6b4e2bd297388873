"""What the door counts."""

import asyncio

import pytest

from service.errors import BadEvent, ContentConflict, Draining, QueueFull
from service.intake.refusals import Denial, Refusals
from service.intake.tally import Tally


def test_nothing_is_counted_before_the_first_request():
    figures = Tally().figures()

    assert figures.requests == {(202, "accepted"): 0, (202, "duplicate"): 0}
    assert figures.events == {"accepted": 0, "duplicate": 0}
    assert sum(figures.seconds.counts) == 0


def test_a_batch_is_one_request_of_several_events():
    tally = Tally()

    tally.taken(new=2, duplicates=1, seconds=0.004)

    figures = tally.figures()
    assert figures.requests == {(202, "accepted"): 1, (202, "duplicate"): 0}
    assert figures.events == {"accepted": 2, "duplicate": 1}
    assert (sum(figures.seconds.counts), figures.seconds.total) == (1, 0.004)


def test_a_request_that_brings_nothing_new_is_a_duplicate():
    tally = Tally()

    tally.taken(new=0, duplicates=2, seconds=0.001)

    assert tally.figures().requests[202, "duplicate"] == 1


@pytest.mark.parametrize(
    ("refuse", "counted"),
    [
        (lambda refusals: refusals.refuse(BadEvent(), sender=""), (400, "bad-event")),
        (lambda refusals: refusals.refuse(ContentConflict(), sender=""), (422, "content-conflict")),
        (lambda refusals: refusals.refuse(QueueFull(), sender=""), (429, "queue-full")),
        (lambda refusals: refusals.refuse(Draining(), sender=""), (503, "draining")),
        (lambda refusals: refusals.failure(ValueError(), sender=""), (500, "internal-error")),
        (
            lambda refusals: refusals.deny(Denial(status=401, code="x", message="x"), sender=""),
            (401, "x"),
        ),
    ],
)
def test_a_refusal_is_counted_once_by_status_and_reason(refuse, counted):
    tally = Tally()

    async def refused():
        refuse(Refusals(tally))

    asyncio.run(refused())

    assert tally.figures().requests == {
        (202, "accepted"): 0,
        (202, "duplicate"): 0,
        counted: 1,
    }
