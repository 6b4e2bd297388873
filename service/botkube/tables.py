"""Tables as programs print them, read back into rows.

`blueprints` names the form: columns aligned with blanks, TSV, CSV, JSON, or boxes drawn with
lines. Names of columns are written as words without blanks: `APP VERSION` is `AppVersion`.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_MOST_ROWS = 2000
_SEPARATORS: Mapping[str, str] = {"tsv": "\t", "csv": ","}
_DEEPEST = 3
_GAP = re.compile(r"\s{2,}(?=\S)")
_WORDS = re.compile(r"[\s_./:-]+")
_NO_NAME = re.compile(r"[^A-Za-z0-9]")
_EDGE = re.compile(r"[│┃║|]")
_RULE = re.compile(r"[\s│┃║|─━═┄┈╌+:=\u2500-\u257f-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What a program has printed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    """The header and each row, as they are shown."""

    def row(self, number: int) -> dict[str, str]:
        """Return a row by the names of its columns."""
        return dict(zip(self.columns, self.rows[number], strict=False))


def column_name(text: str) -> str:
    """Return the name by which a template knows a column."""
    words = _WORDS.split(text.strip())
    return "".join(_NO_NAME.sub("", word).lower().capitalize() for word in words)


def read_table(form: str, text: str, *, columns: Sequence[str] = ()) -> Table:
    """Return the table in *text*; one without rows when there is none.

    *form* is one of `FORMS`. *columns* name what is printed without a header (TSV, CSV).
    """
    if columns:
        text = _SEPARATORS.get(form, "  ").join(columns) + "\n" + text
    return FORMS[form](text)


def _space(text: str) -> Table:
    lines = [line for line in text.replace("\t", "  ").split("\n") if line.strip()]
    if not lines:
        return _table([], [])
    starts = [0, *(match.end() for match in _GAP.finditer(lines[0])), None]
    spans = list(pairwise(starts))
    cells = [[line[start:end].strip() for start, end in spans] for line in lines]
    return _table(cells, lines)


def _tsv(text: str) -> Table:
    cells = [line.split("\t") for line in text.split("\n") if line.strip()]
    return _table([[cell.strip() for cell in row] for row in cells])


def _csv(text: str) -> Table:
    try:
        return _table([row for row in csv.reader(io.StringIO(text)) if row])
    except csv.Error:
        return _table([])


def _box(text: str) -> Table:
    cells = []
    for line in text.split("\n"):
        stripped = line.strip()
        if _EDGE.search(stripped) and not _RULE.fullmatch(stripped):
            inner = _EDGE.split(stripped)
            first, last = not inner[0].strip(), not inner[-1].strip()
            cells.append([cell.strip() for cell in inner[first : len(inner) - last]])
    return _table(cells)


def _json(text: str) -> Table:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return _table([])
    if isinstance(read, Mapping):
        lists = [value for value in read.values() if isinstance(value, list)]
        read = read.get("items", lists[0] if len(lists) == 1 else [read])
    listed = read if isinstance(read, list) else []
    rows = [dict(_flat(one, (), 0)) for one in listed if isinstance(one, Mapping)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _table([names, *([row.get(name, "") for name in names] for row in rows)])


def _flat(value: object, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _flat(inner, (*path, str(key)), depth + 1)
    elif not isinstance(value, Mapping | list):
        texts = {True: "true", False: "false", None: ""}
        shown = texts[value] if value is None or isinstance(value, bool) else str(value)
        yield ".".join(path), shown


def _table(cells: Sequence[Sequence[str]], lines: Sequence[str] = ()) -> Table:
    if not cells:
        return Table(columns=(), rows=(), lines=())
    width = len(cells[0])
    rows = [tuple([*row, *[""] * width][:width]) for row in cells[: _MOST_ROWS + 1]]
    if not lines:
        widths = [max(len(row[column]) for row in rows) for column in range(width)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    return Table(
        columns=tuple(column_name(cell) for cell in rows[0]),
        rows=tuple(rows[1:]),
        lines=tuple(lines[: _MOST_ROWS + 1]),
    )


FORMS: Mapping[str, Callable[[str], Table]] = {
    "space": _space,
    "tsv": _tsv,
    "csv": _csv,
    "json": _json,
    "box": _box,
}
