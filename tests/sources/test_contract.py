"""What `service.ports.Source` promises, of every source and every layout."""

import asyncio
import hashlib
from contextlib import asynccontextmanager

import pytest

from service.errors import BadScript, SourceUnavailable
from service.scripts import Layout, Level
from service.sources.directory import DirectorySource

LIMIT = 1000
of_trees = pytest.mark.parametrize("kept", ["directory", "git"], indirect=True)
"""What is read from a tree; Keptn hands out files and knows neither links nor layouts."""


def blob_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def in_directory(tmp_path, link):
    @asynccontextmanager
    async def opened(branches, layout=Layout.BRANCHES):
        root = tmp_path / "scripts"
        for branch, files in branches.items():
            top = root / branch if layout is Layout.BRANCHES else root
            top.mkdir(parents=True, exist_ok=True)
            for path, content in files.items():
                (top / path).parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, link):
                    (top / path).symlink_to(content.target)
                else:
                    (top / path).write_bytes(content)
        yield DirectorySource(
            str(root),
            branches=layout is Layout.BRANCHES,
            default_branch="main",
            script_limit=LIMIT,
        )

    return opened


@pytest.fixture
def in_git(make_remote, use):
    @asynccontextmanager
    async def opened(branches, layout=Layout.BRANCHES):
        remote = make_remote()
        for branch, files in branches.items():
            remote.commit(files or {".keep": b"x"}, branch=branch)
        async with use(remote.address, default_branch="main", script_limit=LIMIT) as source:
            yield source

    return opened


@pytest.fixture
def in_keptn(keptn, use_keptn):
    @asynccontextmanager
    async def opened(branches, layout=Layout.BRANCHES):
        keptn.reset()
        for branch, files in branches.items():
            known = {"shipyard.yaml": b"x"} if branch == "main" else {}
            keptn.commit(known | files, branch=branch)
        async with use_keptn(script_limit=LIMIT) as source:
            yield source

    return opened


@pytest.fixture(params=["directory", "git", "keptn"])
def kept(request):
    """Keep files per branch in a source of each kind."""
    return request.getfixturevalue(f"in_{request.param}")


@pytest.fixture
def answer(kept, ask):
    def look(branches, *names, layout=Layout.BRANCHES, **question):
        async def scene():
            async with kept(branches, layout) as source:
                return await source.look_up(ask(*names, layout=layout, **question))

        return asyncio.run(scene())

    return look


@pytest.fixture
def levels(kept, ask):
    """Return content and blob of `a.sh` on every level."""

    def read(branches, layout=Layout.BRANCHES):
        async def scene():
            async with kept(branches, layout) as source:
                listing = await source.look_up(ask("a.sh", layout=layout))
                return {
                    found.place.level: (await source.read(found), found.blob)
                    for found in listing.found.values()
                }

        return asyncio.run(scene())

    return read


@of_trees
@pytest.mark.parametrize(
    ("layout", "branches"),
    [
        (
            Layout.DIRECTORIES,
            {
                "main": {
                    "generic-executor/a.sh": b"project",
                    ".keptn-stages/dev/generic-executor/a.sh": b"stage",
                    ".keptn-stages/dev/carts/generic-executor/a.sh": b"service",
                }
            },
        ),
        (
            Layout.FOLDERS,
            {
                "main": {
                    "sockshop/generic-executor/a.sh": b"project",
                    "sockshop/dev/generic-executor/a.sh": b"stage",
                    "sockshop/dev/carts/generic-executor/a.sh": b"service",
                }
            },
        ),
    ],
    ids=str,
)
def test_every_level_of_the_other_layouts_is_found_and_read(levels, layout, branches):
    assert levels(branches, layout) == {
        Level.SERVICE: (b"service", blob_id(b"service")),
        Level.STAGE: (b"stage", blob_id(b"stage")),
        Level.PROJECT: (b"project", blob_id(b"project")),
    }


def test_every_level_is_found_and_read(levels):
    branches = {
        "main": {"generic-executor/a.sh": b"project"},
        "dev": {"generic-executor/a.sh": b"stage", "carts/generic-executor/a.sh": b"service"},
    }

    assert levels(branches) == {
        Level.SERVICE: (b"service", blob_id(b"service")),
        Level.STAGE: (b"stage", blob_id(b"stage")),
        Level.PROJECT: (b"project", blob_id(b"project")),
    }


def test_what_is_found_says_where_it_lies(answer):
    listing = answer({"main": {"generic-executor/a.sh": b"x"}}, "a.sh")

    (((place, name), found),) = listing.found.items()
    assert (place, name) == (found.place, "a.sh")
    assert (found.project, found.path) == ("sockshop", "generic-executor/a.sh")
    assert found.problem == ""


def test_both_spellings_of_the_folder_are_searched(answer, shown):
    listing = answer(
        {"main": {"genericexecutor/a.sh": b"x", "generic-executor/b.sh": b"x"}}, "a.sh", "b.sh"
    )

    assert shown(listing) == ["*:generic-executor/b.sh", "*:genericexecutor/a.sh"]


@pytest.mark.parametrize("name", ["A.sh", "a.sh ", "a.sh.", "e\u0301.sh", "a.SH"])
def test_names_are_compared_byte_for_byte(answer, name):
    branches = {"main": {"generic-executor/a.sh": b"x", "generic-executor/\u00e9.sh": b"x"}}

    assert answer(branches, name).found == {}


def test_an_empty_file_counts_as_absent(answer):
    assert answer({"main": {"generic-executor/a.sh": b""}}, "a.sh").found == {}


def test_a_folder_with_the_name_of_a_script_counts_as_absent(answer):
    assert answer({"main": {"generic-executor/a.sh/b": b"x"}}, "a.sh").found == {}


def test_a_file_in_place_of_the_folder_counts_as_absent(answer):
    assert answer({"main": {"generic-executor": b"x"}}, "a.sh").found == {}


def test_a_stage_without_branch_counts_as_absent(answer, shown):
    listing = answer({"main": {"generic-executor/a.sh": b"x"}}, "a.sh", stage="prod")

    assert shown(listing) == ["*:generic-executor/a.sh"]
    assert {place.branch for place in listing.commits} == {None}


def test_places_that_exist_are_named_even_without_any_script(answer):
    listing = answer({"main": {}, "dev": {}}, "a.sh")

    assert {place.branch for place in listing.commits} == {None, "dev"}
    assert (listing.found, listing.fresh) == ({}, True)


def test_a_missing_default_branch_is_an_error_and_no_absence(answer):
    with pytest.raises(SourceUnavailable, match=r"default branch|Project not found"):
        answer({"dev": {"generic-executor/a.sh": b"x"}}, "a.sh")


@of_trees
@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside.sh", "../../", "./../../dev/x"])
def test_a_link_out_of_the_repository_is_found_and_cannot_be_run(answer, link, target):
    (found,) = answer({"main": {"generic-executor/a.sh": link(target)}}, "a.sh").found.values()

    assert found.problem == "link leaves the repository"


@of_trees
def test_what_has_a_problem_is_never_read(kept, ask, link):
    async def scene():
        async with kept({"main": {"generic-executor/a.sh": link("/etc/passwd")}}) as source:
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            await source.read(found)

    with pytest.raises(BadScript, match="link leaves the repository"):
        asyncio.run(scene())


@of_trees
def test_a_link_to_another_branch_leaves_the_repository(answer, link):
    branches = {
        "main": {"generic-executor/b.sh": b"x"},
        "dev": {"generic-executor/a.sh": link("../../main/generic-executor/b.sh")},
    }

    (found,) = answer(branches, "a.sh").found.values()

    assert found.problem == "link leaves the repository"


@of_trees
@pytest.mark.parametrize("target", ["../pool/b.sh", "./b.sh", "../link/b.sh", "c.sh"])
def test_a_link_inside_is_followed_to_its_file(kept, ask, link, target):
    branches = {
        "main": {
            "generic-executor/a.sh": link(target),
            "generic-executor/b.sh": b"the file",
            "generic-executor/c.sh": link("b.sh"),
            "pool/b.sh": b"the file",
            "link": link("pool"),
        }
    }

    async def scene():
        async with kept(branches) as source:
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            return found.path, found.blob, await source.read(found)

    assert asyncio.run(scene()) == ("generic-executor/a.sh", blob_id(b"the file"), b"the file")


@of_trees
@pytest.mark.parametrize("target", ["b.sh", "../folder", "a.sh", "a.sh/x", "../generic-executor"])
def test_a_link_that_leads_to_no_file_is_found_and_cannot_be_run(answer, link, target):
    branches = {"main": {"generic-executor/a.sh": link(target), "folder/x": b"x"}}

    (found,) = answer(branches, "a.sh").found.values()

    assert found.problem == "link leads to no file"


@of_trees
def test_a_link_to_an_empty_file_counts_as_absent(answer, link):
    branches = {"main": {"generic-executor/a.sh": link("b.sh"), "generic-executor/b.sh": b""}}

    assert answer(branches, "a.sh").found == {}


@of_trees
def test_the_folder_itself_may_be_a_link_inside(answer, link, shown):
    branches = {"main": {"generic-executor": link("scripts/all"), "scripts/all/a.sh": b"x"}}

    assert shown(answer(branches, "a.sh")) == ["*:generic-executor/a.sh"]


@of_trees
def test_a_folder_that_is_a_link_outwards_is_not_there(answer, link):
    assert answer({"main": {"generic-executor": link("/usr/bin")}}, "env", "bash").found == {}


def test_a_script_of_exactly_the_limit_is_read(kept, ask):
    async def scene():
        async with kept({"main": {"generic-executor/a.sh": b"x" * LIMIT}}) as source:
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            return found.problem, len(await source.read(found))

    assert asyncio.run(scene()) == ("", LIMIT)


def test_a_script_over_the_limit_is_found_and_cannot_be_run(answer):
    listing = answer({"main": {"generic-executor/a.sh": b"x" * (LIMIT + 1)}}, "a.sh")

    (found,) = listing.found.values()
    assert found.problem == "the file has 1001 bytes, more than 1000"


def test_without_a_stage_only_the_project_is_searched(answer, shown):
    branches = {"main": {"generic-executor/a.sh": b"x", "carts/generic-executor/a.sh": b"x"}}

    assert shown(answer(branches, "a.sh", stage="")) == ["*:generic-executor/a.sh"]


def test_a_refresh_says_something(kept):
    async def scene():
        async with kept({"main": {"generic-executor/a.sh": b"x"}}) as source:
            return await source.refresh("sockshop")

    assert asyncio.run(scene())


@pytest.fixture
def names(kept, ask):
    def look(branches, layout=Layout.BRANCHES, **question):
        async def scene():
            async with kept(branches, layout) as source:
                asked = ask(layout=layout, **question)
                return list(await source.names(asked.project, asked.places))

        return asyncio.run(scene())

    return look


def test_the_names_of_all_scripts_on_all_levels_are_listed_once(names):
    branches = {
        "main": {"generic-executor/b.http": b"x", "generic-executor/README.md": b"x"},
        "dev": {
            "genericexecutor/a.sh": b"x",
            "carts/generic-executor/a.sh": b"x",
            "carts/generic-executor/c.py": b"x",
            "orders/generic-executor/d.sh": b"x",
        },
    }

    assert names(branches) == ["a.sh", "b.http", "c.py"]


def test_no_names_are_listed_where_there_is_no_folder_and_no_branch(names):
    assert names({"main": {"README.md": b"x"}}, stage="nowhere") == []


@of_trees
def test_the_names_behind_a_folder_that_leads_outwards_are_not_listed(names, link, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.sh").write_bytes(b"x")

    assert names({"main": {"generic-executor": link(str(tmp_path / "outside"))}}) == []
