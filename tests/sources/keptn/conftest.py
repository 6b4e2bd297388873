"""A look-up in the scripted Keptn."""

import asyncio

import pytest

SCRIPT = "generic-executor/test.triggered.sh"


@pytest.fixture
def script():
    return SCRIPT


@pytest.fixture
def look_up(use_keptn, ask):
    """Return the listing of one look-up by a new source."""

    def look(*names, path="", options=None, **question):
        async def scene():
            async with use_keptn(path, **(options or {})) as source:
                return await source.look_up(ask(*names, **question))

        return asyncio.run(scene())

    return look


@pytest.fixture
def paths(keptn):
    """Return the paths that were asked for so far, without the search for the way."""

    def asked():
        return [one["path"] for one in keptn.asked() if "hipyard" not in one["path"]]

    return asked
