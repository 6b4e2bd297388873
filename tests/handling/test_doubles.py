"""The journal of these tests and the real one keep the same promises."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.journal.inbox import SqliteInbox
from service.journal.record import SqliteRecord
from service.keptn_events import Belonging
from service.runs import Arrival, Attempt, Outgoing, Waiting, opened
from service.states import State
from service.wiring.parts import SystemClock

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
WHERE = Belonging(project="sockshop", stage="dev", service="carts")
OWN = "generic-executor-service"


@pytest.fixture
def real(tmp_path):
    inbox = SqliteInbox(tmp_path / "inbox.db", record_path=tmp_path / "record.db", queue_limit=99)
    record = SqliteRecord(
        tmp_path / "record.db", inbox_path=tmp_path / "inbox.db", clock=SystemClock()
    )

    async def accept(event, run):
        await inbox.accept([Arrival(run=run, event=event, belonging=WHERE, at=NOW)])

    yield record, accept
    record.close()
    inbox.close()


@pytest.fixture
def double(notebook):
    async def accept(event, run):
        notebook.accept(event, WHERE, run)

    return notebook, accept


@pytest.fixture(params=["double", "real"])
def journal(request):
    return request.getfixturevalue(request.param)


def attempt(position=0, number=1, **changes):
    values = {
        "script": "test.triggered.sh",
        "level": "service",
        "path": "generic-executor/test.triggered.sh",
        "commit": "c",
        "blob": "b",
        "state": State.RUNNING,
        "started_at": NOW,
    }
    return Attempt(position=position, number=number, **(values | changes))


def outgoing(run, id_, *, kind="follow-up", hops=1):
    return Outgoing(
        id=id_,
        run=run.id,
        type="any.type",
        context=run.context,
        kind=kind,
        hops=hops,
        body=b"{}",
        created_at=NOW,
    )


def test_what_was_accepted_waits_in_order_until_it_has_a_run(journal, make_event):
    record, accept = journal

    async def story():
        for number in (1, 2, 3):
            await accept(make_event(id=f"e-{number}"), f"run-{number}")
        await record.ignore(
            replace(opened(record.accepted(2)), state=State.IGNORED, reason="no script")
        )
        return record.waiting(after=0, limit=10), record.waiting(after=1, limit=1)

    everything, later = asyncio.run(story())

    assert list(everything) == [
        Waiting(seq=1, run="run-1", project="sockshop"),
        Waiting(seq=3, run="run-3", project="sockshop"),
    ]
    assert list(later) == [Waiting(seq=3, run="run-3", project="sockshop")]


def test_an_accepted_event_comes_back_as_it_was(journal, make_event):
    record, accept = journal
    asyncio.run(accept(make_event(id="e"), "run-1"))

    accepted = record.accepted(1)

    assert (accepted.run, accepted.belonging) == ("run-1", WHERE)
    assert accepted.event == make_event(id="e")


def test_only_what_has_not_ended_is_abandoned(journal, make_event):
    record, accept = journal
    states = [State.RUNNING, State.QUEUED, State.UNRESOLVED, State.PASSED, State.IGNORED]

    async def story():
        for number, state in enumerate(states, start=1):
            await accept(make_event(id=f"e-{number}"), f"run-{number}")
            run = replace(opened(record.accepted(number)), state=state)
            await record.begin(run, [attempt(state=State.FAILED)], ())
        await accept(make_event(id="given-up"), "run-6")
        run = replace(opened(record.accepted(6)), state=State.UNRESOLVED, ended_at=NOW)
        await record.hold(run)
        return record.abandoned()

    abandoned = asyncio.run(story())

    assert [run.id for run, _, _ in abandoned] == ["run-1", "run-2", "run-3"]
    assert [accepted.event.id for _, accepted, _ in abandoned] == ["e-1", "e-2", "e-3"]
    assert [entry.state for entry in abandoned[0][2]] == [State.FAILED]


def test_a_later_entry_replaces_an_earlier_one_and_attempts_stay_in_order(journal, make_event):
    record, accept = journal
    structured = {"test": [1]}

    async def story():
        await accept(make_event(), "run-1")
        run = replace(opened(record.accepted(1)), state=State.RUNNING)
        await record.begin(run, [attempt(0), attempt(1, state=State.QUEUED)], ())
        ended = attempt(0, state=State.FAILED, output=b"no", structured=structured)
        await record.begin(run, [attempt(0, 2), ended], ())
        return record.abandoned()

    [(_, _, entries)] = asyncio.run(story())

    assert [(entry.position, entry.number, entry.state) for entry in entries] == [
        (0, 1, State.FAILED),
        (0, 2, State.RUNNING),
        (1, 1, State.QUEUED),
    ]
    assert (entries[0].output, entries[0].structured) == (b"no", structured)


def test_nothing_is_added_to_a_run_that_is_over(journal, make_event):
    record, accept = journal

    async def story():
        await accept(make_event(), "run-1")
        run = replace(opened(record.accepted(1)), state=State.PASSED, ended_at=NOW)
        await record.end(run, (), ())
        await record.end(replace(run, state=State.FAILED), (), [outgoing(run, "o-1")])
        return record.hops(make_event(id="o-1", source=OWN)), record.abandoned()

    assert asyncio.run(story()) == (0, [])


@pytest.mark.parametrize(
    ("attributes", "hops"),
    [
        ({"source": "somebody", "id": "f"}, 0),
        ({"source": OWN, "id": "f"}, 5),
        ({"source": OWN, "id": "s"}, None),
        ({"source": OWN, "id": "other"}, 1),
        ({"source": OWN, "id": "other", "shkeptncontext": ...}, 0),
        ({"source": OWN, "id": "other", "type_": "sh.keptn.event.test.finished"}, None),
        ({"source": OWN, "id": "other", "triggeredid": "e-1"}, None),
    ],
)
def test_our_own_events_are_told_and_their_hops_counted(journal, make_event, attributes, hops):
    record, accept = journal

    async def story():
        await accept(make_event(), "run-1")
        run = replace(opened(record.accepted(1)), state=State.RUNNING)
        events = [outgoing(run, "f", hops=5), outgoing(run, "s", kind="started")]
        await record.begin(run, (), events)
        return record.hops(make_event(**attributes))

    assert asyncio.run(story()) == hops
