"""A repository in a dictionary, and the findings about it as its reader sees them."""

import pytest

from service.checking.findings import File
from service.checking.whole import check_files
from service.scripts import Layout
from service.variables import ALWAYS_SET

PASSES = {"py": "exit(0)\n", "http": "GET https://example.com/\n"}


@pytest.fixture
def make_file():
    """Make a file from `path` or `branch:path`."""

    def make(where, content=None, *, link=""):
        branch, _, path = where.rpartition(":")
        content = PASSES.get(path.rpartition(".")[2], "exit 0\n") if content is None else content
        return File(branch=branch, path=path, content=content.encode(), link=link)

    return make


@pytest.fixture
def findings(make_file):
    """Return the findings about files as lines; contents may be given by path."""

    def find(files, *, layout=Layout.FOLDERS, default_branch="main", script_limit=1000):
        contents = files if isinstance(files, dict) else dict.fromkeys(files)
        found, _ = check_files(
            [make_file(where, content) for where, content in contents.items()],
            layout=layout,
            default_branch=default_branch,
            script_limit=script_limit,
            variable_names=ALWAYS_SET,
        )
        return [str(finding) for finding in found]

    return find
