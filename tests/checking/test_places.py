"""`checking.places` and `scripts.places` are each other's inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checking.findings import File
from service.checking.places import level_of
from service.keptn_events import NAME, Belonging
from service.scripts import FOLDERS, Layout, Level, Place, places

DEFAULT = "main"
names = st.one_of(
    st.sampled_from(["dev", "carts", "sockshop", "generic-executor", "a.b", "1", "main"]),
    st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) < 30),
)
belongings = st.builds(
    Belonging, project=names, stage=st.one_of(st.just(""), names), service=names
).filter(lambda where: where.stage != DEFAULT)
layouts = st.sampled_from(Layout)


def file_in(place, *, folder=None):
    branch = place.branch or DEFAULT
    return File(branch=branch, path=f"{folder or place.folder}/a.sh", content=b"exit 0")


@given(layout=layouts, where=belongings)
def test_every_place_that_is_looked_up_has_its_level(layout, where):
    for place in places(layout, where):
        found = level_of(file_in(place), layout, DEFAULT)

        assert found is not None
        assert found[0] is place.level


@given(layout=layouts, where=belongings)
def test_the_place_is_told_with_the_names_of_those_it_serves(layout, where):
    for place in places(layout, where):
        _, whom = level_of(file_in(place), layout, DEFAULT)

        told = whom.split("/")
        named = [where.project, where.stage, where.service][: len(told)]
        assert all(a in ("*", b) for a, b in zip(told, named, strict=True))
        assert len(told) == {Level.PROJECT: 1, Level.STAGE: 2, Level.SERVICE: 3}[place.level]


@given(layout=layouts, where=belongings, depth=st.sampled_from(["deeper", "above", "below"]))
def test_one_folder_off_is_never_looked_up(layout, where, depth):
    for place in places(layout, where):
        beside = {
            "deeper": f"{place.folder}/more",
            "above": place.folder.rpartition("/")[0] or "elsewhere",
            "below": f"{place.folder}s",
        }[depth]
        searched = {(p.branch, p.folder) for p in places(layout, where)}
        if (place.branch, beside) in searched or beside.rpartition("/")[2] in FOLDERS:
            continue

        assert level_of(file_in(place, folder=beside), layout, DEFAULT) is None


@given(
    layout=layouts,
    above=st.lists(names | st.just(".keptn-stages"), max_size=5),
    folder=st.sampled_from(FOLDERS),
    branch=names | st.just(DEFAULT),
)
def test_a_path_has_a_level_only_if_some_event_looks_there(layout, above, folder, branch):
    branch = branch if layout is Layout.BRANCHES else DEFAULT
    path = "/".join([*above, folder])
    file = File(branch=branch, path=f"{path}/a.sh", content=b"exit 0")

    found = level_of(file, layout, DEFAULT)

    asked = {
        Place(level=place.level, branch=place.branch or DEFAULT, folder=place.folder)
        for where in possible(above, branch)
        for place in places(layout, where)
    }
    levels = {p.level for p in asked if (p.branch, p.folder) == (branch, path)}
    assert ({found[0]} if found else set()) <= levels
    assert bool(found) == bool(levels)


def possible(above, branch):
    """Yield where an event would have to belong for these folders to be looked at."""
    words = [word for word in above if NAME.fullmatch(word)]
    stages = {"", branch, *words}
    for project in {"p", *words}:
        for stage in stages:
            for service in {"", *words}:
                yield Belonging(project=project, stage=stage, service=service)


@pytest.mark.parametrize(
    ("layout", "where"),
    [
        (Layout.FOLDERS, "a.sh"),
        (Layout.FOLDERS, "generic-executor"),
        (Layout.FOLDERS, "scripts/a.sh"),
        (Layout.FOLDERS, "p/s/v/more/generic-executor/a.sh"),
        (Layout.FOLDERS, ".keptn-stages/dev/generic-executor/a.sh"),
        (Layout.FOLDERS, "p/-s/generic-executor/a.sh"),
        (Layout.FOLDERS, "p/s..v/generic-executor/a.sh"),
        (Layout.FOLDERS, "generic-executor/lib/a.sh"),
        (Layout.FOLDERS, "Generic-Executor/a.sh"),
        (Layout.DIRECTORIES, "dev/generic-executor/a.sh"),
        (Layout.DIRECTORIES, ".keptn-stages/generic-executor/a.sh"),
        (Layout.DIRECTORIES, ".keptn-stages/a/b/c/generic-executor/a.sh"),
        (Layout.BRANCHES, "dev:carts/more/generic-executor/a.sh"),
        (Layout.BRANCHES, "dev:.hidden/generic-executor/a.sh"),
    ],
)
def test_this_is_never_looked_up(make_file, layout, where):
    assert level_of(make_file(where), layout, DEFAULT) is None


def test_the_default_branch_belongs_to_the_project_first(make_file):
    file = make_file("main:generic-executor/a.sh")

    assert level_of(file, Layout.BRANCHES, DEFAULT) == (Level.PROJECT, "*")


def test_a_service_of_a_stage_named_like_the_default_branch_is_found(make_file):
    file = make_file("main:carts/generic-executor/a.sh")

    assert level_of(file, Layout.BRANCHES, DEFAULT) == (Level.SERVICE, "*/main/carts")


@pytest.mark.parametrize("branch", ["feature/dark-mode", "-x", "dependabot/pip/flask-3"])
def test_a_branch_that_no_stage_can_have_is_not_looked_at(make_file, branch):
    file = make_file(f"{branch}:generic-executor/a.sh")

    assert level_of(file, Layout.BRANCHES, DEFAULT) is None


@pytest.mark.parametrize(
    ("layout", "where", "ways_out"),
    [
        (Layout.FOLDERS, "a/b/c/d/generic-executor/x.sh", "[<project>[/<stage>[/<service>]]/]"),
        (Layout.FOLDERS, "generic-executor/lib/x.sh", "[<project>[/<stage>[/<service>]]/]"),
        (Layout.DIRECTORIES, "dev/generic-executor/x.sh", ".keptn-stages/<stage>[/<service>]/"),
        (Layout.BRANCHES, "dev:a/b/generic-executor/x.sh", "of a stage's branch"),
    ],
)
def test_a_script_in_the_wrong_place_is_an_error_that_names_the_right_ones(
    findings, layout, where, ways_out
):
    (line,) = findings([where], layout=layout)

    assert line.startswith(f"{where}: error: never looked up in the layout '{layout}'; ")
    assert ways_out in line


@pytest.mark.parametrize(
    "folder",
    [
        *("generic-executer", "generic-executors", "generic_executor", "Generic-Executor"),
        *("generic-executor-service", "genericexecuter", "generic executor"),
    ],
)
def test_a_misspelt_scripts_folder_is_named(findings, folder):
    (line,) = findings([f"p/{folder}/com.example.push.sh"])

    message = f"the folder {folder!r} is never searched; rename it to 'generic-executor'"
    assert line == f"p/{folder}/com.example.push.sh: error: {message}"


@pytest.mark.parametrize(
    "path", ["README.md", "src/main.py", "executor/a.sh", "generic-executors/README.md"]
)
def test_what_does_not_look_like_a_script_of_ours_is_left_alone(findings, path):
    assert findings([path]) == []


@pytest.mark.parametrize("path", ["generic-executor/docs/README.md", "generic-executor/a/b.json"])
def test_a_file_without_the_ending_of_a_script_is_not_missed(findings, path):
    assert findings([path]) == []
