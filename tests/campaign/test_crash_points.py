"""Crash points: nobody comes by them by accident, and who asks for one gets it."""

import subprocess
import sys

import pytest

from service.config.reading import CRASH_AT, read_settings
from service.wiring.crash_points import KEY_FILE, POINTS, crash_point

PASSING = """
import sys
from pathlib import Path
from service.config.reading import CRASH_AT
from service.wiring.crash_points import crash_point

point = crash_point({CRASH_AT: sys.argv[1]}, Path(sys.argv[2]))
for number in range(1, 4):
    print(number, flush=True)
    point.pass_by(sys.argv[1].partition(":")[0])
"""


class Port:
    """Stands for every port."""

    def __getattr__(self, name):
        return name


def hands_back_what_it_gets(point):
    port = Port()
    runners = {".sh": port}
    wrapped = (point.inbox(port), point.source(port), point.journal(port), point.sender(port))
    return all(one is port for one in wrapped) and point.runners(runners) is runners


def test_there_are_twelve():
    assert len(set(POINTS)) == 12


def test_without_the_variable_ports_are_handed_back(tmp_path):
    (tmp_path / KEY_FILE).write_text("committed")

    assert hands_back_what_it_gets(crash_point({}, tmp_path))


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("committed", None),
        ("committed", ""),
        ("committed", "spawned"),
        ("committed:2", "committed"),
        ("nowhere", "nowhere"),
        ("committed:often", "committed:often"),
    ],
)
def test_the_variable_alone_does_nothing_and_the_log_says_so(tmp_path, caplog, wanted, key):
    if key is not None:
        (tmp_path / KEY_FILE).write_text(key)

    point = crash_point({CRASH_AT: wanted}, tmp_path)

    assert hands_back_what_it_gets(point)
    assert "is for tests and has no effect" in caplog.text


def test_the_variable_with_its_key_wraps_the_ports(tmp_path):
    (tmp_path / KEY_FILE).write_text("committed:7\n")

    assert not hands_back_what_it_gets(crash_point({CRASH_AT: "committed:7"}, tmp_path))


def test_the_process_dies_at_the_nth_passing_and_the_key_is_used_up(tmp_path):
    (tmp_path / KEY_FILE).write_text("spawned:2")

    done = subprocess.run(
        [sys.executable, "-c", PASSING, "spawned:2", tmp_path],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (done.returncode, done.stdout) == (-9, "1\n2\n")
    assert not (tmp_path / KEY_FILE).exists()


def test_the_variable_is_no_unknown_setting(tmp_path):
    environment = {CRASH_AT: "committed", "GENEXEC_STATE_DIR": str(tmp_path)}

    assert not hasattr(read_settings(environment), "test_crash_at")
