"""What tests of the GitOps example start from: a cluster, GitHub, and a chat that asks."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.config.reading import read_settings
from service.wiring.foreground import run_once

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts_examples"
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
REPOSITORIES = "gitrepositories.source.toolkit.fluxcd.io"


class World:
    """The cluster and GitHub, as files that the stand-ins read, with a real Git repository."""

    def __init__(self, folder: Path):
        self._world = folder / "world"
        self._remote = folder / "remote/acme/fleet.git"
        self._work = folder / "work"
        git_init = ["git", "init", "--quiet", "--initial-branch=main"]
        subprocess.run([*git_init, "--bare", str(self._remote)], check=True)
        subprocess.run([*git_init, str(self._work)], check=True)
        (self._world / "live").mkdir(parents=True)

    def has_object(self, kind: str, name: str, spec: Mapping, namespace: str = "flux-system"):
        self._write(f"{kind}/{namespace}/{name}.json", json.dumps({"spec": spec}))

    def has_live(self, name: str, text: str):
        self._write(f"live/{name}.yaml", text)

    def has_pull_request(self, number: int = 12, *, files: Mapping[str, str], **changed) -> str:
        """Push the only commit of a pull request, make it known, and return the commit."""
        for path in self._work.iterdir():
            if path.name != ".git":
                subprocess.run(["rm", "-r", str(path)], check=True)
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                path.symlink_to(text.removeprefix("-> "))
            else:
                path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=A change")
        self._git("push", "--quiet", "--force", str(self._remote), f"HEAD:refs/pull/{number}/head")
        commit = self._git("rev-parse", "HEAD")
        seen = {
            "number": number,
            "title": "Scale podinfo",
            "author": {"login": "alice"},
            "state": "OPEN",
            "url": f"https://github.com/acme/fleet/pull/{number}",
            "headRefOid": commit,
        } | changed
        for name in (number, "feature_scale"):
            self._write(f"pulls/github.com/acme/fleet/{name}.json", json.dumps(seen))
        return commit

    def is_away(self):
        self._write("no-cluster", "")

    def _write(self, name: str, text: str):
        path = self._world / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self._work), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def empty_world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def world(empty_world):
    """A Kustomization podinfo with one object in the cluster, from github.com/acme/fleet."""
    source = {"kind": "GitRepository", "name": "fleet"}
    empty_world.has_object(KUSTOMIZATIONS, "podinfo", {"path": "./kustomize", "sourceRef": source})
    empty_world.has_object(REPOSITORIES, "fleet", {"url": "ssh://git@github.com/acme/fleet.git"})
    empty_world.has_live("podinfo", "replicas: 1\n")
    return empty_world


@pytest.fixture
def service_environment(tmp_path):
    """Variables of the service's container: tokens, settings, the stand-ins in `PATH`."""
    for folder in ("bin", "calls", "remote", "world"):
        (tmp_path / folder).mkdir(exist_ok=True)
    program = (Path(__file__).parent / "stand_in.py").read_text()
    for name in ("kubectl", "gh", "flux"):
        path = tmp_path / "bin" / name
        path.write_text(f"#!{sys.executable} -I\n{program}")
        path.chmod(0o755)
    instead = f'[url "file://{tmp_path}/remote/"]\n\tinsteadOf = https://github.com/\n'
    (tmp_path / "gitconfig").write_text(instead)
    readable = ("world", "remote", "gitconfig", "bin")
    return {
        "GENEXEC_STATE_DIR": str(tmp_path / "state"),
        "GENEXEC_SCRIPTS": str(EXAMPLES),
        "GENEXEC_LAYOUT": "folders",
        "GENEXEC_GIT_SCHEMES": "file,https,ssh",
        "GENEXEC_SCRIPT_PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "GENEXEC_SCRIPT_READABLE": ",".join(str(tmp_path / name) for name in readable),
        "GENEXEC_SCRIPT_WRITABLE": str(tmp_path / "calls"),
        "GH_TOKEN": "ghp_0123456789",
        "KUBECONFIG": "/etc/genexec/kubeconfig",
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What came of a command in the chat."""

    state: str
    output: str
    result: Mapping
    """What the script returned, as it stands in the answer."""
    message: str


@pytest.fixture
def ask(make_event, service_environment):
    """Run an action with values, as `script action NAME gitops k=v …` does in the chat."""

    def run(action, /, *, environment=None, **values):
        data = {"project": "gitops", "action": {"action": action, "value": values}}
        event = make_event("sh.keptn.event.action.triggered", data=data)
        variables = service_environment | (environment or {})
        settings = {name: v for name, v in variables.items() if name.startswith("GENEXEC_")}
        done = asyncio.run(run_once(event, read_settings(settings), variables))
        (attempt,) = done.detail.attempts
        (finished,) = [json.loads(one.body) for one in done.outgoing if one.kind == "finished"]
        return Said(
            state=attempt.state,
            output=done.outputs[attempt.position, attempt.number].decode(),
            result=finished["data"].get("action", {}),
            message=finished["data"].get("message", ""),
        )

    return run


@pytest.fixture
def calls(tmp_path, service_environment):
    """Return how the stand-ins were called so far, in order; of one of them, or of all."""

    def read(program=""):
        called = [json.loads(path.read_text()) for path in sorted((tmp_path / "calls").iterdir())]
        return [call for call in called if program in ("", call["program"])]

    return read
