"""The API around a journal of three runs."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from service.api.app import make_api
from service.api.engine import Piece
from service.errors import (
    EventForgotten,
    NotPermitted,
    SourceUnavailable,
    UnknownRun,
    UnknownScript,
)
from service.event import Acceptance, Event
from service.keptn_events import Belonging
from service.runs import Attempt, Delivery, Outgoing, Run, Summary
from service.states import OutgoingState, State

START = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)


@dataclass(frozen=True)
class Detail:
    run: Run
    event: Event
    attempts: tuple[Attempt, ...]
    deliveries: tuple[Delivery, ...]
    sender: str = ""


class MemoryReader:
    """Keeps the promises of `reading.Reader`."""

    def __init__(self, details):
        self.details = details

    def runs(self, *, limit, before, state, project, stage, service):
        found = [detail.run for detail in reversed(self.details)]
        found = [run for run in found if before is None or run.seq < before]
        found = [run for run in found if state in (None, run.state)]
        found = [run for run in found if stage in (None, run.stage)]
        found = [run for run in found if service in (None, run.service)]
        return [run for run in found if project in (None, run.project)][:limit]

    def run(self, id_or_prefix, *, visible=lambda _: True):
        found = [d for d in self.details if d.run.id.startswith(id_or_prefix)]
        found = [detail for detail in found if visible(detail.run.project)]
        if len(found) != 1:
            raise UnknownRun
        return found[0]

    def output(self, run_id, position, number):
        assert (run_id, position) == ("1jkq9m2x3-000000", 0)
        return f"attempt {number}: \x1b[2J<b>ü</b>\n".encode()

    def counts(self):
        return {"passed": 2, "failed": 1}


class MemoryOrigins:
    """Keeps the promises of `engine.Origins`."""

    def __init__(self, details):
        self.details = details

    def summaries(self, runs):
        return [Summary(run=run, asked_by="alice", asked_url="", scripts=("a.sh",)) for run in runs]

    def event(self, run):
        found = next(detail for detail in self.details if detail.run.id == run)
        if found.run.seq == 1:
            raise EventForgotten
        return found.event


class RecordingEngine:
    """Answers as `engine.Engine` promises, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.output = b""

    def explain(self, document):
        self.asked.append(("explain", document))
        return {"runs": []}

    def scripts(self, place):
        self.asked.append(("scripts", place))
        return [{"name": "a.sh"}]

    def script(self, name, place):
        self.asked.append(("script", name, place))
        if name != "a.sh":
            raise UnknownScript
        return {"listed": {"name": name}, "text": "echo"}

    def cancel(self, run, by):
        self.asked.append(("cancel", run, by))
        return True

    def live(self, run, *, attempt, start):
        position, number = attempt[0], 2
        start = start if attempt[1] == number else 0
        content = self.output[start:]
        return Piece(position=position, number=number, start=start, content=content)


class OpenDoor:
    """Takes events as `engine.Door` promises, and keeps them."""

    def __init__(self):
        self.taken = []

    def take(self, event, visitor):
        if not visitor.may_send(event.type):
            raise NotPermitted
        self.taken.append(event)
        return f"run-{len(self.taken)}"


@pytest.fixture
def make_run():
    def make(seq, **changes):
        run = Run(
            id=f"1jkq9m2x{seq}-000000",
            seq=seq,
            event_id=f"e-{seq}",
            source="test",
            type="sh.keptn.event.test.triggered",
            context="",
            project="sockshop",
            stage="dev",
            service="carts",
            state=State.PASSED,
            accepted_at=START + timedelta(seconds=seq),
        )
        return replace(run, **changes)

    return make


@pytest.fixture
def reader(make_run, make_event):
    attempts = [
        Attempt(
            position=0,
            number=number,
            script="test.triggered.sh",
            level="service",
            path="carts/genexec/test.triggered.sh",
            commit="c" * 40,
            blob="b" * 40,
            state=State.FAILED,
            started_at=START,
            output=b"\xff",
        )
        for number in (1, 2)
    ]
    outgoing = Outgoing(
        id="o-1",
        run="1jkq9m2x3-000000",
        type="sh.keptn.event.test.finished",
        context="",
        kind="finished",
        hops=1,
        body=b"{}",
        created_at=START,
    )
    delivery = Delivery(outgoing=outgoing, state=OutgoingState.SENT, attempts=1, sent_at=START)
    runs = [make_run(1), make_run(2, project="other"), make_run(3, state=State.FAILED)]
    event = make_event(BadName=1)
    return MemoryReader(
        [
            Detail(runs[0], event, (), ()),
            Detail(runs[1], event, (), ()),
            Detail(runs[2], event, tuple(attempts), (delivery,)),
        ]
    )


@pytest.fixture
def refreshed():
    """The projects that were refreshed."""
    return []


@pytest.fixture
def reasons():
    """Why the service is not ready."""
    return []


@pytest.fixture
def engine():
    return RecordingEngine()


@pytest.fixture
def door():
    return OpenDoor()


@pytest.fixture
def parts(reader, engine, door):
    """What an application is made of, apart from what a test says itself."""
    return {
        "origins": MemoryOrigins(reader.details),
        "engine": engine,
        "door": door,
        "default": Belonging(),
        "accept": Acceptance.LEGACY,
        "now": lambda: START,
    }


@pytest.fixture
def client(reader, refreshed, reasons, parts):
    def refresh(project):
        if project == "gone":
            raise SourceUnavailable
        if project == "broken":
            raise ZeroDivisionError("secret detail")
        refreshed.append(project)
        return f"{project}: 2 new commits"

    api = make_api(
        reader,
        refresh=refresh,
        ready=lambda: reasons,
        status=lambda: {"version": "1", "queue": 0},
        metrics=lambda: (b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"),
        **parts,
    )
    return api.test_client()
