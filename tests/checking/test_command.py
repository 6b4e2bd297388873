"""`genexec check` as its user calls it: on a directory, on a Git repository, for a program."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from service.cli import main

EXAMPLES = Path(__file__).parents[2] / "scripts_examples"
GOOD = {"generic-executor/com.example.push.sh": "exit 0\n"}
DOUBTFUL = GOOD | {"generic-executor/test.trigered.sh": "exit 0\n"}
WRONG = GOOD | {"generic-executor/com.example.pull.sh": "#\n# genexec: repeatble\n"}


@pytest.fixture
def write(tmp_path):
    def write_files(files, *, below="scripts"):
        folder = tmp_path / below
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        return folder

    return write_files


@pytest.fixture
def commit(tmp_path):
    """Commit the files of a folder to a branch; returns the address of the repository."""
    repository = tmp_path / "scripts.git"
    subprocess.run(["git", "init", "-q", "-b", "main", "--bare", repository], check=True)

    def commit_files(folder, branch="main"):
        environment = os.environ | {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(folder)}
        environment["GIT_INDEX_FILE"] = str(tmp_path / f"index-{branch}")
        for words in (
            ["symbolic-ref", "HEAD", f"refs/heads/{branch}"],
            ["add", "--all"],
            ["commit", "-qm", "Scripts"],
            ["symbolic-ref", "HEAD", "refs/heads/main"],
        ):
            subprocess.run(["git", *words], env=environment, cwd=folder, check=True)
        return f"file://{repository}"

    return commit_files


@pytest.fixture
def check(capsys):
    """Run the command; returns the exit code and what it printed."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["check", *map(str, words)])
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return run


@pytest.mark.parametrize(
    ("files", "options", "code"),
    [
        (GOOD, (), 0),
        (GOOD, ("--strict",), 0),
        (DOUBTFUL, (), 0),
        (DOUBTFUL, ("--strict",), 1),
        (WRONG, (), 1),
        ({"README.md": "nothing"}, (), 1),
    ],
)
def test_the_exit_code_tells_whether_all_is_well(check, write, files, options, code):
    assert check(write(files), *options)[0] == code


def test_findings_are_printed_with_file_and_line(check, write):
    _, said = check(write(WRONG))

    lines = said.splitlines()
    assert lines[0].startswith("generic-executor/com.example.pull.sh:2: error: unknown directive")
    assert lines[-1] == (
        "2 scripts in 2 files can be reached (layout folders): 1 errors, 0 warnings, 0 notes"
    )


def test_a_repository_without_scripts_is_told_the_way_out(check, write):
    _, said = check(write({"deploy.sh": "exit 0"}))

    assert "no script was found: put one into a folder named generic-executor/" in said
    assert "--layout (branches, directories, folders)" in said


def test_a_program_gets_json(check, write):
    code, said = check(write(WRONG), "--json")

    answer = json.loads(said)
    (finding,) = answer["findings"]
    assert (code, answer["passed"], answer["scripts"]) == (1, False, 2)
    assert finding.pop("message").startswith("unknown directive 'repeatble'")
    assert finding == {
        "branch": "",
        "path": "generic-executor/com.example.pull.sh",
        "line": 2,
        "weight": "error",
    }


def test_the_examples_have_no_mistakes(check):
    code, said = check(EXAMPLES, "--json")

    answer = json.loads(said)
    heavy = [finding for finding in answer["findings"] if finding["weight"] != "note"]
    assert (code, heavy) == (0, [])
    assert answer["scripts"] == len(
        [path for path in EXAMPLES.rglob("*") if path.suffix in (".sh", ".py", ".http")]
    )


def test_a_git_repository_is_checked_on_its_default_branch(check, write, commit):
    commit(write(GOOD), "main")
    address = commit(write(WRONG, below="other"), "other")

    code, said = check(address)

    assert code == 0
    assert said.startswith("1 scripts in 1 files can be reached")


def test_in_the_layout_branches_all_branches_are_checked(check, write, commit):
    commit(write(GOOD), "main")
    address = commit(write(WRONG, below="dev"), "dev")

    code, said = check(address, "--layout", "branches")

    assert code == 1
    assert "dev:generic-executor/com.example.pull.sh:2: error: " in said
    assert "dev:generic-executor/com.example.push.sh: warning: a copy of main:" in said


def test_a_directory_of_worktrees_is_checked_like_branches(check, write):
    write(GOOD, below="scripts/main")
    write(GOOD, below="scripts/dev")

    code, said = check(write({}), "--layout", "branches", "--strict")

    assert code == 1
    assert "dev:generic-executor/com.example.push.sh: warning: a copy of main:" in said


def test_nothing_is_run(check, write, tmp_path):
    witness = tmp_path / "witness"
    touch = f"touch {witness}\n"
    python = f"open({str(witness)!r}, 'w')\n"

    check(write({"generic-executor/a.sh": touch, "generic-executor/b.py": python}))

    assert not witness.exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 78, "nothing to check: name a directory or a Git address"),
        (("/nowhere/at/all",), 75, "/nowhere/at/all is not a directory"),
        (("file:///nowhere/at/all.git",), 75, "the Git remote"),
        (("https://git.example.invalid/{project}.git",), 78, "{project} stands for many"),
        ((EXAMPLES, "--layout", "trees"), 78, "GENEXEC_LAYOUT"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(check, words, code, sentence):
    ended, said = check(*words)

    assert ended == code
    assert said.startswith("genexec: ")
    assert sentence in said
    assert said.count("\n") == 1
