"""Messages about scripts, runs and the engine.

`answering` fetches what they show. On platforms without buttons `rendering` writes the
commands of the buttons below each other, so a card offers the same everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence

from service.botkube.commands import write_place
from service.botkube.description import NAME
from service.botkube.display import one_line, table
from service.botkube.messages import Button, Input, Message, Section
from service.botkube.permission import title_of_run
from service.botkube.typed import quoted
from service.desk import Listed, Ran, Shown
from service.keptn_events import Belonging
from service.scripts import CATCH_ALL, Verdict
from service.states import State
from service.strict_json import Json
from service.times import time_string

_SIGNS: Mapping[State, str] = {
    State.PASSED: "✅",
    State.WARNED: "⚠️",
    State.FAILED: "❌",
    State.ERRORED: "❌",
    State.TIMED_OUT: "⏱️",
    State.INTERRUPTED: "❌",
    State.CANCELLED: "🚫",
    State.IGNORED: "💤",
}
_UNDER_WAY = "⏳"
_PROPOSABLE = {"run", "action", "send"}
_LONGEST = 600
"""Characters of a proposed command."""
_CAPTION = 40


def run_card(ran: Ran, *, engine: str, once: str, note: str = "") -> Message:
    """Return what is known of a run, and what can be done with it.

    *once* makes a second click on the same `Rerun` harmless.
    """
    seconds = "" if ran.seconds is None else f"{ran.seconds:.1f} s"
    words = [ran.reason, ran.result, ran.message]
    section = Section(
        header=f"{_SIGNS.get(ran.state, _UNDER_WAY)} {title_of_run(ran)} {ran.state}",
        text="\n".join(dict.fromkeys(word for word in words if word)),
        fields=(
            ("Run", ran.id),
            ("Context", write_place(ran.place)),
            ("Script", ran.script),
            ("Commit", ran.commit[:12]),
            ("Duration", seconds),
            ("Asked by", ran.asked_by),
            ("Engine", engine),
            ("Accepted", time_string(ran.accepted_at)),
        ),
        buttons=tuple(_run_buttons(ran, once)),
        notes=(note,) if note else (),
    )
    return Message(sections=(section,), replaces=True)


def started_card(run: str, *, what: str, engine: str, note: str) -> Message:
    """Return a card for a run of which nothing is known yet."""
    section = Section(
        header=f"{_UNDER_WAY} {what} started",
        fields=(("Run", run), ("Engine", engine)),
        buttons=tuple(_open_buttons(run)),
        notes=(note,),
    )
    return Message(sections=(section,))


def list_card(scripts: Sequence[Listed], place: Belonging, *, form: Section) -> Message:
    """Return the scripts of a place as a table, with selects to go on."""
    rows = [("SCRIPT", "LEVEL", "ABOUT")]
    rows += [(one.name, one.level, one_line(one.about, longest=60)) for one in scripts]
    where = write_place(place)
    tail = f" {where}" if where else ""
    head = Section(
        header=f"Scripts of {where or 'every place'}",
        code=table(rows),
        notes=(f"show NAME{tail} · explain TYPE{tail} · run TYPE{tail}",),
    )
    return Message(sections=(head, form) if form.selects else (head,))


def script_card(shown: Shown) -> Message:
    """Return the text of a script."""
    listed = shown.listed
    section = Section(
        header=listed.name,
        fields=(
            ("Level", listed.level),
            ("Path", listed.path),
            ("Branch", listed.branch),
            ("Commit", listed.commit[:12]),
        ),
        code=shown.text,
    )
    return Message(sections=(section,))


def explain_card(explained: Mapping[str, Json]) -> Message:
    """Return which scripts would run, why, and which names were looked up where."""
    runs = [_text(one, "path") for one in _mappings(explained.get("runs"))]
    commits = {_text(one, "commit")[:12] for one in _mappings(explained.get("runs"))} - {""}
    event = explained.get("event")
    looked_up = _mappings(explained.get("candidates"))
    found = [row for row in looked_up if _text(row, "verdict") != Verdict.ABSENT]
    rows = [[_text(row, name) for name in ("name", "level", "folder", "verdict")] for row in found]
    why = [_text(explained, key) for key in ("ignored", "note", "problem")]
    section = Section(
        header=f"{_text(event, 'type') if isinstance(event, Mapping) else 'This event'} would run "
        + (f"{len(runs)} script{'' if len(runs) == 1 else 's'}" if runs else "nothing"),
        text="\n".join(word for word in why if word),
        fields=(("Commit", ", ".join(sorted(commits))), ("Answers", _text(explained, "answers"))),
        bullets=tuple(runs),
        code=table([["NAME", "LEVEL", "FOLDER", "VERDICT"], *rows]) if rows else "",
        notes=tuple(_looked_up(looked_up)),
    )
    return Message(sections=(section,))


def runs_card(runs: Sequence[Ran], place: Belonging, *, form: Section) -> Message:
    """Return the latest runs as a table."""
    where = write_place(place)
    rows = [("RUN", "STATE", "WHAT", "CONTEXT", "WHEN")]
    rows += [
        (r.id, r.state, title_of_run(r), write_place(r.place), time_string(r.accepted_at)[:19])
        for r in runs
    ]
    head = Section(
        header="Latest runs" + (f" of {where}" if where else ""),
        code=table(rows) if runs else "",
        text="" if runs else "There are none yet.",
        notes=("status RUN · logs RUN · rerun RUN",) if runs else (),
    )
    return Message(sections=(head, form) if form.selects else (head,))


def logs_card(run: str, text: str, *, note: str) -> Message:
    """Return what the scripts of a run wrote."""
    section = Section(
        header=f"Logs of {run}",
        code=text,
        text="" if text.strip() else "Nothing was written.",
        buttons=(Button(name="Run", command=f"status {quoted((run,))}"),),
        inputs=(Input(label="Only lines with", command=f"logs {quoted((run,))} --grep "),),
        notes=(note,) if note else (),
    )
    return Message(sections=(section,))


def status_card(status: Mapping[str, Json], *, engine: str, refused: int) -> Message:
    """Return how the engine is."""
    section = Section(
        header="Engine",
        fields=(("Answers", engine), ("Refused since start", str(refused))),
        code="\n".join(_flat(status, "")),
        buttons=(Button(name="Refresh", command="status"),),
    )
    return Message(sections=(section,), replaces=True)


def problem_card(text: str, *, commands: Sequence[str] = (), code: str = "") -> Message:
    """Return what went wrong, and commands that may do instead."""
    buttons = tuple(Button(name=one_line(c, longest=60), command=c) for c in commands)
    return Message(sections=(Section(text=text, code=code, buttons=buttons),))


def _looked_up(rows: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """Yield names and places once each; most of them meet nowhere."""
    names = dict.fromkeys(_text(row, "name") for row in rows)
    places = dict.fromkeys(
        " on branch ".join(filter(None, (_text(row, "folder"), _text(row, "branch"))))
        for row in rows
    )
    if rows:
        yield f"Looked for {', '.join(names)}"
        yield f"Looked in {', '.join(places)}"


def _run_buttons(ran: Ran, once: str) -> Iterator[Button]:
    if not ran.state.ended:
        yield from _open_buttons(ran.id)
        return
    run = quoted((ran.id,))
    yield Button(name="Rerun", command=f"rerun {run} --once {once}")
    yield Button(name="Logs", command=f"logs {run}")
    title, place = title_of_run(ran), write_place(ran.place)
    action = "action " if title not in ran.type and title in ran.script else ""
    if " " not in title:
        what = quoted((title, place) if place else (title,))
        exact = " --exact" if ran.script.startswith(CATCH_ALL) else ""
        yield Button(name="Explain", command=f"explain {action}{what}{exact}")
    for number, proposed in enumerate(ran.next):
        yield from _proposed(proposed, f"{once}-{number}")


def _proposed(typed: str, once: str) -> Iterator[Button]:
    """Yield a button for a command that a script proposes; who clicks it needs a rule for it."""
    plugin, _, rest = " ".join(typed.split()).partition(" ")
    words = rest.split(" ")
    if plugin != NAME or words[0] not in _PROPOSABLE or len(words) < 2 or len(typed) > _LONGEST:
        return
    yield Button(name=" ".join(words[:2])[:_CAPTION], command=f"{rest} --once {once}")


def _open_buttons(run: str) -> Iterator[Button]:
    run = quoted((run,))
    yield Button(name="Refresh", command=f"status {run}", style="primary")
    yield Button(name="Logs", command=f"logs {run}")
    yield Button(name="Cancel", command=f"cancel {run}", style="danger")


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def _text(of: Mapping[str, Json], key: str) -> str:
    value = of.get(key)
    return "" if value is None else str(value)


def _flat(value: Json, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{name}: {', '.join(str(one) for one in value) or '-'}"
    else:
        yield f"{name}: {'-' if value is None else value}"
