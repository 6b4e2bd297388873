"""What is found inside of scripts, with the line."""

import pytest

FOLDER = "generic-executor"
SH, PY, HTTP = (f"{FOLDER}/com.example.push.{suffix}" for suffix in ("sh", "py", "http"))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (SH, "# genexec: timeout=5m repeatable max-attempts=3\nexit 0\n"),
        (SH, "this is (not bash, but that is not looked at\n"),
        (PY, "# genexec: timeout=90s\nprint('hello')\n"),
        (PY, "# genexec: cold\nprint('hello')\n"),
        (PY, "print('\\d')\n"),
        (HTTP, "POST https://example.com/$PROJECT\nX-Label: $LABEL_anything\n\n${data.text}\n"),
    ],
)
def test_a_script_as_it_should_be_is_not_mentioned(findings, path, content):
    assert findings({path: content}) == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("\n\n# genexec: timeout=-1\n", 3, "'timeout=-1': write timeout=90s, 5m or 2h"),
        ("# genexec: repeatble\n", 1, "unknown directive 'repeatble'; known: "),
        ("#!/bin/bash\n# genexec: max-attempts=3\n", 2, "'max-attempts' needs 'repeatable'"),
        ("# genexec timeout=5m\n", 1, "a directive begins with `# genexec:`"),
        ("# genexec: timeout=1s\n# genexec: timeout=2s\n", 2, "'timeout' stands twice"),
        ("# genexec: " + "x" * 2000 + "\n", 1, "longer than 1000 bytes"),
    ],
)
def test_a_wrong_directive_is_an_error_with_its_line(findings, content, line, message):
    (found,) = findings({SH: content}, script_limit=9999)

    assert found.startswith(f"{SH}:{line}: error: ")
    assert message in found


@pytest.mark.parametrize(
    ("path", "content"),
    [(SH, "# genexec: cold\n"), (HTTP, "# genexec: cold\nGET https://example.com/\n")],
)
def test_a_directive_that_does_nothing_is_a_warning(findings, path, content):
    (found,) = findings({path: content})

    assert found == f"{path}: warning: the directive 'cold' is for .py files: it does nothing here"


def test_a_directive_below_line_20_is_not_looked_at(findings):
    assert findings({SH: "\n" * 20 + "# genexec: nonsense\n"}) == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("GET ftp://example.com/\n", 1, "the address must begin with http:// or https://"),
        ("# one\n\nPOST https://example.com/\nno colon\n", 4, "a header needs a colon"),
        ("GET http://a.example/\n\n###\nGET http://b.example/\n", 3, "'###' starts a further"),
        ("# nothing else\n", 2, "there is no request line"),
    ],
)
def test_a_request_that_cannot_be_read_is_an_error_with_its_line(findings, content, line, message):
    (found,) = findings({HTTP: content})

    assert found.startswith(f"{HTTP}:{line}: error: {message}")


def test_a_placeholder_that_no_event_fills_is_a_warning_with_its_line(findings):
    content = 'POST https://example.com/\nX-Project: $PROJECT\n\n{\n  "a": "$PROJEKT"\n}\n'

    (found,) = findings({HTTP: content})

    assert found.startswith(f"{HTTP}:5: warning: ")
    assert "$PROJEKT" in found


def test_python_that_does_not_compile_is_an_error_with_its_line(findings):
    (found,) = findings({PY: "import os\n\nprint('a'\n"})

    assert found.startswith(f"{PY}:3: error: not Python: ")


def test_python_with_a_zero_byte_is_an_error(findings):
    (found,) = findings({PY: "print('a')\0\n"})

    assert found.startswith(f"{PY}: error: not Python: ") or ":1: error: not Python" in found


def test_a_script_above_the_limit_is_an_error(findings):
    assert findings({SH: "#" * 101}, script_limit=100) == [
        f"{SH}: error: larger than 100 bytes (GENEXEC_SCRIPT_LIMIT): it is not run"
    ]


def test_declared_packages_are_noted(findings):
    content = '# /// script\n# dependencies = ["rich>=13", "Tabulate"]\n# ///\n'

    assert findings({PY: content}) == [
        f"{PY}: note: runs in an environment of its own: rich>=13, tabulate"
    ]


def test_a_wrong_block_is_an_error_with_its_line(findings):
    (found,) = findings({PY: '# /// script\n# dependencies = ["rich @ https://x/"]\n# ///\n'})

    assert found.startswith(f"{PY}:2: error: 'rich @ https://x/' names an address")


def test_an_empty_script_counts_as_absent(findings):
    assert findings({SH: ""}) == [
        f"{SH}: warning: an empty file counts as absent: the next level answers"
    ]


def test_a_script_of_blanks_is_not_said_to_be_absent(findings):
    assert "counts as absent" not in "".join(findings({SH: "\n \n"}))
