"""Placeholders of `.http` files: what a word after a dollar stands for.

Where a value lands, and how it is encoded there, is `filling`'s business; the warnings and
`problems` name placeholders and lines, never values.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from service.errors import BadScript
from service.event import text
from service.http_file.grammar import HOST_END, HttpFile
from service.strict_json import Json

_DOLLAR = re.compile(r"\$(?:(\$)|\{([^{}\r\n]*)\}|([A-Za-z][A-Za-z0-9_]{0,1023}))", re.ASCII)
_PREFIXES = ("LABEL_", "VALUE_", "ENV_", "DATA_")
_FROM_OPERATOR = ("ENV_", "env.")
_TIMES = {"timestring", "timeutcstring", "timeutcms"}
_ATTRIBUTES = {"id", "source", "type", "specversion", "time", "subject", "datacontenttype", "data"}
_ATTRIBUTES |= {"shkeptncontext", "shkeptnspecversion", "triggeredid", "gitcommitid"}
_PATH = re.compile(r"[^.\[\]]+(?:\[\d{1,6}\]|\.[^.\[\]]+)*", re.ASCII)
_STEP = re.compile(r"\[\d+\]|[^.\[\]]+", re.ASCII)
_LOOKS_MEANT = re.compile(r"\$(?:\{.*|[A-Z][A-Z0-9]\w*)", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placeholder:
    """A placeholder, or a word after a dollar that could be taken for one."""

    text: str
    line: int
    known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Insert:
    """A value on its way into the text."""

    placeholder: str
    line: int
    value: Json
    from_operator: bool

    @property
    def text(self) -> str:
        return text(self.value)

    def misfit(self, why: str) -> BadScript:
        return BadScript(f"{self.placeholder} {why}", line=self.line)


class _Absent(Enum):
    VALUE = "a placeholder whose value the event lacks"
    MEANING = "any other word after a dollar"


Part = str | Insert


def placeholders(file: HttpFile, *, names: Collection[str]) -> tuple[Placeholder, ...]:
    """Return every word after a dollar; *names* are the names that variables may have."""
    values = Values(dict.fromkeys(names, ""), {}, {})
    texts = [(file.url, file.line), *((header.value, header.line) for header in file.headers)]
    texts.append((file.body or "", file.body_line))
    return tuple(
        Placeholder(text=match[0], line=line, known=values.meaning(match)[2] is not _Absent.MEANING)
        for where, start in texts
        for match, line in _dollars(where, start)
        if match[0] != "$$"
    )


def problems(file: HttpFile, *, names: Collection[str]) -> tuple[str, ...]:
    """Return what the author may not have meant, a sentence each, with its line."""
    found = [
        f"line {word.line}: {word.text} is no known placeholder and is sent as it stands"
        for word in placeholders(file, names=names)
        if not word.known and _LOOKS_MEANT.fullmatch(word.text)
    ]
    before = ""
    for part in Values(dict.fromkeys(names, ""), {}, {}).parts(file.url, file.line):
        if isinstance(part, Insert) and not part.from_operator and not HOST_END.match(before):
            found.append(f"line {part.line}: {part.placeholder} puts event data into the host")
        before += part if isinstance(part, str) else "x"
    return tuple(found)


class Values:
    """Finds what a placeholder stands for and remembers which stood for nothing."""

    def __init__(
        self, variables: Mapping[str, str], document: Mapping[str, Json], env: Mapping[str, str]
    ) -> None:
        self._variables = variables
        self._document = document
        self._env = {name.upper(): value for name, value in env.items()} | dict(env)
        self.warnings: list[str] = []

    def parts(self, template: str, line: int) -> Iterator[Part]:
        """Yield the author's text and the values in order."""
        at = 0
        for match, number in _dollars(template, line):
            yield template[at : match.start()]
            at = match.end()
            name, rest, value = self.meaning(match)
            if value is _Absent.MEANING:
                yield "$" if match[0] == "$$" else match[0]
                continue
            placeholder = match[0].removesuffix(rest)
            if value is _Absent.VALUE:
                self.warnings.append(f"line {number}: {placeholder} has no value and is left empty")
                value = ""
            yield Insert(
                placeholder=placeholder,
                line=number,
                value=value,
                from_operator=name.startswith(_FROM_OPERATOR),
            )
            yield rest
        yield template[at:]

    def meaning(self, match: re.Match[str]) -> tuple[str, str, Json | _Absent]:
        """Return the name, what follows the name in the same word, and the value."""
        if match[1]:
            return "", "", _Absent.MEANING
        if match[3] is None:
            return match[2], "", self._value(match[2], in_braces=True)
        name, rest = self._longest_name(match[3])
        return name, rest, self._value(name, in_braces=False)

    def _longest_name(self, word: str) -> tuple[str, str]:
        """Split `PROJECT_` of `$PROJECT_$STAGE` after the name; `$PROJECTS` is another word."""
        end = len(word)
        while end > 0:
            if word[:end] in self._variables:
                return word[:end], word[end:]
            if word.startswith(_PREFIXES) and word[end - 1] != "_":
                break
            end = word.rfind("_", 0, end)
        return word, ""

    def _value(self, name: str, *, in_braces: bool) -> Json | _Absent:
        if name in self._variables:
            return self._variables[name]
        if name.startswith(_PREFIXES):
            return _Absent.VALUE
        if not in_braces:
            return _Absent.MEANING
        if name in _TIMES:
            return self._variables.get(name.upper(), _Absent.VALUE)
        if name.startswith("env."):
            asked = name.removeprefix("env.")
            return self._env.get(asked, self._env.get(asked.upper(), _Absent.VALUE))
        found = self._from_event(name)
        if found is _Absent.VALUE and name not in _ATTRIBUTES and not name.startswith("data."):
            return _Absent.MEANING
        return found

    def _from_event(self, path: str) -> Json | _Absent:
        if not _PATH.fullmatch(path):
            return _Absent.VALUE
        value: Json = self._document
        for step in _STEP.findall(path):
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif step[0] == "[" and isinstance(value, list) and int(step[1:-1]) < len(value):
                value = value[int(step[1:-1])]
            else:
                return _Absent.VALUE
        return value


def _dollars(template: str, line: int) -> Iterator[tuple[re.Match[str], int]]:
    at = 0
    for match in _DOLLAR.finditer(template):
        line += template.count("\n", at, match.start())
        at = match.start()
        yield match, line
