"""`genexec run` runs what `genexec explain` says, for every event at hand."""

import asyncio
import hashlib
import random
import subprocess
from pathlib import Path

import pytest

from service.cli.event_file import read_one
from service.config.reading import read_settings
from service.event import Acceptance
from service.scripts import FOLDERS, SUFFIXES
from service.wiring.foreground import explained, run_once

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "scripts_examples"
EVENTS = sorted(
    path
    for path in (ROOT / "test-events").iterdir()
    if path.suffix in {".http", ".json"} and path.stem != "batch"
)
TRIVIAL = {
    ".sh": "echo {}\n",
    ".py": "print('{}')\n",
    ".http": "GET http://127.0.0.1:9/{}\n",  # refused by the rules for addresses: never sent
}


def decided(decision):
    """Return what an explanation says will run, in order."""
    return [
        (one.name, one.place.level, one.path, one.commit, one.blob) for one in decision.plan.scripts
    ]


def ran(done):
    """Return what the record says has run, in order."""
    return [(one.script, one.level, one.path, one.commit, one.blob) for one in done.detail.attempts]


def lies_at(scripts, commit, path):
    """Return the content of a script where the record says it came from."""
    if not commit:
        return (Path(scripts) / path).read_bytes()
    repository = scripts.removeprefix("file://")
    words = ["git", "-C", repository, "show", f"{commit}:{path}"]
    return subprocess.run(words, check=True, capture_output=True).stdout


def blob_id(content):
    """Return the id that Git gives to *content*."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


async def both(event, settings):
    """Return the explanation of *event* and what happened to it, at the same commit."""
    return await explained(event, settings), await run_once(event, settings, {})


def assert_agreement(event, settings):
    """Run *event*; return the names that ran and the reason why none did."""
    decision, done = asyncio.run(both(event, settings))

    assert ran(done) == decided(decision)
    for one in done.detail.attempts:
        content = lies_at(settings.scripts, one.commit, one.path)
        assert one.blob == blob_id(content)
        if not one.script.endswith(".http"):
            said = done.outputs[one.position, one.number].strip()
            assert said in content
            assert said != b""
    run = done.detail.run
    assert [one.position for one in done.detail.attempts] == list(range(len(ran(done))))
    assert decision.ignored == (run.reason if run.state == "ignored" else "")
    return [one.script for one in done.detail.attempts], decision.ignored


def settings_for(scripts, state, layout):
    return read_settings(
        {
            "GENEXEC_STATE_DIR": str(state),
            "GENEXEC_SCRIPTS": str(scripts),
            "GENEXEC_LAYOUT": layout,
            "GENEXEC_GIT_SCHEMES": "file",
        }
    )


@pytest.fixture(scope="module")
def hollow_examples(tmp_path_factory):
    """The example scripts by name and place, with nothing to do in them."""
    root = tmp_path_factory.mktemp("examples")
    for path in EXAMPLES.rglob("*"):
        if path.suffix in SUFFIXES:
            name = path.relative_to(EXAMPLES)
            write(root / name, name)
    return root


def write(path, mark):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TRIVIAL[path.suffix].format(mark))


def test_there_are_events_to_try():
    assert len(EVENTS) >= 60


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name)
def test_the_example_scripts_run_as_explained(path, hollow_examples, tmp_path):
    event = read_one(str(path), Acceptance.LEGACY)

    names, ignored = assert_agreement(event, settings_for(hollow_examples, tmp_path, "folders"))

    assert bool(names) != bool(ignored)


WHERE = {"project": "shop", "stage": "dev", "service": "carts"}
KINDS = {
    "test.triggered": ("sh.keptn.event.test.triggered", {}),
    "deployment.finished": ("sh.keptn.event.deployment.finished", {}),
    "action.triggered": ("sh.keptn.event.action.triggered", {"action": {"action": "scale"}}),
    "dev.delivery.triggered": ("sh.keptn.event.dev.delivery.triggered", {}),
    "com.example.done": ("com.example.done", {}),
}
BASENAMES = [*KINDS, "action.triggered.scale", "delivery.triggered", "all.events"]
LEVELS = {
    "folders": ["shop/dev/carts", "shop/dev", "shop", "."],
    "directories": [".keptn-stages/dev/carts", ".keptn-stages/dev", "."],
    "branches": ["dev:carts", "dev:.", "main:."],
}
SEEDS = range(20)


def drawn(seed):
    """Return a layout, an event and the files of a repository, all by lot."""
    lot = random.Random(seed)
    layout = lot.choice(sorted(LEVELS))
    type_, data = KINDS[lot.choice(sorted(KINDS))]
    levels = lot.choice([3, 3, 3, 2, 1, 0])  # a project, a stage and a service; or less
    data = data | dict(list(WHERE.items())[:levels])
    files = {
        f"{level}/{lot.choice(FOLDERS)}/{lot.choice(BASENAMES)}{lot.choice(SUFFIXES)}"
        for level in LEVELS[layout]
        for _ in range(lot.randint(0, 12))
    }
    return layout, type_, data, sorted(files)


def repository(root, files):
    """Make a Git repository from `branch:path`; return its address.

    The stage is cut from the default branch, which goes on: copies in the stage are stale.
    """

    def git(*words):
        subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)

    root.mkdir()
    git("init", "-q", "-b", "main")
    for commit, branch in enumerate(("main", "dev", "main")):
        if commit:
            git("checkout", "-q", *(["-b"] if branch == "dev" else []), branch)
        for name in files:
            where, _, path = name.partition(":")
            if where == branch:
                write(root / path, f"commit-{commit}")
        git("add", "--all")
        git("commit", "-q", "--allow-empty", "-m", branch)
    return f"file://{root}"


def test_the_lot_draws_every_layout_and_kind_and_many_files():
    draws = [drawn(seed) for seed in SEEDS]

    assert {layout for layout, *_ in draws} == set(LEVELS)
    assert {type_ for _, type_, *_ in draws} == {type_ for type_, _ in KINDS.values()}
    assert sum(len(files) >= 10 for *_, files in draws) >= 10


@pytest.mark.parametrize("seed", SEEDS)
def test_a_repository_made_by_lot_runs_as_explained(seed, make_event, tmp_path):
    layout, type_, data, files = drawn(seed)
    scripts = tmp_path / "scripts"
    if layout == "branches":
        scripts = repository(scripts, files)
    else:
        scripts.mkdir()
        for name in files:
            write(scripts / name, name)

    settings = settings_for(scripts, tmp_path / "state", layout)

    names, ignored = assert_agreement(make_event(type_, data=data), settings)
    assert bool(names) != bool(ignored)
