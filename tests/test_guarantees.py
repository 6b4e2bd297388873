"""From a promise to its proof: docs/guarantees.md, the marks of tests and the campaign agree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.__main__ import CHAPTERS, PROMISES

TESTS = Path(__file__).parent
ROOT = TESTS.parent
ALL = [f"R{number}" for number in range(1, 19)]
MARK = re.compile(r'mark\.promise\("(R\d+)"\)')
ROW = re.compile(r"^\| (R\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
PROOFS = dict(ROW.findall((ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")))


def marked():
    """Return the files with a test that bears the mark of a promise, by its id."""
    found = {}
    for path in TESTS.rglob("test_*.py"):
        for promise in set(MARK.findall(path.read_text(encoding="utf-8"))):
            found.setdefault(promise, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_promise_has_a_row_and_there_are_no_others():
    assert list(PROOFS) == ALL
    assert set(marked()) <= set(ALL)
    assert {promise for chapter in PROMISES.values() for promise in chapter} <= set(ALL)


def test_every_chapter_says_which_promises_it_is_about():
    assert PROMISES.keys() == CHAPTERS.keys()
    assert all(PROMISES.values())


@pytest.mark.parametrize("promise", ALL)
def test_a_promise_names_exactly_what_proves_it(promise):
    words = re.findall(r"`([^`]+)`", PROOFS[promise])
    files = {word for word in words if "/" in word}
    chapters = {word for word in words if "/" not in word}

    assert files == marked().get(promise, set())
    assert chapters == {name for name, promises in PROMISES.items() if promise in promises}
    assert files or chapters


def test_the_tests_of_one_promise_can_be_chosen():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "--promise", "R15"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    chosen = {line.partition(":")[0] for line in done.stdout.splitlines() if ".py" in line}
    assert chosen == marked()["R15"], done.stdout + done.stderr


def test_a_promise_without_a_chapter_is_said_to_have_none():
    command = [sys.executable, "-m", "campaign", "--size", "small", "--promise", "R13"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "no chapter of the campaign is about R13\n")
