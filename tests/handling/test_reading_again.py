"""After a restart a script is read once more from the place that the record names."""

import asyncio

import pytest

from service.keptn_events import Belonging
from service.preparation import prepare_again
from service.runs import Attempt
from service.scripts import Layout
from service.sources.directory import DirectorySource
from service.sources.objects import object_id
from service.states import State

WHERE = Belonging(project="sockshop", stage="dev", service="carts")
FOLDERS = {
    "project": "main/generic-executor",
    "stage": "dev/generic-executor",
    "service": "dev/carts/generic-executor",
}


@pytest.mark.parametrize("level", FOLDERS)
def test_a_script_is_read_from_the_branch_of_its_stage(tmp_path, level):
    for name, folder in FOLDERS.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.sh").write_text(f"echo {name}\n")
    content = f"echo {level}\n".encode()
    attempt = Attempt(
        position=0,
        number=1,
        script="a.sh",
        level=level,
        path=FOLDERS[level].partition("/")[2] + "/a.sh",
        commit="",
        blob=object_id("blob", content),
        state=State.QUEUED,
    )
    source = DirectorySource(str(tmp_path), branches=True, default_branch="main")

    prepared = asyncio.run(prepare_again(source, attempt, WHERE, Layout.BRANCHES))

    assert (prepared.content, prepared.problem) == (content, "")
