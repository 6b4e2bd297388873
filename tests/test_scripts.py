"""Names, places and the plan; the large table of cases is `corpus/resolution.yaml`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.keptn_events import Belonging, Family, Meaning
from service.scripts import (
    Found,
    Layout,
    Level,
    Listing,
    Verdict,
    candidates,
    look_up,
    places,
    plan,
)

FULL = Belonging(project="p", stage="s", service="v")
TASK = Meaning(family=Family.B, basenames=("test.triggered",), task="test")
SEQUENCE = Meaning(family=Family.B, basenames=("dev.delivery.triggered", "delivery.triggered"))
ACTION = Meaning(
    family=Family.B, basenames=("action.triggered.scale", "action.triggered"), task="action"
)
IGNORED = Meaning(family=Family.B, basenames=(), ignored="invalid action name")


def answer(question, *found):
    """Make a listing where each of *found*, `<level> <name>`, lies in the level's first place."""
    first = {place.level.value: place for place in reversed(question.places)}
    files = {}
    for place, name in ((first[level], name) for level, name in (line.split() for line in found)):
        files[place, name] = Found(
            project="p", place=place, name=name, path=f"{place.folder}/{name}", blob="b", commit="c"
        )
    return Listing(found=files)


def planned(meaning, *found):
    question = look_up(meaning, FULL, Layout.BRANCHES, "")
    return plan(meaning, question, answer(question, *found))


def scripts(meaning, *found):
    return [f"{script.place.level} {script.name}" for script in planned(meaning, *found).scripts]


@pytest.mark.parametrize(
    ("meaning", "names"),
    [
        (TASK, ["test.triggered", "all.events"]),
        (SEQUENCE, ["dev.delivery.triggered", "delivery.triggered", "all.events"]),
        (ACTION, ["action.triggered.scale", "action.triggered", "all.events"]),
        (IGNORED, []),
    ],
)
def test_every_basename_has_three_names_and_the_catch_all_comes_last(meaning, names):
    assert [candidate.name for candidate in candidates(meaning)] == [
        name + suffix for name in names for suffix in (".sh", ".py", ".http")
    ]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            Layout.BRANCHES,
            [
                ("service", "s", "v/generic-executor"),
                ("service", "s", "v/genericexecutor"),
                ("stage", "s", "generic-executor"),
                ("stage", "s", "genericexecutor"),
                ("project", None, "generic-executor"),
                ("project", None, "genericexecutor"),
            ],
        ),
        (
            Layout.DIRECTORIES,
            [
                ("service", None, ".keptn-stages/s/v/generic-executor"),
                ("service", None, ".keptn-stages/s/v/genericexecutor"),
                ("stage", None, ".keptn-stages/s/generic-executor"),
                ("stage", None, ".keptn-stages/s/genericexecutor"),
                ("project", None, "generic-executor"),
                ("project", None, "genericexecutor"),
            ],
        ),
        (
            Layout.FOLDERS,
            [
                ("service", None, "p/s/v/generic-executor"),
                ("service", None, "p/s/v/genericexecutor"),
                ("stage", None, "p/s/generic-executor"),
                ("stage", None, "p/s/genericexecutor"),
                ("project", None, "p/generic-executor"),
                ("project", None, "p/genericexecutor"),
                ("project", None, "generic-executor"),
                ("project", None, "genericexecutor"),
            ],
        ),
    ],
)
def test_a_layout_says_where_each_level_lies(layout, expected):
    found = [(place.level, place.branch, place.folder) for place in places(layout, FULL)]

    assert found == expected


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize(
    ("where", "levels"),
    [
        (FULL, {Level.SERVICE, Level.STAGE, Level.PROJECT}),
        (Belonging(project="p", stage="s"), {Level.STAGE, Level.PROJECT}),
        (Belonging(project="p"), {Level.PROJECT}),
        (Belonging(project="p", service="v"), {Level.PROJECT}),
    ],
)
def test_levels_the_event_does_not_name_are_not_searched(layout, where, levels):
    assert {place.level for place in places(layout, where)} == levels


@pytest.mark.parametrize("layout", Layout)
def test_no_folder_begins_with_a_slash_or_has_an_empty_part(layout):
    for where in (FULL, Belonging(project="p", stage="s"), Belonging(project="p")):
        assert all(all(place.folder.split("/")) for place in places(layout, where))


def test_one_question_asks_for_everything():
    question = look_up(TASK, FULL, Layout.DIRECTORIES, "abc")

    assert (question.project, question.gitcommitid) == ("p", "abc")
    assert question.places == places(Layout.DIRECTORIES, FULL)
    assert question.names == tuple(candidate.name for candidate in candidates(TASK))


def test_every_name_found_runs_once_from_its_most_specific_level():
    found = ["project test.triggered.sh", "stage test.triggered.sh", "project test.triggered.py",
             "service all.events.http", "stage all.events.http"]  # fmt: skip

    assert scripts(TASK, *found) == [
        "stage test.triggered.sh",
        "project test.triggered.py",
        "service all.events.http",
    ]


@pytest.mark.parametrize(
    ("found", "runs"),
    [
        (
            ["stage action.triggered.scale.sh", "service action.triggered.sh"],
            "stage action.triggered.scale.sh",
        ),
        (
            ["project action.triggered.scale.http", "service all.events.sh"],
            "project action.triggered.scale.http",
        ),
        (["project action.triggered.py", "service all.events.sh"], "project action.triggered.py"),
        (["project all.events.py", "service all.events.http"], "project all.events.py"),
    ],
)
def test_an_action_is_done_by_the_first_candidate_found(found, runs):
    assert scripts(ACTION, *found) == [runs]


def test_of_two_basenames_only_the_first_with_a_file_is_used():
    found = ["project dev.delivery.triggered.http", "service delivery.triggered.sh"]

    assert scripts(SEQUENCE, *found) == ["project dev.delivery.triggered.http"]
    assert scripts(SEQUENCE, found[1]) == ["service delivery.triggered.sh"]


def test_nothing_found_runs_nothing():
    assert planned(TASK).scripts == ()


def test_an_ignored_event_has_no_rows():
    assert planned(IGNORED, "project all.events.sh").rows == ()


def test_every_line_of_the_reasoning_is_shown():
    found = ["service dev.delivery.triggered.sh", "project dev.delivery.triggered.sh",
             "stage delivery.triggered.py", "stage all.events.sh"]  # fmt: skip

    rows = planned(SEQUENCE, *found).rows

    assert len(rows) == 9 * 6
    assert {
        f"{row.place.level} {row.candidate.name}": row.verdict
        for row in rows
        if row.verdict is not Verdict.ABSENT
    } == {
        "service dev.delivery.triggered.sh": Verdict.RUNS,
        "project dev.delivery.triggered.sh": Verdict.SHADOWED,
        "stage delivery.triggered.py": Verdict.UNUSED,
        "stage all.events.sh": Verdict.RUNS,
    }


MEANINGS = st.sampled_from([TASK, SEQUENCE, ACTION])
FOUND = st.sets(
    st.tuples(
        st.sampled_from(list(Level)), st.sampled_from(candidates(SEQUENCE) + candidates(ACTION))
    )
)


@settings(max_examples=100, deadline=None)
@given(MEANINGS, FOUND)
def test_what_runs_is_what_the_rows_say(meaning, found):
    lines = [f"{level} {candidate.name}" for level, candidate in found]

    decided = planned(meaning, *lines)

    assert [row.found for row in decided.rows if row.verdict is Verdict.RUNS] == list(
        decided.scripts
    )
    names = [script.name for script in decided.scripts]
    assert len(set(names)) == len(names)
    assert names == [c.name for c in candidates(meaning) if c.name in names]
    assert len(names) <= (1 if meaning.first_only else 6)
    asked = {candidate.name for candidate in candidates(meaning)}
    assert bool(names) == any(line.split()[1] in asked for line in lines)
