import os
import subprocess
import sys
import time

import pytest

from service.errors import JournalLocked, JournalUnavailable
from service.journal.lock import lock_state_directory

_HOLDER = """
import sys, time, pathlib
from service.journal.lock import lock_state_directory
held = lock_state_directory(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_instance(state_dir):
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(state_dir)], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


def test_a_second_instance_is_told_who_holds_the_directory(state_dir, other_instance):
    begun = time.monotonic()

    with pytest.raises(JournalLocked) as caught:
        lock_state_directory(state_dir, patience=0.1)

    assert f"process {other_instance.pid}" in str(caught.value)
    assert str(state_dir) in str(caught.value)
    assert time.monotonic() - begun < 5


def test_the_lock_of_a_killed_instance_is_free(state_dir, other_instance):
    other_instance.kill()

    with lock_state_directory(state_dir):
        assert (state_dir / "lock").read_text() == f"{os.getpid()}\n"


def test_a_closed_lock_can_be_taken_again(state_dir):
    lock_state_directory(state_dir).close()

    with lock_state_directory(state_dir, patience=0.0) as lock:
        assert not lock.closed


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalUnavailable, match=str(tmp_path / "file")):
        lock_state_directory(tmp_path / "file" / "state")
