"""A chain of processes that fork and exit as fast as a machine can is ended, every time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS = 60
CHAIN = "#include <unistd.h>\nint main(void) { for (;;) if (fork()) _exit(0); }\n"
REAPER = """
import ctypes, os, subprocess, sys, time
from service.engine.process_tree import end_tree, orphans

SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
children = f"/proc/self/task/{os.getpid()}/children"
survived = 0
for _ in range(int(sys.argv[2])):
    subprocess.Popen([sys.argv[1]], start_new_session=True).returncode = 0  # reaped as an orphan
    time.sleep(0.003)  # some forks and exits, so that orphans are under way
    while left := orphans(()):
        for process in left:
            end_tree(process)
    survived += open(children).read() != ""
    while open(children).read():
        for process in orphans(()):
            end_tree(process)
print(survived)
"""


@pytest.fixture
def chain(tmp_path):
    if shutil.which("cc") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no C compiler (cc)")
        pytest.skip("there is no C compiler (cc)")
    source = tmp_path / "chain.c"
    source.write_text(CHAIN)
    subprocess.run(["cc", "-O2", "-o", tmp_path / "chain", source], check=True)
    return tmp_path / "chain"


def test_when_no_orphan_is_found_none_is_left(chain):
    """Who is reaped may have handed over a child after the list was read."""
    command = [sys.executable, "-c", REAPER, chain, str(ROUNDS)]
    root = Path(__file__).resolve().parents[3]

    said = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout == "0\n"
