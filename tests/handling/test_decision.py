"""Which scripts answer an event: the decision that is acted on, explained and checked."""

import asyncio

import pytest

from service.decision import decide
from service.errors import SourceMisconfigured, SourceUnavailable
from service.keptn_events import Belonging, belonging_of
from service.scripts import Layout


@pytest.fixture
def decided(stage, make_event):
    """Decide about an event; attributes are those of `make_event`."""

    def make(type_="sh.keptn.event.test.triggered", **attributes):
        event = make_event(type_, **attributes)
        story = decide(
            event, belonging_of(event, Belonging()), source=stage.source, layout=Layout.FOLDERS
        )
        return asyncio.run(story)

    return make


def names(decision):
    return [found.path for found in decision.plan.scripts]


def test_all_scripts_of_the_event_are_chosen_in_the_order_of_the_contract(stage, decided):
    for name in ("all.events.sh", "test.triggered.http", "test.triggered.sh", "test.triggered.py"):
        stage.script(name)

    decision = decided()

    assert [path.rpartition("/")[2] for path in names(decision)] == [
        "test.triggered.sh",
        "test.triggered.py",
        "test.triggered.http",
        "all.events.sh",
    ]
    assert decision.ignored == ""


def test_the_most_specific_level_wins_per_file_name(stage, decided):
    stage.script("test.triggered.sh", level="sockshop/dev/carts")
    stage.script("test.triggered.sh", level="sockshop/dev")
    stage.script("test.triggered.py", level="sockshop")

    assert names(decided()) == [
        "sockshop/dev/carts/generic-executor/test.triggered.sh",
        "sockshop/generic-executor/test.triggered.py",
    ]


def test_an_action_is_done_by_the_first_script(stage, decided):
    for name in ("action.triggered.scale.py", "action.triggered.sh", "all.events.sh"):
        stage.script(name)
    data = {"project": "sockshop", "action": {"action": "scale"}}

    decision = decided("sh.keptn.event.action.triggered", data=data)

    assert names(decision) == ["sockshop/generic-executor/action.triggered.scale.py"]


def test_without_a_script_the_event_is_ignored(decided):
    assert decided().ignored == "no script"


def test_without_a_project_nothing_is_looked_up(stage, decided):
    decision = decided("com.example.hello", data={})

    assert (decision.ignored, decision.question) == ("no project", None)
    assert stage.source.looks == []


def test_an_event_no_script_can_be_named_after_is_not_looked_up(stage, decided):
    decision = decided("sh.keptn.event.action.triggered", data={"action": {"action": "../x"}})

    assert decision.ignored == "invalid action name"
    assert stage.source.looks == []


def test_a_mirror_that_may_be_old_is_believed_when_it_has_a_script(stage, decided):
    stage.script("test.triggered.sh")
    stage.source.fresh, stage.source.note = False, "the mirror is 3 minutes old"

    decision = decided()

    assert len(decision.plan.scripts) == 1
    assert decision.listing.note == "the mirror is 3 minutes old"


def test_a_mirror_that_may_be_old_is_not_believed_when_it_has_none(stage, decided):
    """R10: a failing remote is never mistaken for "no script"."""
    stage.source.fresh, stage.source.note = False, "remote not reachable"

    with pytest.raises(SourceUnavailable, match="remote not reachable"):
        decided()


@pytest.mark.parametrize("error", [SourceUnavailable("away"), SourceMisconfigured("wrong")])
def test_what_the_source_says_is_passed_on(stage, decided, error):
    stage.source.away = error

    with pytest.raises(type(error), match=str(error)):
        decided()


def test_the_question_carries_the_commit_the_event_names(stage, decided):
    stage.script("test.triggered.sh")

    assert decided(gitcommitid="a" * 40).question.gitcommitid == "a" * 40
