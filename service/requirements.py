"""What packages a Python script declares: the block `# /// script` of PEP 723.

Read by `story` before a script starts and by `genexec check`. How requirements are written
is not ours to say: `packaging` knows. Making the environment is left to the engine.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from service.errors import BadScript

_FIRST = re.compile(rb"# /// ([a-zA-Z0-9-]+)")
_LAST = b"# ///"
_SLIP = re.compile(rb"\s*#\s*///\s*script\s*", re.IGNORECASE)
_TOML_LINE = re.compile(r"at line (\d+)")
_KNOWN = ("dependencies", "requires-python", "tool")
_MOST_PACKAGES = 200
_LONGEST_REQUIREMENT = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What a script asks for; equal when the same environment will do."""

    packages: tuple[str, ...] = ()
    """Requirements in their normal form, sorted, each once."""
    python: str = ""
    """Which versions of Python will do, such as `>=3.11`; empty for all."""


def read_requirements(content: bytes) -> Requirements | None:
    """Return what the block of a script asks for, None when it has none.

    Raises `BadScript` with the line number: a block that is misspelt must not be mistaken
    for one that was never written.
    """
    if b"///" not in content:
        return None
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    blocks = [(first, last) for kind, first, last in _blocks(lines) if kind == b"script"]
    if not blocks:
        _refuse_slips(lines)
        return None
    if len(blocks) > 1:
        raise BadScript("a second block `# /// script`; one is allowed", line=blocks[1][0] + 1)
    first, last = blocks[0]
    table = _table(lines[first + 1 : last], first + 1)
    for key in table:
        if key not in _KNOWN:
            line = _line_of(key, lines, first, last)
            raise BadScript(f"unknown field {key!r}; known: {', '.join(_KNOWN)}", line=line)
    return Requirements(
        packages=_packages(table, lines, first, last),
        python=_python(table, lines, first, last),
    )


def _blocks(lines: Sequence[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the blocks of any kind: kind, position of the first line and of the last.

    This is the regular expression of the PEP, written as a loop: with 100,000 opening lines
    that one takes minutes.
    """
    position = 0
    while position < len(lines):
        match = _FIRST.fullmatch(lines[position])
        if match is None:
            position += 1
            continue
        end, last = position + 1, 0
        while end < len(lines) and (lines[end] == b"#" or lines[end].startswith(b"# ")):
            if lines[end] == _LAST and end > position + 1:
                last = end
            end += 1
        if last:
            yield match[1], position, last
        position = last + 1 if last else end


def _refuse_slips(lines: Sequence[bytes]) -> None:
    for number, line in enumerate(lines, start=1):
        if line == b"# /// script":
            raise BadScript(
                "the block is not closed by a line `# ///`; all its lines begin with `# `",
                line=number,
            )
        if _SLIP.fullmatch(line):
            raise BadScript("a block begins with `# /// script`, like this", line=number)


def _table(lines: Sequence[bytes], above: int) -> Mapping[str, object]:
    text = b"\n".join(line[2:] for line in lines)
    try:
        return tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadScript("the block is not UTF-8", line=above) from error
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        line = above + int(match[1]) if match else above
        raise BadScript(f"not TOML: {str(error).partition(' (at ')[0]}", line=line) from error
    except RecursionError as error:
        raise BadScript("not TOML: nested too deeply", line=above) from error


def _packages(
    table: Mapping[str, object], lines: Sequence[bytes], first: int, last: int
) -> tuple[str, ...]:
    declared = table.get("dependencies", [])
    if not isinstance(declared, list) or not all(isinstance(one, str) for one in declared):
        line = _line_of("dependencies", lines, first, last)
        raise BadScript('write dependencies = ["requests>=2.31", …], a list of texts', line=line)
    if len(declared) > _MOST_PACKAGES:
        raise BadScript(f"more than {_MOST_PACKAGES} dependencies", line=first + 1)
    return tuple(sorted({_package(one, _line_of(one, lines, first, last)) for one in declared}))


def _package(text: str, line: int) -> str:
    """Return a requirement in its normal form. Raises `BadScript`."""
    if len(text) > _LONGEST_REQUIREMENT:
        raise BadScript(f"a dependency longer than {_LONGEST_REQUIREMENT} characters", line=line)
    if text.lstrip().startswith("-"):
        raise BadScript(f"{text!r}: options are set by the operator, not by a script", line=line)
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise BadScript(
            f"{text!r} is no requirement such as 'requests>=2.31': {reason}", line=line
        ) from error
    if requirement.url is not None:
        raise BadScript(
            f"{text!r} names an address; packages come from the operator's index or wheel "
            f"folder only: write '{requirement.name}==<version>'",
            line=line,
        )
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _python(table: Mapping[str, object], lines: Sequence[bytes], first: int, last: int) -> str:
    wanted = table.get("requires-python", "")
    try:
        if isinstance(wanted, str):
            return str(SpecifierSet(wanted))
    except InvalidSpecifier:
        pass
    line = _line_of("requires-python", lines, first, last)
    raise BadScript('write requires-python = ">=3.11"', line=line)


def _line_of(text: str, lines: Sequence[bytes], first: int, last: int) -> int:
    """Return the number of the line of the block that has *text*, else that of its first line."""
    wanted = text.encode("utf-8", "surrogatepass")
    number = next((n for n in range(first + 1, last) if wanted in lines[n]), first)
    return number + 1
