"""Scripts from a Git repository: which commit is read, what is not done."""

import asyncio
import os
from pathlib import Path

import pytest

from service.errors import SourceMisconfigured, SourceUnavailable
from service.scripts import Layout, Level
from service.sources.commands import Commands
from service.sources.credentials import Credentials

A = {"generic-executor/a.sh": "x"}


@pytest.fixture
def answer(use, ask):
    def look(remote, *names, options=None, **question):
        async def scene():
            async with use(remote.address, **(options or {})) as source:
                listing = await source.look_up(ask(*names, **question))
                contents = {
                    found.place.level: (await source.read(found)).decode()
                    for found in listing.found.values()
                    if not found.problem
                }
                return listing, contents

        return asyncio.run(scene())

    return look


def test_what_is_found_carries_the_commit_of_its_branch(make_remote, answer):
    remote = make_remote(A)
    dev = remote.commit(A, branch="dev")

    listing, _ = answer(remote, "a.sh")

    commits = {found.place.level: found.commit for found in listing.found.values()}
    assert commits == {Level.STAGE: dev, Level.PROJECT: remote.git("rev-parse", "main")}
    assert {place.branch: commit for place, commit in listing.commits.items()}["dev"] == dev


@pytest.mark.parametrize("default", ["main", "master", "trunk"])
def test_the_default_branch_is_the_one_the_remote_names(make_remote, answer, default):
    remote = make_remote({"generic-executor/a.sh": "default"}, default=default)
    remote.commit({"generic-executor/a.sh": "other"}, branch="other")

    assert answer(remote, "a.sh")[1] == {Level.PROJECT: "default"}


def test_a_configured_default_branch_goes_before_the_one_of_the_remote(make_remote, answer):
    remote = make_remote({"generic-executor/a.sh": "main"})
    remote.commit({"generic-executor/a.sh": "chosen"}, branch="chosen")

    _, contents = answer(remote, "a.sh", options={"default_branch": "chosen"})

    assert contents == {Level.PROJECT: "chosen"}


@pytest.mark.parametrize("default", [None, "gone"])
def test_a_missing_default_branch_is_an_error_and_no_absence(make_remote, answer, default):
    remote = make_remote(branches={"dev": A})

    with pytest.raises(SourceUnavailable, match="no default branch"):
        answer(remote, "a.sh", options={"default_branch": default})


def test_an_empty_repository_is_an_error_and_no_absence(make_remote, answer):
    with pytest.raises(SourceUnavailable, match="no default branch"):
        answer(make_remote(), "a.sh")


def test_the_next_default_branch_is_asked_for_when_the_last_one_vanished(make_remote, use, ask):
    remote = make_remote({"generic-executor/a.sh": "old"})

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            remote.commit({"generic-executor/a.sh": "new"}, branch="trunk")
            remote.git("symbolic-ref", "HEAD", "refs/heads/trunk")
            remote.delete("main")
            await source.refresh("sockshop")
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            return await source.read(found)

    assert asyncio.run(scene()) == b"new"


@pytest.mark.parametrize("stage", ["--upload-pack", "-q", "HEAD", "all"])
def test_a_stage_that_looks_like_an_option_is_only_the_name_of_a_branch(make_remote, answer, stage):
    listing, _ = answer(make_remote(A), "a.sh", stage=stage)

    assert {found.place.level for found in listing.found.values()} == {Level.PROJECT}


@pytest.mark.parametrize("length", [7, 12, 40])
def test_service_and_stage_are_read_at_the_commit_of_the_event(make_remote, answer, length):
    remote = make_remote({"generic-executor/a.sh": "project"})
    pinned = remote.commit(
        {"generic-executor/a.sh": "old stage", "carts/generic-executor/a.sh": "old service"},
        branch="dev",
    )
    remote.commit(
        {"generic-executor/a.sh": "new", "carts/generic-executor/a.sh": "new"}, branch="dev"
    )

    listing, contents = answer(remote, "a.sh", at=pinned[:length].upper())

    assert contents == {
        Level.SERVICE: "old service",
        Level.STAGE: "old stage",
        Level.PROJECT: "project",
    }
    assert {place.level: commit for place, commit in listing.commits.items()} == {
        Level.SERVICE: pinned,
        Level.STAGE: pinned,
        Level.PROJECT: remote.git("rev-parse", "main"),
    }


def test_a_commit_is_read_in_the_folders_of_the_stage_too(make_remote, answer):
    path = ".keptn-stages/dev/carts/generic-executor/a.sh"
    remote = make_remote({path: "old"})
    pinned = remote.git("rev-parse", "main")
    remote.commit({path: "new", "generic-executor/a.sh": "project"})

    _, contents = answer(remote, "a.sh", at=pinned, layout=Layout.DIRECTORIES)

    assert contents == {Level.SERVICE: "old", Level.PROJECT: "project"}


def test_a_commit_needs_no_branch_any_more(make_remote, use, ask):
    remote = make_remote(A)
    pinned = remote.commit(A, branch="dev")

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            remote.delete("dev")
            await source.refresh("sockshop")
            return await source.look_up(ask("a.sh", at=pinned))

    assert pinned in {found.commit for found in asyncio.run(scene()).found.values()}


def test_a_commit_made_a_moment_ago_is_fetched_once_more(make_remote, use, ask, clock):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            clock.ahead += 2
            pinned = remote.commit(A, branch="dev")
            return pinned, await source.look_up(ask("a.sh", at=pinned))

    pinned, listing = asyncio.run(scene())

    assert pinned in listing.commits.values()
    assert listing.problem == ""


def test_an_unknown_commit_is_a_problem_and_not_an_absence(make_remote, answer):
    listing, _ = answer(make_remote(A), "a.sh", at="deadbeef" * 5)

    assert listing.problem == f"commit {'deadbeef' * 5} is not in the repository"
    assert len(listing.found) == 1


@pytest.mark.parametrize("at", ["main", "HEAD~1", "123456", "a" * 65, "--all", "1234567\ninfo x"])
def test_what_is_no_commit_id_never_reaches_git(make_remote, answer, at):
    listing, _ = answer(make_remote(A), "a.sh", at=at)

    assert listing.problem == f"gitcommitid {at[:64]!r} is not a commit id"


def test_a_submodule_with_the_name_of_a_script_counts_as_absent(
    make_remote, answer, submodule, tmp_path
):
    gitmodules = (
        f'[submodule "x"]\n\tpath = generic-executor/a.sh\n\turl = ext::touch {tmp_path}/owned\n'
        f'[submodule "y"]\n\tpath = "y\\r"\n\turl = --upload-pack=touch {tmp_path}/owned\n'
    )
    remote = make_remote({"generic-executor/a.sh": submodule(), ".gitmodules": gitmodules})

    listing, _ = answer(remote, "a.sh")

    assert listing.found == {}
    assert not (tmp_path / "owned").exists()


def test_nothing_that_lies_in_the_repository_is_executed(make_remote, answer, mirrors, tmp_path):
    owned = tmp_path / "owned"
    remote = make_remote(
        {
            "generic-executor/a.sh": "x",
            ".gitattributes": "* filter=evil diff=evil",
            ".gitconfig": f'[core]\nhooksPath = hooks\n[filter "evil"]\nsmudge = touch {owned}\n',
            "hooks/post-checkout": f"#!/bin/sh\ntouch {owned}\n",
            "hooks/reference-transaction": f"#!/bin/sh\ntouch {owned}\n",
        }
    )

    answer(remote, "a.sh")

    assert not owned.exists()
    (mirror,) = mirrors.glob("*.git")
    assert not (mirror / "hooks").exists()


def test_hooks_that_somebody_puts_into_the_mirror_are_not_run(make_remote, use, mirrors, tmp_path):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.refresh("sockshop")
            (mirror,) = mirrors.glob("*.git")
            hook = mirror / "hooks" / "reference-transaction"
            hook.parent.mkdir()
            hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
            hook.chmod(0o700)
            remote.commit({"b": "x"})
            return await source.refresh("sockshop")

    assert asyncio.run(scene()).startswith("main is now")
    assert not (tmp_path / "owned").exists()


def test_git_gets_nothing_from_the_environment_of_the_service(
    make_remote, answer, monkeypatch, tmp_path
):
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    (tmp_path / "config").write_text('[url "file:///nowhere/"]\n\tinsteadOf = file://\n')
    remote = make_remote(A)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))

    listing, _ = answer(remote, "a.sh")

    assert len(listing.found) == 1
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "objects").exists()


def test_a_huge_script_is_found_without_being_read(make_remote, use, ask):
    remote = make_remote({"generic-executor/a.sh": b"x" * 51_200_000})
    peak = []

    async def scene():
        async with use(remote.address) as source:
            await source.refresh("sockshop")
            before = memory()
            listing = await source.look_up(ask("a.sh"))
            peak.append(memory() - before)
            return listing

    (found,) = asyncio.run(scene()).found.values()

    assert found.problem == "the file has 51200000 bytes, more than 1048576"
    assert peak[0] < 20 * 1024 * 1024


def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_each_project_may_have_a_repository_of_its_own(make_remote, use, ask, tmp_path, mirrors):
    make_remote({"generic-executor/a.sh": "of sockshop"}, name="sockshop.git")
    make_remote({"generic-executor/a.sh": "of potatohead"}, name="potatohead.git")

    async def scene():
        async with use(f"file://{tmp_path}/{{project}}.git") as source:
            contents = []
            for project in ("sockshop", "potatohead"):
                (found,) = (await source.look_up(ask("a.sh", project=project))).found.values()
                contents.append(await source.read(found))
            return contents

    assert asyncio.run(scene()) == [b"of sockshop", b"of potatohead"]
    assert sorted(path.name.split("-")[0] for path in mirrors.glob("*.git")) == [
        "potatohead",
        "sockshop",
    ]


@pytest.mark.parametrize("project", ["..", "a/b", "-x", ".git"])
def test_a_project_that_is_no_name_reaches_neither_disk_nor_git(
    use, ask, tmp_path, mirrors, project
):
    async def scene():
        async with use(f"file://{tmp_path}/{{project}}.git") as source:
            await source.look_up(ask("a.sh", project=project))

    with pytest.raises(SourceMisconfigured, match="cannot stand in an address"):
        asyncio.run(scene())
    assert list(mirrors.iterdir()) == []


def test_the_mirrors_may_be_named_by_a_relative_path(make_remote, answer, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    _, contents = answer(make_remote(A), "a.sh", options={"mirrors_dir": Path("state/mirrors")})

    assert contents == {Level.PROJECT: "x"}


def test_mirrors_that_have_no_place_are_refused_at_start(make_remote, use, tmp_path):
    (tmp_path / "file").touch()

    async def scene():
        async with use(make_remote(A).address, mirrors_dir=tmp_path / "file" / "mirrors"):
            pass

    with pytest.raises(SourceMisconfigured, match="directory of the mirrors cannot be made"):
        asyncio.run(scene())


def test_a_missing_git_is_refused_at_start(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nonexistent")
    commands = Commands(scheme="https", credentials=Credentials(), timeout=5)
    commands._environment["PATH"] = "/nonexistent"

    with pytest.raises(SourceMisconfigured, match="install git"):
        commands.check_version(tmp_path)


def test_no_process_is_left_after_closing(make_remote, answer, mirrors, git_processes):
    answer(make_remote(A), "a.sh")

    assert git_processes(mirrors) == []
