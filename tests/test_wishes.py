"""What a person wants becomes an event."""

from datetime import UTC, datetime
from itertools import count

import pytest

from service.desk import Asker, Wish
from service.errors import BadEvent
from service.keptn_events import Belonging, full_type, meaning_of
from service.wishes import event_of, repeated

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
PLACE = Belonging(project="sockshop", stage="dev")


@pytest.fixture
def make():
    numbers = count(1)

    def event(type_="test.triggered", *, asker="alice", **wish):
        wanted = Wish(**({"type": type_, "place": PLACE} | wish))
        return event_of(wanted, Asker(name=asker), new_id=lambda: f"id-{next(numbers)}", now=NOW)

    return event


def test_it_has_an_id_and_a_context_of_its_own(make):
    event = make()

    assert (event.id, event.context) == ("id-1", "id-2")
    assert event.source != "generic-executor-service"


def test_it_means_what_the_same_event_of_keptn_means(make, make_event):
    assert meaning_of(make()) == meaning_of(make_event("sh.keptn.event.test.triggered"))


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("test.triggered", "sh.keptn.event.test.triggered"),
        ("dev.delivery.finished", "sh.keptn.event.dev.delivery.finished"),
        ("approval.status.changed", "sh.keptn.event.approval.status.changed"),
        ("problem.open", "sh.keptn.event.problem.open"),
        ("sh.keptn.event.test.triggered", "sh.keptn.event.test.triggered"),
        ("com.example.pushed", "com.example.pushed"),
        ("com.example.build.triggered", "com.example.build.triggered"),
        ("pushed", "pushed"),
        (".triggered", ".triggered"),
    ],
)
def test_a_short_name_stands_for_the_type_that_keptn_has(name, type_):
    assert full_type(name) == type_


def test_an_action_needs_no_type(make):
    event = make("", action="scale", values={"replicas": "3"})

    assert event.type == "sh.keptn.event.action.triggered"
    assert event.data["action"] == {"action": "scale", "value": {"replicas": "3"}}
    assert meaning_of(event).basenames == ("action.triggered.scale", "action.triggered")


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": ""},
        {"type": "x" * 256},
        {"type": "a\nb"},
        {"action": "scale"},
        {"type": "", "action": "../x"},
        {"place": Belonging(project="a/b")},
    ],
)
def test_what_cannot_be_an_event_is_refused(make, wrong):
    with pytest.raises(BadEvent):
        make(**wrong)


def test_nobody_leaves_no_name(make):
    assert "genexecuser" not in make(asker=" \n").document


def test_a_repeated_event_differs_by_id_time_and_who_asked(make):
    first = make(values={"COLOR": "blue"})

    again = repeated(first, "run-1", Asker(name="bob"), new_id=lambda: "new", now=NOW)
    twice = repeated(again, "run-2", Asker(name=""), new_id=lambda: "newer", now=NOW)

    changed = {name for name in again.document if again.document[name] != first.document.get(name)}
    assert changed == {"id", "genexecuser", "genexecrerunof"}
    assert again.extension("genexecuser") == "bob"
    assert "genexecuser" not in twice.document
    assert twice.extension("genexecrerunof") == "run-2"


def test_an_event_of_the_old_kind_is_repeated_as_it_was(make_event):
    first = make_event(specversion="0.2", shkeptncontext="c")

    again = repeated(first, "run-1", Asker(name="bob"), new_id=lambda: "new", now=NOW)

    assert (again.specversion, again.data, meaning_of(again)) == (
        "0.2",
        first.data,
        meaning_of(first),
    )
