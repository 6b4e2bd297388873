"""Real files in a temporary state directory, and makers of what goes into them."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from service.journal.inbox import SqliteInbox
from service.journal.reading import Reader
from service.journal.record import SqliteRecord
from service.keptn_events import Belonging
from service.runs import Arrival, Attempt, Outgoing, opened
from service.states import State

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass
class StoppedClock:
    """A clock that stands still."""

    time: datetime = field(default=NOW)

    def now(self):
        return self.time

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        raise AssertionError(seconds)


@pytest.fixture
def clock():
    return StoppedClock()


@pytest.fixture
def until():
    """Wait for a condition; fail after ten seconds."""

    def until_(condition):
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return until_


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def open_inbox(state_dir):
    """Open the inbox; what is open at the end is closed."""
    opened_ones = []

    def open_(*, queue_limit=100):
        inbox = SqliteInbox(
            state_dir / "inbox.db", record_path=state_dir / "record.db", queue_limit=queue_limit
        )
        opened_ones.append(inbox)
        return inbox

    yield open_
    for inbox in opened_ones:
        inbox.close()


@pytest.fixture
def open_record(state_dir):
    """Open the record; what is open at the end is closed."""
    opened_ones = []

    def open_():
        record = SqliteRecord(
            state_dir / "record.db", inbox_path=state_dir / "inbox.db", clock=StoppedClock()
        )
        opened_ones.append(record)
        return record

    yield open_
    for record in opened_ones:
        record.close()


@pytest.fixture
def inbox(open_inbox):
    return open_inbox()


@pytest.fixture
def record(open_record):
    return open_record()


@pytest.fixture
def reader(state_dir):
    return Reader(state_dir)


@pytest.fixture
def make_arrival(make_event):
    """Make an arrival; run ids and event ids count up."""
    numbers = count(1)

    def make(run=None, *, project="sockshop", sender="", **attributes):
        number = next(numbers)
        event = make_event(**({"id": f"e-{number}"} | attributes))
        where = Belonging(project=project, stage="dev", service="carts")
        at = NOW + timedelta(seconds=number)
        return Arrival(
            run=run or f"run-{number:03}", event=event, belonging=where, at=at, sender=sender
        )

    return make


@pytest.fixture
def accept(inbox, make_arrival):
    """Accept an event; return its number in the order of acceptance."""
    numbers = count(1)

    async def accept_(run=None, **attributes):
        await inbox.accept([make_arrival(run, **attributes)])
        return next(numbers)

    return accept_


@pytest.fixture
def take_up(accept, record):
    """Accept an event; return the run that stands at its beginning."""

    async def take_up_(run=None, **attributes):
        return opened(record.accepted(await accept(run, **attributes)))

    return take_up_


@pytest.fixture
def make_attempt():
    def make(position=0, number=1, **changes):
        values = {
            "script": "deployment.triggered.sh",
            "level": "service",
            "path": "carts/generic-executor/deployment.triggered.sh",
            "commit": "c" * 40,
            "blob": "b" * 40,
            "state": State.RUNNING,
            "started_at": NOW,
        }
        return Attempt(position=position, number=number, **(values | changes))

    return make


@pytest.fixture
def make_outgoing():
    def make(run, id_="o-1", kind="started", **changes):
        values = {
            "type": f"sh.keptn.event.test.{kind}",
            "context": run.context or run.id,
            "hops": 1,
            "body": b'{"id": "%s"}' % id_.encode(),
            "created_at": NOW,
        }
        return Outgoing(id=id_, run=run.id, kind=kind, **(values | changes))

    return make
