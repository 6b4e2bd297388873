"""The sources that the corpus is asked of, each filled with the files of a case."""

import os
import subprocess
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from service.scripts import Found, Level, Listing
from service.sources.address import check_address
from service.sources.credentials import Credentials
from service.sources.directory import DirectorySource
from service.sources.git import GitSource

CASES = yaml.safe_load(Path(__file__).with_name("resolution.yaml").read_text())
LEAVES = "link leaves the repository"
NOWHERE = "link leads to no file"


class Link(str):
    """The target of a symbolic link."""

    __slots__ = ()


def trees(case):
    """Return the files of a case by commit: `{"dev@1": {path: content or Link}}`.

    The default branch always exists; the commits of a branch are in order, its tip comes last.
    """
    found = {"main": {"readme.md": "main:readme.md"}}
    for line in case["files"]:
        where, _, target = line.partition(" -> ")
        commit, _, path = where.removesuffix(" (empty)").partition(":")
        content = "" if where.endswith(" (empty)") else where
        found.setdefault(commit, {})[path] = Link(target) if target else content
    return {commit: found[commit] for commit in sorted(found, key=order)}


def order(commit):
    branch, _, number = commit.partition("@")
    return branch, number or "tip"


class Memory:
    """The model: what the rules lead to when looking things up is no trouble at all."""

    def __init__(self, commits):
        self._commits = commits
        self._read = {}

    async def look_up(self, question):
        found = {}
        pinned = question.gitcommitid
        if pinned and pinned not in self._commits:
            return Listing(found={}, problem=f"commit {pinned} is unknown")
        for place in question.places:
            commit = pinned if pinned and place.level is not Level.PROJECT else place.branch
            tree = self._commits.get(commit or "main", {})
            for name in question.names:
                content, problem = resolved(tree, f"{place.folder}/{name}")
                if content or problem:
                    found[place, name] = script = Found(
                        project=question.project, place=place, name=name,
                        path=f"{place.folder}/{name}", blob="", commit="", problem=problem,
                    )  # fmt: skip
                    self._read[script] = content.encode()
        return Listing(found=found)

    async def read(self, found):
        return self._read[found]


def resolved(tree, path):
    """Walk to *path* in *tree*, through links; return the content and what is wrong with it.

    No content means absent. A folder that is a link out of the tree is absent as well.
    """
    ahead, walked, hops, is_link = path.split("/")[::-1], [], 0, False
    while ahead:
        part = ahead.pop()
        if part == "..":
            if not walked:
                return "", LEAVES if is_link else ""
            walked.pop()
            continue
        content = tree.get("/".join([*walked, part]), "")
        if not isinstance(content, Link):
            walked.append(part)
            continue
        is_link, hops = is_link or not ahead, hops + 1
        if content.startswith("/") or hops > 10:
            return "", (LEAVES if content.startswith("/") else NOWHERE) if is_link else ""
        ahead += content.split("/")[::-1]
    content = tree.get("/".join(walked))
    return content or "", NOWHERE if is_link and content is None else ""


class Clock:
    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()


@asynccontextmanager
async def memory(case, _number, _objects, _root):
    commits = trees(case)
    yield Memory(commits), {name: name for name in commits}


@asynccontextmanager
async def directory(case, _number, _objects, root):
    """The newest commits, a directory for each branch where there are several."""
    several = case.get("layout", "branches") == "branches"
    for branch, tree in trees(case).items():
        if "@" in branch or (branch != "main" and not several):
            continue
        for name, content in tree.items():
            path = root / branch / name if several else root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                path.symlink_to(content)
            else:
                path.write_text(content)
    yield DirectorySource(str(root), branches=several, default_branch="main"), {}


@asynccontextmanager
async def git(case, number, objects, root):
    """A repository that borrows its objects and is fetched like any other."""
    ids = {name: objects.ids[number, name] for name in trees(case)}
    remote = root / "remote.git"
    (remote / "objects/info").mkdir(parents=True)
    (remote / "refs").mkdir()
    (remote / "HEAD").write_text("ref: refs/heads/main\n")
    (remote / "config").write_text("[core]\nrepositoryformatversion = 0\nbare = true\n")
    (remote / "objects/info/alternates").write_text(f"{objects.directory}/objects\n")
    tips = {name: id_ for name, id_ in ids.items() if "@" not in name}
    packed = "".join(f"{id_} refs/heads/{name}\n" for name, id_ in sorted(tips.items()))
    (remote / "packed-refs").write_text(packed)
    source = GitSource(
        check_address(f"file://{remote}", schemes={"file"}),
        mirrors_dir=root / "mirrors",
        default_branch=None,
        interval=60,
        timeout=20,
        credentials=Credentials(),
        clock=Clock(),
    )
    await source.start()
    try:
        yield source, ids
    finally:
        await source.close()


class Objects:
    """The commits of all cases in one repository, written by one process."""

    def __init__(self, directory):
        self.directory = directory
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        marks = directory / "marks"
        keys = [(number, name) for number, case in enumerate(CASES) for name in trees(case)]
        stream = b"".join(commit(mark, *key) for mark, key in enumerate(keys, start=1))
        for arguments in (
            ["init", "-q", "--bare", "."],
            ["fast-import", "--quiet", f"--export-marks={marks}"],
        ):
            subprocess.run(
                ["git", *arguments], cwd=directory, env=environment, input=stream, check=True
            )
        ids = dict(line.split() for line in marks.read_text().splitlines())
        self.ids = {key: ids[f":{mark}"] for mark, key in enumerate(keys, start=1)}


def commit(mark, number, name):
    """Return a commit in the language of fast-import; the tip of a branch follows the others."""
    branch = name.partition("@")[0]
    head = f"commit refs/cases/{number}/{branch}\nmark :{mark}\n"
    head += (
        f"committer Test <test@example.invalid> {1_700_000_000 + mark} +0000\ndata 0\ndeleteall\n"
    )
    files = [
        f'M {120000 if isinstance(content, Link) else 100644} inline "{path}"\n{data(content)}'
        for path, content in trees(CASES[number])[name].items()
    ]
    return (head + "".join(files)).encode()


def data(content):
    return f"data {len(content)}\n{content}\n"


@pytest.fixture(scope="session")
def objects(tmp_path_factory):
    return Objects(tmp_path_factory.mktemp("objects"))


@pytest.fixture
def kept_in(objects, tmp_path):
    """Return a way to open a source with the files of a case; it tells the commits' ids too."""
    kinds = {"memory": memory, "directory": directory, "git": git}
    return lambda kind, case: kinds[kind](case, CASES.index(case), objects, tmp_path)
