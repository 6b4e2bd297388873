"""What killed programs in one file leave in `/tmp`, and who may remove it."""

import fcntl
import os
import time

import pytest

from service.botkube.unpacked import remove_abandoned, wrappers

LOCK = ".genexec-in-use"


@pytest.fixture
def unpacked(tmp_path):
    place = tmp_path / "_MEI123"
    (place / "service/botkube").mkdir(parents=True)
    (place / "service/botkube/config_schema.json").write_text("{}")
    (place / LOCK).touch()
    return place


def test_a_directory_that_nobody_holds_is_removed(unpacked, tmp_path):
    assert remove_abandoned(tmp_path) == [unpacked]
    assert not unpacked.exists()


def test_a_directory_that_somebody_holds_stays(unpacked, tmp_path):
    with (unpacked / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        assert remove_abandoned(tmp_path) == []

    assert unpacked.exists()


def test_a_directory_of_another_program_stays(unpacked, tmp_path):
    (unpacked / "service/botkube/config_schema.json").unlink()

    assert remove_abandoned(tmp_path) == []


def test_a_directory_that_is_being_unpacked_stays(unpacked, tmp_path):
    (unpacked / LOCK).unlink()

    assert remove_abandoned(tmp_path) == []


def test_a_directory_whose_unpacking_was_given_up_is_removed(unpacked, tmp_path):
    (unpacked / LOCK).unlink()
    long_ago = time.time() - 600
    os.utime(unpacked, (long_ago, long_ago))

    assert remove_abandoned(tmp_path) == [unpacked]


def test_a_link_is_not_followed(unpacked, tmp_path):
    (tmp_path / "staticx-link").symlink_to(unpacked)

    assert remove_abandoned(tmp_path) == [unpacked]
    assert (tmp_path / "staticx-link").is_symlink()


def test_nothing_stands_between_us_and_the_host_when_we_are_no_file():
    assert wrappers({"STATICX_BUNDLE_DIR": "/tmp/staticx-1"}) == 0
