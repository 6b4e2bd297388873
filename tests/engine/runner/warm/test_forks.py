"""A fork of a warm interpreter is a child of whoever started that, and a whole process."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from service.engine.warm.forking import fork_for_parent, fork_twice


@pytest.mark.parametrize("way", ["best", "twice"])
def test_a_fork_falls_to_the_parent_and_knows_itself(way):
    program = Path(__file__).with_name("fork_program.py")

    done = subprocess.run(
        [sys.executable, str(program), way], capture_output=True, check=True, timeout=30
    )

    found = json.loads(done.stdout)
    assert found["pid"] == found["born"]
    assert (found["parent"], found["waited"]) == (found["me"], True)
    assert (found["hooks"], found["caught"]) == (["child"], ["caught"])
    assert found["as random as before"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only there it can be done")
def test_one_call_does_it_here():
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("numbers of system calls are known for two machines")

    assert fork_for_parent() is not fork_twice
