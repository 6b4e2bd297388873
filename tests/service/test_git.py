"""Scripts from a Git remote: new commits, a remote that goes away, a repository per project."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

NAME = "com.example.hello"
FOLDER = "generic-executor"
FILE = f"{FOLDER}/{NAME}.sh"


class Remote:
    """A bare repository that somebody pushes to."""

    def __init__(self, path):
        self.path = path
        self._git("init", "-q", "--bare", "--initial-branch=main", str(path), at=path.parent)

    def push(self, files, *, branch="main", anew=False):
        """Add *files* to *branch*; with *anew* its history is written anew. Return the commit."""
        ref = f"refs/heads/{branch}"
        lines = [f"commit {ref}", f"committer T <t@example.invalid> {int(time.time())} +0000"]
        known = not anew and self._git("for-each-ref", ref)
        lines += ["data 1", "x", f"from {ref}^0" if known else "deleteall"]
        for path, content in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(content)}", content]
        self._git("fast-import", "--quiet", "--force", stdin="\n".join(lines) + "\n")
        return self._git("rev-parse", ref)

    def blob(self, path, branch="main"):
        return self._git("rev-parse", f"refs/heads/{branch}:{path}")

    def hide(self):
        self.path.rename(self.path.with_suffix(".away"))

    def come_back(self):
        self.path.with_suffix(".away").rename(self.path)

    def _git(self, *words, at=None, stdin=""):
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *words],
            cwd=at or self.path,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
            env=environment | {"GIT_CONFIG_SYSTEM": os.devnull, "HOME": "/"},
        )
        return done.stdout.strip()


@pytest.fixture
def remote(tmp_path):
    return Remote(tmp_path / "scripts.git")


@pytest.fixture
def start(serve, tmp_path):
    def make(name="scripts.git", **options):
        options = {"genexec_git_interval": "300ms", "genexec_git_schemes": "file"} | options
        return serve(f"file://{tmp_path}/{name}", **options).start()

    return make


def test_a_new_commit_takes_effect_by_itself(start, remote, event, until):
    remote.push({FILE: "echo one"})
    service = start()
    first = service.wait_for(service.send(event(NAME)))
    remote.push({FILE: "echo two"})

    until(lambda: service.wait_for(service.send(event(NAME)))["message"] == "two\n", seconds=5)

    assert first["message"] == "one\n"


def test_a_refresh_makes_a_new_commit_take_effect_at_once(start, remote, event):
    remote.push({FILE: "echo one"})
    service = start(genexec_git_interval="1h")
    service.wait_for(service.send(event(NAME)))
    remote.push({FILE: "echo two"})
    before = service.wait_for(service.send(event(NAME)))

    answer = service.post({}, "/api/v1/refresh/sockshop")

    assert answer.status_code == 200
    assert before["message"] == "one\n"
    assert service.wait_for(service.send(event(NAME)))["message"] == "two\n"


def test_the_record_names_commit_and_blob_of_what_was_run(start, remote, event, signing):
    first = remote.push({FILE: signing("ran") + "sleep 0.5; echo one"})
    first_blob = remote.blob(FILE)
    service = start(genexec_git_interval="1h")
    one = service.send(event(NAME))
    service.wait_for_signs(1)
    second = remote.push({FILE: "echo two"}, anew=True)
    service.post({}, "/api/v1/refresh/sockshop")

    two = service.wait_for(service.send(event(NAME)))

    one = service.wait_for(one)
    assert (one["commit"], two["commit"]) == (first, second)
    assert (one["message"], two["message"]) == ("one\n", "two\n")
    assert one["attempts"][0]["blob"] == first_blob
    assert two["attempts"][0]["blob"] == remote.blob(FILE)
    assert two["attempts"][0]["path"] == FILE


@pytest.mark.promise("R10")
def test_a_remote_that_is_away_is_never_taken_for_no_script(start, remote, event, until):
    remote.push({FILE: "echo known"})
    service = start()
    service.wait_for(service.send(event(NAME)))
    remote.hide()
    until(lambda: "mirror of" in service.wait_for(service.send(event(NAME)))["note"], seconds=5)

    known = service.wait_for(service.send(event(NAME)))
    unknown = service.send(event("com.example.unknown"))

    held = service.wait_for(unknown, "unresolved")
    remote.come_back()
    remote.push({f"{FOLDER}/com.example.unknown.sh": "echo found"})
    assert (known["state"], known["message"]) == ("passed", "known\n")
    assert held["ended_at"] is None
    assert "could not be fetched" in held["reason"]
    assert service.wait_for(unknown)["message"] == "found\n"


@pytest.mark.promise("R10")
def test_the_service_starts_while_the_remote_is_down(start, remote, event):
    remote.push({FILE: "echo hello"})
    remote.hide()
    service = start()
    run = service.send(event(NAME))
    held = service.wait_for(run, "unresolved")

    remote.come_back()

    assert held["attempts"] == []
    assert service.wait_for(run)["message"] == "hello\n"


def test_a_repository_per_project_with_a_branch_per_stage(start, event, tmp_path):
    repositories = {name: Remote(tmp_path / f"{name}.git") for name in ("one", "two")}
    for name, remote in repositories.items():
        remote.push({FILE: f"echo project {name}"})
        remote.push({f"carts/{FOLDER}/{NAME}.sh": f"echo carts of {name}"}, branch="dev")
    service = start("{project}.git")

    def said(project, **where):
        record = service.wait_for(service.send(event(NAME, project=project, data=where)))
        return record["message"], record["attempts"][0]["level"]

    assert said("one") == ("carts of one\n", "service")
    assert said("two") == ("carts of two\n", "service")
    assert said("one", service="orders") == ("project one\n", "project")
    assert said("two", stage="production") == ("project two\n", "project")


def test_twenty_events_at_once_for_a_new_repository_are_all_run(start, remote, event, signing):
    remote.push({FILE: signing("ran")})
    service = start("{project}.git")
    events = [event(NAME, project="scripts") for _ in range(20)]

    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(service.send, events))

    assert {service.wait_for(run)["state"] for run in runs} == {"passed"}
    assert len(service.signs()) == 20


@pytest.mark.promise("R10")
def test_a_project_without_a_repository_is_held_and_others_go_on(start, remote, event):
    remote.push({FILE: "echo hello"})
    service = start("{project}.git")

    missing = service.send(event(NAME, project="missing"))

    assert service.wait_for(service.send(event(NAME, project="scripts")))["state"] == "passed"
    assert service.wait_for(missing, "unresolved")["attempts"] == []


@pytest.mark.promise("R10")
def test_a_damaged_mirror_is_built_anew(start, remote, event):
    remote.push({FILE: "echo one"})
    service = start(genexec_git_interval="1h")
    service.wait_for(service.send(event(NAME)))
    service.stop()
    for file in service.state.glob("mirrors/**/objects/**/*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"damaged")

    service.start()

    assert service.wait_for(service.send(event(NAME)))["message"] == "one\n"
