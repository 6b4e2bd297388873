"""A skip is honest: at the desk it names what is missing, in CI it fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest

needs_a_tool = pytest.mark.skipif(True, reason="tool is not installed")


@needs_a_tool
def test_a_tool(): ...


def test_a_fixture(needs):
    needs("no-such-program", "no-such-package")


def test_a_kernel():
    pytest.skip("this machine cannot: its kernel is old")
"""


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("", {"a_tool": "SKIPPED", "a_fixture": "SKIPPED"}),
     ("true", {"a_tool": "ERROR", "a_fixture": "FAILED"})],
    ids=["at the desk", "in CI"],
)  # fmt: skip
def test_what_can_be_installed_may_be_missing_at_the_desk_only(tmp_path, ci, outcomes):
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", tmp_path]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CI": ci}

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    for name, outcome in {**outcomes, "a_kernel": "SKIPPED"}.items():
        assert f"::test_{name} {outcome}" in done.stdout, done.stdout
