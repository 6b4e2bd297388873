"""What Keptn's error log is told, and that nobody waits for it."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from service.errors import SinkUnavailable
from service.runs import Outgoing, Run
from service.states import State
from service.wiring.error_log import ErrorLog, _AtTheSink, told

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
TEST = "sh.keptn.event.test.triggered"


class Journal:
    """Our own port: takes everything, and has one event that waits."""

    def __init__(self, waiting=None):
        self._waiting = waiting
        for name in ("waiting", "accepted", "abandoned", "begin", "hops"):
            setattr(self, name, None)
        self.pending = self.sent = self.attempted = None

    def outgoing(self, event_id):
        return self._waiting

    async def ignore(self, run):
        pass

    async def hold(self, run):
        pass

    async def end(self, run, attempts, outgoing):
        pass

    async def bury(self, event_id, *, error):
        self._waiting = None


class Place:
    def __init__(self, error=None, wait=0.0):
        self.entries = []
        self._error, self._wait = error, wait

    async def write(self, entry):
        await asyncio.sleep(self._wait)
        if self._error:
            raise self._error
        self.entries.append(entry)


class Sender:
    def __init__(self):
        self.sent = []

    async def send(self, body):
        self.sent.append(json.loads(body))


def a_run(state, reason, *, ended=True):
    where = {"project": "sockshop", "stage": "dev", "service": "carts"}
    return Run(
        id="r", seq=1, event_id="e", source="s", type=TEST, context="c", **where, state=state,
        reason=reason, accepted_at=NOW, ended_at=NOW if ended else None,
    )  # fmt: skip


def an_event(**data):
    type_ = "sh.keptn.event.test.finished"
    body = {"type": type_, "shkeptncontext": "c", "triggeredid": "e", "data": data}
    return Outgoing(
        id="o", run="r", type=type_, context="c", kind="finished", hops=1,
        body=json.dumps(body).encode(), created_at=NOW,
    )  # fmt: skip


def entries(story, *, waiting=None, answers=True, place=None):
    place = place or Place()

    async def whole():
        error_log = ErrorLog(place)
        await story(told(Journal(waiting), error_log, answers=answers))
        await error_log.close()

    asyncio.run(whole())
    return place.entries


@pytest.mark.parametrize(
    ("state", "reason", "ended", "count"),
    [
        (State.UNRESOLVED, "given up: no network", True, 1),
        (State.UNRESOLVED, "no network", False, 0),
    ],
)
def test_a_run_is_told_when_it_is_given_up(state, reason, ended, count):
    found = entries(lambda journal: journal.hold(a_run(state, reason, ended=ended)))

    assert [(one["triggeredid"], one["task"]) for one in found] == [("e", "test")] * count


@pytest.mark.parametrize(
    ("state", "reason", "count"),
    [
        (State.IGNORED, "loop stopped after 8 hops", 1),
        (State.ERRORED, "the address of the scripts cannot be used", 1),
        (State.IGNORED, "no script", 0),
        (State.IGNORED, "an answer of our own", 0),
    ],
)
def test_what_is_ignored_is_told_when_somebody_should_look(state, reason, count):
    found = entries(lambda journal: journal.ignore(a_run(state, reason)))

    assert [reason in one["message"] for one in found] == [True] * count


@pytest.mark.parametrize(
    ("status", "answers", "count"),
    [("errored", True, 1), ("errored", False, 0), ("succeeded", True, 0)],
)
def test_an_errored_answer_is_told_where_no_sidecar_does(status, answers, count):
    event = an_event(status=status, message="broken")

    found = entries(lambda journal: journal.end(None, (), [event]), answers=answers)

    assert [one["message"] for one in found] == ["broken"] * count


def test_a_dead_letter_is_told_with_what_it_was_about():
    (found,) = entries(lambda journal: journal.bury("o", error="refused"), waiting=an_event())

    assert (found["shkeptncontext"], found["triggeredid"]) == ("c", "e")
    assert found["message"] == "the event sh.keptn.event.test.finished was not delivered: refused"


def test_an_error_log_that_is_away_harms_nobody(caplog):
    place = Place(error=SinkUnavailable("away"))

    entries(lambda journal: journal.bury("o", error="refused"), waiting=an_event(), place=place)

    assert "Keptn's error log was not told: away" in caplog.text


def test_at_most_eight_entries_are_under_way():
    place = Place(wait=0.1)

    async def many(journal):
        for _ in range(20):
            await journal.hold(a_run(State.UNRESOLVED, "given up"))

    assert len(entries(many, place=place)) == 8


def test_beside_a_sidecar_an_entry_is_an_event():
    sender = Sender()

    async def story():
        error_log = ErrorLog(_AtTheSink(sender))
        error_log.tell("broken", type_=TEST, shkeptncontext="c", triggeredid="e")
        await error_log.close()

    asyncio.run(story())
    (event,) = sender.sent
    assert (event["type"], event["shkeptncontext"]) == ("sh.keptn.log.error", "c")
    assert event["data"] == {"message": "broken", "task": "test"}
    assert event["source"] == "generic-executor-service"
