"""The grammar of `# genexec:` comments (GT-20)."""

import pytest

from service.directives import Directives, read_directives
from service.errors import BadScript


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("# genexec: timeout=90s", Directives(timeout=90)),
        ("# genexec: timeout=90", Directives(timeout=90)),
        ("# genexec: timeout=1", Directives(timeout=1)),
        ("# genexec: timeout=5m", Directives(timeout=300)),
        ("# genexec: timeout=2h", Directives(timeout=7200)),
        ("# genexec: timeout=24h", Directives(timeout=86400)),
        ("# genexec: repeatable", Directives(repeatable=True, max_attempts=3)),
        ("# genexec: repeatable max-attempts=5", Directives(repeatable=True, max_attempts=5)),
        ("# genexec: max-attempts=1 repeatable", Directives(repeatable=True, max_attempts=1)),
        ("# genexec: repeatable max-attempts=100", Directives(repeatable=True, max_attempts=100)),
        (
            "# genexec: timeout=5m repeatable max-attempts=3",
            Directives(timeout=300, repeatable=True, max_attempts=3),
        ),
        ("# genexec: cold", Directives(cold=True)),
        ("# genexec: cold timeout=5m", Directives(cold=True, timeout=300)),
        ("#genexec:timeout=5m", Directives(timeout=300)),
        ("  \t# genexec:  timeout=5m  ", Directives(timeout=300)),
        ("# genexec: timeout=5m\r", Directives(timeout=300)),
        ("# genexec:", Directives()),
        ("echo '# genexec: nonsense'", Directives()),
        ("## genexec: nonsense", Directives()),
        ("# about genexec: nonsense", Directives()),
        ("", Directives()),
    ],
)
def test_a_directive_says_how_the_script_wants_to_be_run(line, asked):
    assert read_directives(f"#!/bin/bash\n{line}\necho done\n".encode()) == asked


@pytest.mark.parametrize(
    "words",
    [
        "timeout", "timeout=", "timeout=0", "timeout=-1", "timeout=0s", "timeout=1.5m", "=",
        "timeout=5 m", "timeout=5d", "timeout=5M", "timeout=25h", "timeout=86401", "timeout=٣",
        "timeout=9999999", "timeout=5m,", "Timeout=5m", "timeout=5m timeout=5m", "timeout=5m # ten",
        "repeatble", "repeatable=yes", "repeatable=", "Repeatable", "repeatable repeatable",
        "repeatable max-attempts", "repeatable max-attempts=", "repeatable max-attempts=0",
        "repeatable max-attempts=101", "repeatable max-attempts=-1", "repeatable max-attempts=1.5",
        "repeatable max_attempts=3", "max-attempts=3", "\xff",
        "repeatable max-attempts=٣", "cold=yes", "Cold", "cold cold", "warm",
    ],
)  # fmt: skip
def test_a_malformed_directive_is_an_error_with_its_line(words):
    content = b"#!/bin/bash\n\n# genexec: " + words.encode("utf-8") + b"\necho done\n"

    with pytest.raises(BadScript, match=r"^line 3: ") as refusal:
        read_directives(content)

    assert refusal.value.line == 3


def test_directives_may_stand_on_several_lines():
    content = b"# genexec: timeout=5m\n# words\n# genexec: repeatable\n"

    assert read_directives(content) == Directives(timeout=300, repeatable=True, max_attempts=3)


def test_a_directive_that_stands_on_two_lines_is_an_error_at_the_second():
    with pytest.raises(BadScript, match=r"line 3: .*'timeout' stands twice"):
        read_directives(b"# genexec: timeout=5m\n\n# genexec: timeout=6m\n")


def test_max_attempts_without_repeatable_is_an_error_at_its_line():
    with pytest.raises(BadScript, match="line 2: 'max-attempts' needs 'repeatable'"):
        read_directives(b"# genexec: timeout=5m\n# genexec: max-attempts=3\n")


@pytest.mark.parametrize(("above", "asked"), [(19, 300), (20, None), (500, None)])
def test_only_the_first_20_lines_are_looked_at(above, asked):
    content = b"\n" * above + b"# genexec: timeout=5m\n"

    assert read_directives(content).timeout == asked


def test_what_stands_below_line_20_is_not_even_an_error():
    assert read_directives(b"\n" * 20 + b"# genexec: nonsense\n") == Directives()


@pytest.mark.parametrize("size", [1_001, 200_000])
def test_a_directive_of_enormous_length_is_an_error(size):
    with pytest.raises(BadScript, match="line 1: longer than 1000 bytes"):
        read_directives(b"# genexec: timeout=5m".ljust(size) + b"\n")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"\xff\xfe", b"#" * 200_000, b" " * 200_000]
)
def test_any_other_content_asks_for_nothing(content):
    assert read_directives(content) == Directives()
