"""`genexec run --json` did what `genexec explain --json` says, also at a commit of old.

The repositories are Git's, made by lot: stale copies on stages, empty files, links that lead
somewhere, outside or nowhere, and events that name a commit, perhaps one that does not exist.
"""

import json
import random
import subprocess

import pytest

WHERE = {"project": "shop", "stage": "dev", "service": "carts"}
KINDS = {
    "sh.keptn.event.test.triggered": "test.triggered",
    "sh.keptn.event.deployment.finished": "deployment.finished",
    "sh.keptn.event.action.triggered": "action.triggered.scale",
    "sh.keptn.event.dev.delivery.triggered": "dev.delivery.triggered",
    "com.example.done": "com.example.done",
}
TASKS = (".test.triggered", ".action.triggered")
GENERAL = ["action.triggered", "delivery.triggered", "all.events"]
LEVELS = {
    "branches": [("dev", "carts/"), ("dev", ""), ("main", "")],
    "directories": [("main", f".keptn-stages/{it}") for it in ("dev/carts/", "dev/")]
    + [("main", "")],
    "folders": [("main", it) for it in ("shop/dev/carts/", "shop/dev/", "shop/", "")],
}
LINKS = {"inside": "readme.sh", "outside": "../../../../../../etc/passwd", "nowhere": "missing"}
KIND_OF_FILE = ["echo", "echo", "echo", "echo", "empty", "bad directive", *LINKS]
COMMITS = ["", "", "older", "newest", "unknown"]
SEEDS = range(24)


def drawn(seed):
    """Return layout, type, files as (commit, branch, path, kind), and the commit to name."""
    lot = random.Random(seed)
    layout = lot.choice(sorted(LEVELS))
    type_ = lot.choice(sorted(KINDS))
    files = {}
    for commit in ("older", "newest"):
        for branch, folder in LEVELS[layout]:
            for _ in range(lot.randint(0, 4)):
                name = lot.choice([KINDS[type_], KINDS[type_], *GENERAL]) + lot.choice(
                    [".sh", ".py"]
                )
                spelling = lot.choice(["generic-executor", "generic-executor", "genericexecutor"])
                path = f"{folder}{spelling}/{name}"
                files[commit, branch, path] = lot.choice(KIND_OF_FILE)
    return layout, type_, files, lot.choice(COMMITS)


def fill(folder, path, kind, mark):
    """Write a script that prints *mark*, or something that only looks like a script."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    if kind in LINKS:
        (file.parent / "readme.sh").write_text("linked=0\n")  # shell and Python
        file.symlink_to(LINKS[kind])
    elif kind == "empty":
        file.touch()
    else:
        directive = "# genexec: soon\n" if kind == "bad directive" else ""
        statement = f"echo {mark}" if path.endswith(".sh") else f"print('{mark}')"
        file.write_text(f"{directive}{statement}\n")


@pytest.fixture
def make_repository(tmp_path):
    """Make a Git repository; return its address and two commits of the stage's branch."""
    root = tmp_path / "repository"

    def git(*words):
        command = ["git", "-C", root, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def make(layout, files):
        root.mkdir()
        git("init", "-q", "-b", "main")
        git("commit", "-q", "--allow-empty", "-m", "begin")
        stage = "dev" if layout == "branches" else "main"
        commits = {"": "", "unknown": "5" * 40}
        for commit in ("older", "newest"):
            for branch in dict.fromkeys(["main", stage]):
                there = git("branch", "--list", branch)
                git("checkout", "-q", *([] if there else ["-b"]), branch)
                for (when, where, path), kind in files.items():
                    if (when, where) == (commit, branch):
                        fill(root, path, kind, f"{commit} {branch}")
                git("add", "--all")
                git("commit", "-q", "--allow-empty", "-m", f"{commit} {branch}")
            commits[commit] = git("rev-parse", stage)
        return f"file://{root}", commits

    return make


def picked(entry):
    return tuple(entry[name] for name in ("script", "level", "path", "commit", "blob"))


def content_of(address, attempt):
    """Return what Git says stands where the record says the script came from."""
    where = f"{attempt['commit']}:{attempt['path']}"
    command = ["git", "-C", address.removeprefix("file://"), "cat-file", "blob", where]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_lot_draws_every_layout_type_commit_and_kind_of_file():
    draws = [drawn(seed) for seed in SEEDS]

    assert {layout for layout, *_ in draws} == set(LEVELS)
    assert {type_ for _, type_, *_ in draws} == set(KINDS)
    assert {commit for *_, commit in draws} == set(COMMITS)
    assert {kind for *_, files, _ in draws for kind in files.values()} == set(KIND_OF_FILE)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_explained_is_what_is_run(seed, make_repository, genexec, tmp_path):
    layout, type_, files, commit = drawn(seed)
    scripts, commits = make_repository(layout, files)
    named = {"gitcommitid": commits[commit]} if commit else {}
    document = {"specversion": "1.0", "id": "e-1", "source": "test", "type": type_, **named}
    event = tmp_path / "event.json"
    event.write_text(json.dumps(document | {"data": WHERE | {"action": {"action": "scale"}}}))

    (_, explained), (code, ran) = [
        genexec(command, event, "--scripts", scripts, "--layout", layout)
        for command in ("explain", "run")
    ]

    assert [picked(one) for one in ran["attempts"]] == [picked(one) for one in explained["runs"]]
    assert explained["ignored"] == (ran["reason"] if ran["state"] == "ignored" else "")
    for told, did, output in zip(explained["runs"], ran["attempts"], ran["outputs"], strict=True):
        why = explained["problem"] or told["problem"]
        assert not why or (did["state"], did["message"], output) == ("errored", why, "")
        assert output.strip() in content_of(scripts, did)
    verdicts = [row for row in explained["candidates"] if row["verdict"] == "runs"]
    assert [row["name"] for row in verdicts] == [one["script"] for one in ran["attempts"]]
    answers = [event.get("gitcommitid", "") for event in ran["would_send"]]
    assert answers == [commits[commit]] * (2 if type_.endswith(TASKS) else 0)
    assert (code == 0) == (ran["state"] in {"passed", "ignored"})
