"""Every file of a repository, as `genexec check` sees it."""

import pytest

from service.errors import SourceUnavailable
from service.sources.catalogue import directory_files, mirror_files
from service.sources.commands import Commands
from service.sources.credentials import Credentials
from service.sources.mirror import Mirror

SCRIPT = "generic-executor/a.sh"


@pytest.fixture
def catalogue(mirrors, clock):
    """Read a Git remote; returns the default branch and its files as tuples."""
    mirrors.mkdir()
    commands = Commands(scheme="file", credentials=Credentials(), timeout=20)

    def read(remote, *, limit=100):
        mirror = Mirror(
            parent=mirrors,
            address=remote.address,
            name="scripts",
            default_branch=None,
            commands=commands,
            clock=clock,
        )
        default, files = mirror_files(mirror, commands, limit=limit)
        return default, [(file.branch, file.path, file.content, file.link) for file in files]

    yield read
    commands.close()


@pytest.fixture
def listed(tmp_path):
    """Read a directory; returns its files as tuples."""

    def read(*, limit=100, branches=False):
        files = directory_files(tmp_path, limit=limit, branches=branches)
        return [(file.branch, file.path, file.content, file.link) for file in files]

    return read


@pytest.fixture
def write(tmp_path):
    def write_file(path, content=b"x"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
        return tmp_path / path

    return write_file


def test_the_files_of_every_branch_are_listed_with_the_default_branch(make_remote, catalogue):
    remote = make_remote({SCRIPT: "one"}, default="trunk", branches={"dev": {SCRIPT: "two"}})

    assert catalogue(remote) == (
        "trunk",
        [("dev", SCRIPT, b"two", ""), ("trunk", SCRIPT, b"one", "")],
    )


def test_only_files_in_a_scripts_folder_have_content(make_remote, catalogue):
    remote = make_remote({"README.md": "text", f"a/b/c/{SCRIPT}": "script"})

    _, files = catalogue(remote)

    assert files == [
        ("main", "README.md", b"", ""),
        ("main", f"a/b/c/{SCRIPT}", b"script", ""),
    ]


def test_a_link_in_git_is_told_with_its_target(make_remote, catalogue, link):
    _, files = catalogue(make_remote({SCRIPT: link("/etc/passwd")}))

    assert files == [("main", SCRIPT, b"", "/etc/passwd")]


def test_a_submodule_is_no_file(make_remote, catalogue, submodule):
    _, files = catalogue(make_remote({"generic-executor/sub": submodule(), SCRIPT: "x"}))

    assert [path for _, path, _, _ in files] == [SCRIPT]


def test_of_a_large_file_one_byte_beyond_the_limit_is_kept(make_remote, catalogue):
    _, files = catalogue(make_remote({SCRIPT: "x" * 500}), limit=100)

    assert [len(content) for _, _, content, _ in files] == [101]


@pytest.mark.parametrize("name", ["with blank.sh", "ümlaut.sh", 'quote".sh', "tab\tname.sh"])
def test_a_file_name_in_git_may_have_any_character(make_remote, catalogue, name):
    remote = make_remote({SCRIPT: "x"})
    blob = remote.git("hash-object", "-w", "--stdin", stdin=b"odd")
    folder = remote.git("mktree", "-z", stdin=f"100644 blob {blob}\t{name}\0".encode())
    tree = remote.git("mktree", stdin=f"040000 tree {folder}\tgeneric-executor\n".encode())
    commit = remote.git("commit-tree", tree, "-m", "x")
    remote.git("update-ref", "refs/heads/main", commit)

    _, files = catalogue(remote)

    assert files == [("main", f"generic-executor/{name}", b"odd", "")]


def test_an_empty_file_and_one_with_line_ends_are_read_as_they_are(make_remote, catalogue):
    content = {"generic-executor/a.sh": "", "generic-executor/b.sh": "\n\nblob 12\n\n"}

    _, files = catalogue(make_remote(content))

    assert [found for _, _, found, _ in files] == [b"", b"\n\nblob 12\n\n"]


def test_a_remote_that_is_away_cannot_be_read(make_remote, catalogue):
    remote = make_remote({SCRIPT: "x"})
    remote.away()

    with pytest.raises(SourceUnavailable):
        catalogue(remote)


def test_the_files_of_a_directory_are_listed_in_order(write, listed):
    for path in ("b/z.sh", "b/a.sh", "a.sh"):
        write(path)

    assert [path for _, path, _, _ in listed()] == ["a.sh", "b/a.sh", "b/z.sh"]


def test_folders_of_tools_are_left_out(write, listed):
    for path in (".git/config", ".venv/a.py", "node_modules/a.js", "__pycache__/a.pyc", SCRIPT):
        write(path)

    assert [path for _, path, _, _ in listed()] == [SCRIPT]


def test_the_first_folder_is_the_branch_where_there_are_branches(write, listed):
    write(f"dev/{SCRIPT}", b"one")
    write("README.md")

    assert listed(branches=True) == [("dev", SCRIPT, b"one", "")]


def test_a_link_in_a_directory_is_told_and_not_followed(write, listed):
    target = write("elsewhere", b"secret")
    write(SCRIPT)
    (target.parent / "generic-executor" / "b.sh").symlink_to("../elsewhere")

    assert ("", "generic-executor/b.sh", b"", "../elsewhere") in listed()


def test_of_a_large_file_in_a_directory_one_byte_beyond_the_limit_is_read(write, listed):
    write(SCRIPT, b"x" * 500)

    assert listed(limit=100) == [("", SCRIPT, b"x" * 101, "")]


def test_a_directory_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(SourceUnavailable, match="is not a directory"):
        list(directory_files(tmp_path / "nowhere", limit=100, branches=False))


@pytest.mark.parametrize("part", [".", "generic-executor"])
def test_what_is_closed_to_us_is_named(closed, tmp_path, part):
    (tmp_path / "scripts/generic-executor").mkdir(parents=True)
    found = directory_files(tmp_path / "scripts", limit=100, branches=False)

    with closed(tmp_path / "scripts" / part), pytest.raises(SourceUnavailable) as refused:
        list(found)

    assert str(refused.value).startswith(str(tmp_path / "scripts"))
    assert str(refused.value).endswith(" cannot be read: Permission denied")
