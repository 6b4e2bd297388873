"""A decision put into words: which names were looked up where, and what runs.

Made from the very values that `handling` acts on (see `decision`). `genexec explain` prints
it; as a dictionary it is the machine-readable form.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.decision import Decision
from service.event import Event
from service.keptn_events import Belonging, Reply
from service.masks import Masks
from service.scripts import Level, Place, Row, Verdict
from service.variables import Variables

_REPLIES = {
    Reply.ACTION: "action.started before, action.finished after",
    Reply.TASK: "one .started before the first script, one .finished after the last",
    Reply.NONE: "none; only events that scripts ask for",
}


def as_dict(event: Event, belonging: Belonging, decision: Decision) -> dict[str, Any]:
    """Return everything that led to the decision, ready for JSON."""
    listing = decision.listing
    return {
        "event": {"type": event.type, "id": event.id, "source": event.source},
        "family": decision.meaning.family,
        "project": belonging.project,
        "stage": belonging.stage,
        "service": belonging.service,
        "answers": decision.meaning.reply,
        "ignored": decision.ignored,
        "fresh": listing.fresh if listing else True,
        "note": listing.note if listing else "",
        "problem": listing.problem if listing else "",
        "candidates": [_row(row, decision) for row in decision.plan.rows],
        "runs": [
            {
                "script": found.name,
                "level": found.place.level,
                "path": found.path,
                "commit": found.commit,
                "blob": found.blob,
                "problem": found.problem,
            }
            for found in decision.plan.scripts
        ],
    }


def as_lines(event: Event, belonging: Belonging, decision: Decision) -> Iterator[str]:
    """Yield the explanation for a person."""
    where = " / ".join(filter(None, (belonging.project, belonging.stage, belonging.service)))
    yield f"event     {event.type}  (family {decision.meaning.family}, id {event.id})"
    yield f"belongs   {where or 'to no project'}"
    yield f"answers   {_REPLIES[decision.meaning.reply]}"
    if decision.question is not None:
        yield ""
        yield from _table(decision)
    yield ""
    if decision.listing and (decision.listing.note or decision.listing.problem):
        yield f"note      {decision.listing.note or decision.listing.problem}"
    if decision.ignored:
        yield f"runs      nothing: {decision.ignored}"
    for position, found in enumerate(decision.plan.scripts):
        at = f" at commit {found.commit[:12]}" if found.commit else ""
        problem = f"   CANNOT RUN: {found.problem}" if found.problem else ""
        yield f"{'runs      ' if not position else '  then    '}{found.path}"
        yield f"          {found.place.level} level{_branch(found.place)}{at}{problem}"
    reason = _reason(decision)
    if reason:
        yield f"why       {reason}"


def variable_lines(variables: Variables, masks: Masks) -> Iterator[str]:
    """Yield every variable with its value (secrets masked) and its origin."""
    width = max(len(item.name) for item in variables.items)
    for item in variables.items:
        value = masks.text(item.value).encode("unicode_escape").decode("ascii")
        shown = value if len(value) <= 100 else f"{value[:100]}… ({len(item.value)} characters)"
        yield f"{item.name:{width}} = {shown}   [{item.origin}]"
    for name in variables.skipped:
        yield f"{name:{width}}   left out: too large, or not possible in an environment"
    yield from (f"warning: {warning}" for warning in variables.warnings)


def variable_dicts(variables: Variables, masks: Masks) -> list[Mapping[str, str]]:
    """Return every variable, secrets masked, ready for JSON."""
    return [
        {"name": item.name, "value": masks.text(item.value), "origin": item.origin}
        for item in variables.items
    ]


def _table(decision: Decision) -> Iterator[str]:
    listing, question = decision.listing, decision.question
    if listing is None or question is None:
        return
    width = max(len(name) for name in question.names)
    levels = {level: [p for p in question.places if p.level is level] for level in Level}
    yield f"{'name':{width}}  " + "  ".join(f"{level:12}" for level in Level if levels[level])
    rows = {(row.candidate.name, row.place): row for row in decision.plan.rows}
    for name in question.names:
        words = [
            _word([rows[name, place] for place in places]) for places in levels.values() if places
        ]
        yield f"{name:{width}}  " + "  ".join(f"{word:12}" for word in words).rstrip()
    for level, places in levels.items():
        commit = next((listing.commits[place] for place in places if place in listing.commits), "")
        state = f"commit {commit[:12]}" if commit else "read as it is"
        if places and places[0] not in listing.commits and listing.commits:
            state = "no such branch"
        folders = ", ".join(f"{place.folder}/" for place in places)
        if places:
            yield f"  {level:8} {folders}{_branch(places[0])}  {state}"


def _word(rows: list[Row]) -> str:
    """Return one word for a name on a level that may have two folders."""
    found = [row.verdict for row in rows if row.verdict is not Verdict.ABSENT]
    return found[0] if found else Verdict.ABSENT


def _row(row: Row, decision: Decision) -> dict[str, Any]:
    commits = decision.listing.commits if decision.listing else {}
    return {
        "name": row.candidate.name,
        "level": row.place.level,
        "branch": row.place.branch or "",
        "folder": row.place.folder,
        "verdict": row.verdict,
        "commit": row.found.commit if row.found else commits.get(row.place, ""),
        "blob": row.found.blob if row.found else "",
    }


def _branch(place: Place) -> str:
    return f" on branch {place.branch}" if place.branch else ""


def _reason(decision: Decision) -> str:
    if not decision.plan.scripts:
        return ""
    parts = []
    if decision.meaning.first_only:
        parts.append("an action is done by one script, the first one found")
    elif len(decision.plan.scripts) > 1:
        parts.append("all scripts found run, one after another")
    shadowed = [row for row in decision.plan.rows if row.verdict is Verdict.SHADOWED]
    for row in shadowed:
        winner = next(f for f in decision.plan.rows if f.candidate == row.candidate and f.found)
        same = row.found and winner.found and row.found.blob == winner.found.blob
        kind = "the same content" if same else "other content"
        parts.append(
            f"{row.candidate.name} on {row.place.level} level ({kind}) is shadowed "
            f"by the one on {winner.place.level} level"
        )
    return "; ".join(parts)
