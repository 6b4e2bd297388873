"""An inbox that may refuse, and what was written down."""

from datetime import UTC, datetime

import pytest

from service.errors import QueueFull
from service.event import Acceptance
from service.intake.keptn.reception import Reception
from service.intake.tally import Tally
from service.keptn_events import Belonging
from service.runs import Receipt


class Inbox:
    """Our own port: keeps arrivals; the first *refusals* are refused."""

    def __init__(self, refusals=0):
        self.arrivals = []
        self.refusals = refusals

    async def accept(self, arrivals):
        if self.refusals:
            self.refusals -= 1
            raise QueueFull
        known = {arrival.event.id: arrival.run for arrival in self.arrivals}
        receipts = [
            Receipt(run=known.get(one.event.id, one.run), duplicate=one.event.id in known)
            for one in arrivals
        ]
        self.arrivals += [one for one in arrivals if one.event.id not in known]
        return receipts


class Clock:
    def now(self):
        return datetime.now(UTC)


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def called():
    return []


@pytest.fixture
def reception(inbox, called):
    return Reception(
        inbox,
        sender="nats",
        accept=Acceptance.LEGACY,
        default=Belonging(),
        clock=Clock(),
        arrived=called.append,
        tally=Tally(),
    )
