"""An index of packages, with credentials that nobody gets to see."""

import logging

import pytest

from service.outcome import Ending

TOKEN = "s3cret/of the@index"
MASKED = ("s3cret", "s3cret%2Fof")


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def tool(make_wheel):
    make_wheel("tool", "3.0")


@pytest.fixture
def of_index(token_file):
    """Return the settings for an index that wants a password."""

    def settings(index):
        return {"index": index.address, "index_user": "ci", "index_token_file": token_file}

    return settings


def test_packages_come_from_the_index(execute, make_order, make_wheel, make_index, uv):
    make_wheel("tool", "3.0")
    index = make_index()

    (execution,) = execute(
        make_order("import tool\nprint(tool.VERSION)", "tool"), uv=uv, index=index.address
    )

    assert (execution.output, execution.detail) == (b"3.0\n", "")
    assert index.asked[0][0] == "/simple/tool/"


def test_the_folder_adds_to_the_index(execute, make_order, make_wheel, make_index, uv):
    wheels = make_wheel("tool", "3.0").parent
    index = make_index()
    index.folder = wheels / "nothing"

    (execution,) = execute(
        make_order("import tool\nprint(tool.VERSION)", "tool"),
        uv=uv,
        index=index.address,
        wheels=wheels,
    )

    assert (execution.output, execution.detail) == (b"3.0\n", "")


@pytest.mark.usefixtures("tool")
def test_the_token_opens_the_index(execute, make_order, make_index, of_index, uv):
    index = make_index(TOKEN)
    order = make_order("import tool\nprint(tool.VERSION)", "tool")

    (execution,) = execute(order, uv=uv, **of_index(index))

    assert (execution.output, execution.detail) == (b"3.0\n", "")
    assert index.asked[-1][1] == index.expected


@pytest.fixture
def refused(execute, make_order, make_index, of_index, uv):
    """Have a build refused by the index, and a script run that prints what it sees."""
    index = make_index("another password")
    look = "import os\nfor name, value in os.environ.items(): print(name, value)"
    failed, other = execute(make_order("pass", "tool"), make_order(look), uv=uv, **of_index(index))
    return failed, other, index


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text


def test_the_token_is_not_in_what_is_seen(logged, refused):
    failed, other, index = refused
    assert failed.ending is Ending.NOT_RUN
    assert other.exit_code == 0
    assert index.asked[0] is not None
    assert index.command_lines != []
    seen = [failed.detail, failed.output.decode(), other.output.decode(), logged()]
    seen += [line.decode(errors="replace") for line in index.command_lines]
    assert [text for text in seen if any(secret in text for secret in MASKED)] == []


def test_a_token_that_cannot_be_read_is_named(
    execute, make_order, make_index, of_index, token_file
):
    index = make_index(TOKEN)
    token_file.unlink()

    (execution,) = execute(make_order("pass", "tool"), **of_index(index))

    assert execution.ending is Ending.NOT_RUN
    assert "GENEXEC_PYTHON_INDEX_TOKEN_FILE" in execution.detail


def test_settings_of_the_service_are_not_handed_on(execute, make_order, wheels, make_wheel, uv):
    make_wheel("tool")
    hostile = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_INDEX": "0", "UV_OFFLINE": "x"}

    (execution,) = execute(
        make_order("import tool\nprint(1)", "tool"), uv=uv, wheels=wheels, surroundings=hostile
    )

    assert (execution.output, execution.detail) == (b"1\n", "")


def test_the_proxy_of_the_service_is_used(execute, make_order, make_index, uv):
    proxy = make_index()

    execute(
        make_order("pass", "tool"),
        uv=uv,
        index="http://packages.invalid/simple/",
        surroundings={"http_proxy": proxy.address.removesuffix("/simple/")},
    )

    assert proxy.asked[0][0] == "http://packages.invalid/simple/tool/"
