"""The ledger: what a campaign came to, as a table to read and as JSON to keep."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from campaign.evidence import Evidence
from campaign.promises import Finding, answers_to

COLUMNS = (
    "events", "accepted", "sent_again", "script_starts", "started", "finished", "missing",
    "doubled", "stuck", "escaped", "leaked", "other",
)  # fmt: skip
_WORSE = {
    "R1": "missing", "R2": "doubled", "R3": "doubled", "R4": "escaped", "R11": "leaked",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One chapter."""

    chapter: str
    promises: Sequence[str] = ()
    """Which ones it makes trouble for."""
    counts: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, object] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    skipped: str = ""
    folder: str = ""


def entry_of(
    chapter: str, evidence: Evidence, findings: Sequence[Finding], figures: Mapping[str, object]
) -> Entry:
    """Return the entry of a chapter that was played to its end."""
    answers = answers_to(evidence)
    broken = Counter(finding.column or _WORSE.get(finding.promise, "other") for finding in findings)
    counts = {
        "events": len(evidence.events),
        "accepted": len(evidence.accepted),
        "sent_again": len(evidence.repeated),
        "script_starts": sum(sign.what == "start" for sign in evidence.signs),
        "started": sum(len(kinds["started"]) for kinds in answers.values()),
        "finished": sum(len(kinds["finished"]) for kinds in answers.values()),
        **{name: broken[name] for name in COLUMNS[6:]},
    }
    states = Counter(str(run.state) for runs in evidence.runs.values() for run in runs)
    more = {
        **figures,
        "runs": dict(sorted(states.items())),
        "attempts_to_deliver": evidence.received,
        "slowest_start_s": round(evidence.slowest_start, 1),
    }
    return Entry(chapter=chapter, counts=counts, figures=more, findings=findings)


def as_table(entries: Sequence[Entry]) -> str:
    """Return the ledger as a table with a line per chapter and one for all."""
    rows = [["chapter", *(name.replace("_", " ") for name in COLUMNS)]]
    total: Counter[str] = Counter()
    for entry in entries:
        total.update(entry.counts)
        cells = [str(entry.counts[name]) if entry.counts else "-" for name in COLUMNS]
        rows.append([entry.chapter, *cells])
    rows.append(["all", *(str(total[name]) for name in COLUMNS)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def as_document(entries: Sequence[Entry], **about: object) -> dict[str, object]:
    """Return the ledger for a program."""
    return {**about, "chapters": [asdict(entry) for entry in entries]}
