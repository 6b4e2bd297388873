"""A decision put into words: which names were looked up where, and what runs.

Made from the very values that `handling` acts on (see `decision`). As a dictionary it is the
machine-readable form, which the API answers with; the words for a person are made of that,
so that `genexec explain` prints the same about a service far away.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.decision import Decision
from service.event import Event
from service.keptn_events import Belonging, Reply
from service.masks import Masks
from service.scripts import Level, Row, Verdict
from service.variables import Variables

_REPLIES: Mapping[str, str] = {
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
        "first_only": decision.meaning.first_only,
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


def as_lines(explained: Mapping[str, Any]) -> Iterator[str]:
    """Yield for a person what `as_dict` has returned, here or at a service."""
    event = explained["event"]
    where = " / ".join(
        filter(None, (explained[level] for level in ("project", "stage", "service")))
    )
    yield f"event     {event['type']}  (family {explained['family']}, id {event['id']})"
    yield f"belongs   {where or 'to no project'}"
    yield f"answers   {_REPLIES.get(explained['answers'], explained['answers'])}"
    rows = explained["candidates"]
    if rows:
        yield ""
        yield from _table(rows)
    yield ""
    if explained["note"] or explained["problem"]:
        yield f"note      {explained['note'] or explained['problem']}"
    if explained["ignored"]:
        yield f"runs      nothing: {explained['ignored']}"
    for position, found in enumerate(explained["runs"]):
        at = f" at commit {found['commit'][:12]}" if found["commit"] else ""
        problem = f"   CANNOT RUN: {found['problem']}" if found["problem"] else ""
        own = (row for row in rows if row["name"] == found["script"] and _there(row))
        yield f"{'runs      ' if not position else '  then    '}{found['path']}"
        yield f"          {found['level']} level{_branch(next(own, {}))}{at}{problem}"
    reason = _reason(explained)
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


def _table(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    names = list(dict.fromkeys(row["name"] for row in rows))
    width = max(map(len, names))
    levels = {level: [r for r in rows if r["level"] == level] for level in Level}
    levels = {level: inside for level, inside in levels.items() if inside}
    yield f"{'name':{width}}  " + "  ".join(f"{level:12}" for level in levels)
    for name in names:
        words = [_word([r for r in inside if r["name"] == name]) for inside in levels.values()]
        yield f"{name:{width}}  " + "  ".join(f"{word:12}" for word in words).rstrip()
    in_git = any(row["commit"] for row in rows)
    for level, inside in levels.items():
        # What was found may be older than the place it was found at.
        commits = [row["commit"] for row in sorted(inside, key=_there)]
        commit = next(filter(None, commits), "")
        state = f"commit {commit[:12]}" if commit else "read as it is"
        if in_git and not commit:
            state = "no such branch"
        folders = ", ".join(dict.fromkeys(f"{row['folder']}/" for row in inside))
        yield f"  {level:8} {folders}{_branch(inside[0])}  {state}"


def _word(rows: Sequence[Mapping[str, str]]) -> str:
    """Return one word for a name on a level that may have two folders."""
    return next((row["verdict"] for row in rows if _there(row)), Verdict.ABSENT)


def _there(row: Mapping[str, str]) -> bool:
    return row["verdict"] != Verdict.ABSENT


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


def _branch(row: Mapping[str, str]) -> str:
    return f" on branch {row['branch']}" if row.get("branch") else ""


def _reason(explained: Mapping[str, Any]) -> str:
    if not explained["runs"]:
        return ""
    parts = []
    if explained.get("first_only"):
        parts.append("an action is done by one script, the first one found")
    elif len(explained["runs"]) > 1:
        parts.append("all scripts found run, one after another")
    rows = explained["candidates"]
    for row in rows:
        if row["verdict"] != Verdict.SHADOWED:
            continue
        winner = next(one for one in rows if one["name"] == row["name"] and _there(one))
        kind = "the same content" if row["blob"] == winner["blob"] else "other content"
        parts.append(
            f"{row['name']} on {row['level']} level ({kind}) is shadowed "
            f"by the one on {winner['level']} level"
        )
    return "; ".join(parts)
