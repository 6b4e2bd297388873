"""Manifests, rendered by the library inside kubectl (tools/manifests, a Go program)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv/manifests"
SURROUNDINGS = dict(os.environ)
"""Read before the environment is sealed: Go keeps what it built below the home directory."""
VARIANTS = ("sidecar", "nats", "remote", "standalone", "ingress")


@pytest.fixture(scope="session")
def render():
    """Run the program with arguments; return what it prints."""
    made = subprocess.run(
        ["make", "--silent", str(PROGRAM.relative_to(ROOT))],
        cwd=ROOT, env=SURROUNDINGS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        why = f"tools/manifests cannot be built, it needs Go 1.23 and its modules: {made.stderr}"
        (pytest.fail if SURROUNDINGS.get("CI") else pytest.skip)(why)

    def run(*arguments):
        said = subprocess.run(
            [PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr
        return said.stdout

    return run


@pytest.fixture(scope="session")
def variants(render):
    """Of each variant its name, its documents, and what the judge found."""
    lines = render(*(f"deploy/{name}" for name in VARIANTS)).splitlines()
    return {Path(one["directory"]).name: one for one in map(json.loads, lines)}


@pytest.fixture(params=VARIANTS)
def variant(request, variants):
    return variants[request.param]


@pytest.fixture
def documents(variant):
    return list(yaml.safe_load_all(variant["text"]))


@pytest.fixture(scope="session")
def kubectl():
    """Kubectl, for those who have it; nothing depends on it."""
    found = shutil.which("kubectl", path=SURROUNDINGS.get("PATH"))
    if not found:
        pytest.skip("this machine cannot: no kubectl; tools/manifests has proved the same")
    return found
