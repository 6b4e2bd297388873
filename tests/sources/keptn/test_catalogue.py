"""Every file of a project in Keptn, for `genexec check`."""

import asyncio

import pytest

from service.errors import SourceUnavailable
from service.keptn_events import Belonging

FILE = "generic-executor/a.sh"


@pytest.fixture
def catalogue(use_keptn):
    def files(**where):
        async def scene():
            async with use_keptn() as source:
                return await source.files(Belonging(project="sockshop", **where))

        return {(one.branch, one.path): one.content for one in asyncio.run(scene())}

    return files


def test_the_files_of_the_project_and_of_the_stage_are_listed(keptn, catalogue):
    keptn.commit({FILE: b"project", "carts/generic-executor/b.sh": b"nobody asks for it"})
    keptn.commit({FILE: b"stage", "carts/generic-executor/c.sh": b"service"}, branch="dev")

    files = catalogue(stage="dev", service="carts")

    assert files == {
        ("", "shipyard.yaml"): b"",
        ("", FILE): b"project",
        ("dev", "shipyard.yaml"): b"",
        ("dev", FILE): b"stage",
        ("dev", "carts/generic-executor/b.sh"): b"nobody asks for it",
        ("dev", "carts/generic-executor/c.sh"): b"service",
    }


def test_of_a_large_file_one_byte_beyond_the_limit_is_told(keptn, catalogue):
    keptn.commit({FILE: b"x" * 3000, "generic-executor/b.sh": b"x" * 10**6})

    assert {len(content) for content in catalogue().values()} == {0, 1001}


def test_a_stage_that_is_not_there_has_no_files(catalogue):
    assert catalogue(stage="nowhere") == {("", "shipyard.yaml"): b""}


def test_a_keptn_that_cannot_list_says_what_to_check_instead(keptn, catalogue):
    keptn.set(version="0.13")

    with pytest.raises(SourceUnavailable, match="check the Git repository behind it"):
        catalogue()
