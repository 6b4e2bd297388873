"""Repositories of predecessors: on disk and in Git, migrated by the command, run as usual."""

import asyncio
import json
import os
import subprocess
import textwrap

import pytest

from service.cli import main
from service.config.reading import read_settings
from service.strict_json import parse
from service.wiring.foreground import run_once


@pytest.fixture
def write(tmp_path):
    """Write files by their paths; returns the folder they are in."""

    def write_files(files, *, below="old"):
        folder = tmp_path / below
        folder.mkdir(exist_ok=True)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(textwrap.dedent(content), encoding="utf-8")
        return folder

    return write_files


@pytest.fixture
def commit(write, tmp_path):
    """Commit `{branch: files}`, the first is the default; returns the address."""

    def commit_branches(branches):
        repository = tmp_path / "old.git"
        default = next(iter(branches))
        subprocess.run(["git", "init", "-q", "-b", default, "--bare", repository], check=True)
        for branch, files in branches.items():
            folder = write(files, below=f"tree-{branch}")
            environment = os.environ | {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(folder)}
            environment["GIT_INDEX_FILE"] = str(tmp_path / f"index-{branch}")
            for words in (
                ["symbolic-ref", "HEAD", f"refs/heads/{branch}"],
                ["add", "--all"],
                ["commit", "-qm", "Files"],
                ["symbolic-ref", "HEAD", f"refs/heads/{default}"],
            ):
                subprocess.run(["git", *words], env=environment, cwd=folder, check=True)
        return f"file://{repository}"

    return commit_branches


@pytest.fixture
def migrate(capsys):
    """Run the command; returns the exit code and what it printed."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["migrate", *map(str, words)])
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return run


@pytest.fixture
def remarks(write, migrate):
    """Return what is said about one file of a directory: verdict, [(line, message, mended)]."""

    def judge(files, path, *options):
        _, said = migrate(write(files), "--json", *options)
        (file,) = [file for file in json.loads(said)["files"] if file["path"] == path]
        found = [(one["line"], one["message"], one["mended"]) for one in file["remarks"]]
        return file["verdict"], found

    return judge


@pytest.fixture
def mended(write, migrate, tmp_path):
    """Migrate files into a new folder; returns the folder."""

    def write_mended(files, *options):
        target = tmp_path / "new"
        migrate(write(files), "--write", target, *options)
        return target

    return write_mended


@pytest.fixture
def run(tmp_path, make_event):
    """Run what answers an event, as `genexec run` does: outputs in order, events sent."""

    def run_scripts(type_, scripts, *, environment=None, layout="folders", **attributes):
        environment = {
            "GENEXEC_STATE_DIR": str(tmp_path / "state"),
            "GENEXEC_SCRIPTS": str(scripts),
            "GENEXEC_LAYOUT": layout,
            "GENEXEC_HTTP_ALLOW": "127.0.0.1",
        } | (environment or {})
        settings = {k: v for k, v in environment.items() if k.startswith("GENEXEC_")}
        event = make_event(type_, **attributes)
        done = asyncio.run(run_once(event, read_settings(settings), environment))
        said = [done.outputs[key].decode() for key in sorted(done.outputs)]
        return said, [parse(outgoing.body) for outgoing in done.outgoing]

    return run_scripts


@pytest.fixture
def check(capsys):
    """Run `genexec check` on a folder; returns its exit code."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["check", *map(str, words)])
        capsys.readouterr()
        return ended.value.code

    return run
