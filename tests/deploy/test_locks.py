"""The lock files of image and plugin: they fit pyproject.toml, and hash everything."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(r"(?m)^([a-z0-9][a-z0-9._-]*)==(\S+)( \\\n    --hash=sha256:[0-9a-f]{64})+$")
IMAGE = {"python_version": "3.11", "python_full_version": "3.11.9", "sys_platform": "linux"}
IMAGE |= {"platform_system": "Linux", "extra": ""}


def locked(name):
    text = (ROOT / name).read_text()
    return {canonicalize_name(found[1]): found[2] for found in ENTRY.finditer(text)}


def wanted(name):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if name == "requirements.lock":
        return project["project"]["dependencies"]
    lines = (ROOT / name).with_suffix(".in").read_text().splitlines()
    packed = []
    if name == "requirements-plugin.lock":
        packed = project["project"]["dependencies"]
        packed += project["project"]["optional-dependencies"]["botkube"]
    return [*packed, *(line for line in lines if not line.startswith("#"))]


every_lock = pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-build.lock", "requirements-plugin.lock"]
)


@every_lock
def test_the_lock_fits_what_is_asked_for(name):
    versions = locked(name)
    asked = [Requirement(text) for text in wanted(name)]

    assert asked
    wrong = [
        str(one)
        for one in asked
        if versions.get(canonicalize_name(one.name), "0") not in one.specifier
    ]
    assert wrong == [], "make lock"


@every_lock
def test_every_entry_has_a_version_and_hashes(name):
    text = (ROOT / name).read_text()
    names = re.findall(r"(?m)^[^\s#][^=\s]*", text)

    assert len(names) == len(locked(name)) > 10


def test_nothing_that_a_locked_package_needs_is_missing():
    versions = locked("requirements.lock")

    missing = []
    for name in versions:
        try:
            needs = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue
        here = [need for need in needs if not need.marker or need.marker.evaluate(IMAGE)]
        missing += [
            f"{name}: {need.name}" for need in here if canonicalize_name(need.name) not in versions
        ]

    assert missing == [], "make lock"


def test_the_build_has_what_builds_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    versions = locked("requirements-build.lock")
    needed = [Requirement(text) for text in project["build-system"]["requires"]]

    assert [str(one) for one in needed if versions[one.name] not in one.specifier] == []
