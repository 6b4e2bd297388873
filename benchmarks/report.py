"""The table, on the screen and in docs/performance.md between its two markers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import Bench, Row
from benchmarks.machine import described

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
_WORDS = {True: "yes", False: "**no**", None: "—"}


def report(bench: Bench, rows: Sequence[Row], *, took: float) -> str:
    """Return the measured part of the page."""
    when = f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC in {took:.0f} s"
    turns = f"medians of {bench.size.rounds} rounds that take turns"
    lines = [
        f"{when}; {turns}; {bench.quiet.remark()}.",
        "",
        *(f"- {line}" for line in described(bench.folder)),
        "",
        "| Ratio | Measured | Goal | Reached | How |",
        "|---|---:|---:|---|---|",
        *(_line(row) for row in rows),
        "",
        *bench.remarks,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(row: Row) -> str:
    value = "not measured" if row.value is None else f"{row.value:.2f}"
    return f"| {row.what} | {value} | {row.goal} | {_WORDS[row.reached]} | {row.how} |"


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the markers; the rest of the page is written by hand."""
    whole = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(whole)) != 1:
        raise ValueError(f"{page.name} does not have {BEGIN} and {END}, once each")
    beside = page.with_suffix(".new")
    beside.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}{END}", whole), encoding="utf-8")
    beside.replace(page)
