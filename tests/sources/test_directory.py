"""Scripts in a directory: what only a directory can do wrong."""

import asyncio
import subprocess

import pytest

from service.errors import SourceMisconfigured, SourceUnavailable
from service.scripts import Layout
from service.sources.directory import DirectorySource


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts" / "generic-executor"
    folder.mkdir(parents=True)
    (folder / "a.sh").write_bytes(b"as looked up")
    return tmp_path / "scripts"


def open_directory(root, **options):
    return DirectorySource(str(root), **{"branches": False, "default_branch": "main"} | options)


def look_up(source, question):
    return asyncio.run(source.look_up(question))


def test_a_directory_that_does_not_exist_is_an_error_and_no_absence(tmp_path, ask):
    source = open_directory(tmp_path / "nowhere")

    with pytest.raises(SourceUnavailable, match=r"nowhere, cannot be read: No such file"):
        look_up(source, ask(layout=Layout.FOLDERS))


def test_a_directory_that_is_closed_to_us_is_an_error_and_no_absence(closed, tmp_path, ask):
    (tmp_path / "scripts").mkdir()

    with (
        closed(tmp_path / "scripts") as root,
        pytest.raises(SourceUnavailable, match="cannot be read: Permission denied"),
    ):
        look_up(open_directory(root), ask(layout=Layout.FOLDERS))


def test_a_file_is_no_directory(tmp_path, ask):
    (tmp_path / "file").touch()

    with pytest.raises(SourceUnavailable, match="is not a directory"):
        look_up(open_directory(tmp_path / "file"), ask())


def test_a_bare_repository_is_refused_with_the_way_out(make_remote, ask):
    remote = make_remote({"generic-executor/a.sh": "x"})

    with pytest.raises(SourceMisconfigured, match=f"write file://{remote.path}"):
        look_up(open_directory(remote.path), ask())


def test_a_working_copy_with_worktrees_answers_like_its_branches(tmp_path, make_remote, ask, shown):
    remote = make_remote(
        {"generic-executor/a.sh": "project"},
        branches={"dev": {"carts/generic-executor/a.sh": "service"}},
    )
    for branch in ("main", "dev"):
        words = ["git", "-C", remote.path, "worktree", "add", "-q", tmp_path / "trees" / branch]
        subprocess.run([*words, branch], check=True)

    listing = look_up(open_directory(tmp_path / "trees", branches=True), ask("a.sh"))

    assert shown(listing) == ["dev:carts/generic-executor/a.sh", "*:generic-executor/a.sh"]


def test_a_link_into_the_repository_s_own_files_leaves_the_repository(scripts, ask):
    (scripts / ".git").mkdir()
    (scripts / ".git" / "config").write_text("secret")
    (scripts / "generic-executor" / "b.sh").symlink_to("../.git/config")

    (found,) = look_up(open_directory(scripts), ask("b.sh", stage="")).found.values()

    assert found.problem == "link leaves the repository"


def test_each_project_may_have_a_directory_of_its_own(tmp_path, ask, shown):
    (tmp_path / "sockshop" / "generic-executor").mkdir(parents=True)
    (tmp_path / "sockshop" / "generic-executor" / "a.sh").write_text("x")
    source = open_directory(tmp_path / "{project}")

    assert shown(look_up(source, ask("a.sh", stage=""))) == ["*:generic-executor/a.sh"]
    with pytest.raises(SourceUnavailable, match="potatohead"):
        look_up(source, ask("a.sh", stage="", project="potatohead"))


def test_what_runs_is_what_was_looked_up_although_the_file_changed(scripts, ask):
    source = open_directory(scripts)
    (found,) = look_up(source, ask("a.sh", stage="")).found.values()
    (scripts / "generic-executor" / "a.sh").write_bytes(b"changed later")

    assert asyncio.run(source.read(found)) == b"as looked up"


def test_another_process_reads_the_same_bytes_or_none(scripts, ask):
    (found,) = look_up(open_directory(scripts), ask("a.sh", stage="")).found.values()
    other = open_directory(scripts)

    assert asyncio.run(other.read(found)) == b"as looked up"
    (scripts / "generic-executor" / "a.sh").write_bytes(b"changed later")
    with pytest.raises(SourceUnavailable, match="changed after it was looked up"):
        asyncio.run(open_directory(scripts).read(found))


def test_a_pipe_with_the_name_of_a_script_holds_nothing_up(scripts, ask):
    subprocess.run(["mkfifo", scripts / "generic-executor" / "b.sh"], check=True)

    assert look_up(open_directory(scripts), ask("b.sh", stage="")).found == {}


def test_a_commit_cannot_be_looked_at_and_that_is_said(scripts, ask):
    listing = look_up(open_directory(scripts), ask("a.sh", stage="", at="1a2b3c4d"))

    assert len(listing.found) == 1
    assert listing.note == "a directory has no commits; gitcommitid is not looked at"
