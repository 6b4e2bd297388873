"""The block `# /// script` of a Python script, read strictly."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import requirements
from service.errors import BadScript
from service.requirements import Requirements, read_requirements

OF_THE_PEP = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def block(*lines):
    return "\n".join(["# /// script", *lines, "# ///", ""]).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"print('no block')\n",
        b"# see https://example.com/// for more\n",
        b"# /// other\n# x = 1\n# ///\n",
        b"\xff\xfe /// not text\n",
        b'text = """\n # /// script: not at the beginning of a line\n"""\n',
    ],
)
def test_a_script_without_a_block_asks_for_nothing(content):
    assert read_requirements(content) is None


def test_packages_and_python_are_read():
    content = b"#!/usr/bin/env python3\n" + block(
        "# requires-python = '>=3.11'",
        "# dependencies = [",
        '#   "requests>=2.31",',
        "#   'rich',",
        "# ]",
        "#",
        "# [tool.anything]",
        "# key = 1",
    )

    assert read_requirements(content) == Requirements(
        packages=("requests>=2.31", "rich"), python=">=3.11"
    )


def test_an_empty_block_asks_for_an_empty_environment():
    assert read_requirements(block("#")) == Requirements()


def test_lines_may_end_as_on_windows():
    content = block('# dependencies = ["rich"]').replace(b"\n", b"\r\n")

    assert read_requirements(content) == Requirements(packages=("rich",))


def test_what_needs_the_same_environment_is_equal():
    one = block('# dependencies = ["Zope.Interface [test] >=5,<7", "rich", "rich"]')
    other = block('# dependencies = ["rich", "zope-interface[test]<7,>=5"]')

    assert read_requirements(one) == read_requirements(other)


WRONG = {
    "twice": (
        block('# dependencies = ["a"]') + b"\n" + block('# dependencies = ["b"]'),
        5,
        "a second block",
    ),
    "not closed": (b"\n# /// script\n# dependencies = []\nprint()\n", 2, "not closed"),
    "a line without a blank": (b"# /// script\n#x = 1\n# ///\n", 1, "not closed"),
    "no blank": (b"import os\n#/// script\n# dependencies = []\n# ///\n", 2, "begins with"),
    "capitals": (b"# /// Script\n# x\n# /// \n", 1, "begins with"),
    "indented": (b" # /// script\n", 1, "begins with"),
    "not TOML": (block("# dependencies = [", '#   "a"', "# oops = 1"), 4, "not TOML: "),
    "not UTF-8": (b"# /// script\n# x = '\xff'\n# ///\n", 1, "not UTF-8"),
    "too deep": (block("# dependencies = " + "[" * 9000), 1, "nested too deeply"),
    "unknown field": (block("#", "# dependancies = []"), 3, "unknown field 'dependancies'"),
    "no list": (block('# dependencies = "rich"'), 2, "a list of texts"),
    "no texts": (block("# dependencies = [1]"), 2, "a list of texts"),
    "no requirement": (
        block("# dependencies = [", '#   "rich",', '#   "rich >> 2",', "# ]"),
        4,
        "'rich >> 2' is no requirement",
    ),
    "an option": (
        block('# dependencies = ["--index-url http://x/"]'),
        2,
        "options are set by the operator",
    ),
    "a file": (block('# dependencies = ["-r other.txt"]'), 2, "options are set by the operator"),
    "an address": (
        block('# dependencies = ["rich @ https://x/rich.whl"]'),
        2,
        "write 'rich==<version>'",
    ),
    "a path": (block('# dependencies = ["rich @ file:///etc"]'), 2, "names an address"),
    "a folder": (block('# dependencies = ["./rich"]'), 2, "is no requirement"),
    "a line break": (block('# dependencies = ["rich\\n--index-url x"]'), 1, "is no requirement"),
    "too long": (block(f'# dependencies = ["{"a" * 501}"]'), 2, "longer than 500"),
    "too many": (block(f"# dependencies = {['a'] * 201}"), 1, "more than 200"),
    "a wrong Python": (block('# requires-python = "3.11"'), 2, 'write requires-python = ">=3.11"'),
    "no text": (block("# requires-python = 3.11"), 2, 'write requires-python = ">=3.11"'),
}


@pytest.mark.parametrize(("content", "line", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_block_is_refused_with_its_line(content, line, message):
    with pytest.raises(BadScript) as caught:
        read_requirements(content)

    assert str(caught.value).startswith(f"line {line}: ")
    assert message in str(caught.value)


def test_a_hundred_thousand_opening_lines_take_no_time():
    with pytest.raises(BadScript, match="not closed"):
        read_requirements(b"# /// script\n" * 100_000)


LINES = st.sampled_from(["# /// script", "# /// other", "# ///", "#", "# x", "#x", "", "x = 1"])


@given(lines=st.lists(LINES, max_size=12))
@settings(max_examples=400)
def test_blocks_are_those_of_the_reference_expression(lines):
    text = "\n".join(lines)
    expected = [
        (match["type"], text[: match.start()].count("\n"), text[: match.end()].count("\n"))
        for match in OF_THE_PEP.finditer(text)
    ]

    found = requirements._blocks(text.encode().split(b"\n"))

    assert [(kind.decode(), first, last) for kind, first, last in found] == expected
