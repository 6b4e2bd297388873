"""Shell text without what is not code: a scan, not a parser.

Blanks take the place of comments and quoted text, so that offsets and lines stay. Quotes,
`$(…)` in quotes and here-documents are followed; `case` patterns and arithmetic are taken
for ordinary words. Used by `shell_text`, which looks for patterns in the result.
"""

import re
from dataclasses import dataclass

_HERE = re.compile(r"<<(-?)\s*(['\"\\]?)(\w+)['\"]?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """Two views of a script, as long as the script itself."""

    code: str
    """Commands: without comments, quoted text and here-documents."""
    expanded: str
    """Where variables are replaced: without comments, single quotes, quoted here-documents."""


def scan(text: str) -> Scanned:
    """Return both views of *text*."""
    scanner = _Scanner(text)
    scanner.run()
    return Scanned(code="".join(scanner.code), expanded="".join(scanner.expanded))


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self.code = list(text)
        self.expanded = list(text)
        self._quotes = [False]
        """Innermost last: are we in double quotes?"""
        self._depth = [0]
        self._here: list[tuple[str, bool, bool]] = []

    def run(self) -> None:
        at = 0
        while at < len(self._text):
            at = self._quoted(at) if self._quotes[-1] else self._plain(at)

    def _blank(self, start: int, end: int, *, everywhere: bool) -> int:
        for i in range(start, min(end, len(self._text))):
            if self._text[i] != "\n":
                self.code[i] = " "
                if everywhere:
                    self.expanded[i] = " "
        return end

    def _plain(self, at: int) -> int:
        char = self._text[at]
        if char == "\\":
            return at + 2
        if char == "'":
            end = self._text.find("'", at + 1)
            return self._blank(at + 1, end if end > 0 else len(self._text), everywhere=True) + 1
        if char == "#" and (at == 0 or self._text[at - 1] in " \t\n;("):
            end = self._text.find("\n", at)
            return self._blank(at, end if end >= 0 else len(self._text), everywhere=True)
        if char == '"':
            self._quotes.append(True)
        elif char == "(":
            self._depth[-1] += 1
        elif char == ")":
            self._close()
        elif char == "<" and (here := _HERE.match(self._text, at)):
            self._here.append((here[3], bool(here[1]), bool(here[2])))
            return here.end()
        elif char == "\n" and self._here:
            return self._documents(at + 1)
        return at + 1

    def _close(self) -> None:
        if self._depth[-1] > 0:
            self._depth[-1] -= 1
        elif len(self._depth) > 1:
            self._depth.pop()
            self._quotes.pop()

    def _quoted(self, at: int) -> int:
        char = self._text[at]
        if char == "\\":
            return self._blank(at, at + 2, everywhere=True)
        if char == '"':
            self._quotes.pop()
            return at + 1
        if self._text.startswith("$(", at):
            self._blank(at, at + 1, everywhere=False)
            self._quotes.append(False)
            self._depth.append(0)
            return at + 2
        return self._blank(at, at + 1, everywhere=False)

    def _documents(self, at: int) -> int:
        for word, tabs, literal in self._here:
            pattern = rf"^{'	*' if tabs else ''}{re.escape(word)}$"
            end = re.compile(pattern, re.MULTILINE).search(self._text, at)
            stop = end.start() if end else len(self._text)
            self._blank(at, stop, everywhere=literal)
            at = self._blank(stop, end.end() if end else stop, everywhere=True)
        self._here.clear()
        return at
