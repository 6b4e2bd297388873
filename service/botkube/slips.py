"""Slips of the pen: a name that no script bears, but that one nearly bears.

With an `all.events` script every type has an answer, so one that is mistyped would be run like
a right one. `answering` asks before that; `--exact` insists.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from service.botkube.commands import Command, nearest, write_place
from service.botkube.messages import Button, Message, Section
from service.botkube.typed import quoted
from service.botkube.verbs import COMMANDS
from service.scripts import CATCH_ALL
from service.strict_json import Json

_ALIKE = 0.6
_KEPTN = re.compile(r"sh\.keptn\.events?\.")
_CAPTION = 70


def nameless(explained: Mapping[str, Json]) -> bool:
    """Say whether what was explained has no script of its own name: none, or `all.events`."""
    runs = explained.get("runs")
    found = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else ()
    names = [str(one.get("script", "")) for one in found if isinstance(one, Mapping)]
    return all(name.rpartition(".")[0] == CATCH_ALL for name in names)


def meant(typed: str, names: Iterable[str]) -> list[str]:
    """Return which of *names* somebody may have meant who typed none of them, best first.

    Words that both have in common say nothing: `test.triggered` is not meant by
    `smoke.triggered`, but by `tset.triggered`.
    """
    prefix = _KEPTN.match(typed)
    short = typed[prefix.end() :] if prefix else typed
    names = list(names)
    return [] if short in names else nearest(short, [n for n in names if _slip(short, n)])


def asked_back(command: Command, names: Sequence[str], *, new_id: str) -> Message:
    """Return the question whether one of *names* was meant, and the commands to type."""
    where = write_place(command.place)
    right = [quoted(_words(replace(command, subject=name))) for name in names]
    text = f"No script bears the name {command.subject}" + (f" in {where}" if where else "")
    text += ". Did you mean " + " or ".join(f"`script {one}`" for one in right) + "?"
    insisting = quoted((*_words(command), "--exact"))
    once = ""
    if "once" in COMMANDS[command.verb].flags:
        once = " --once " + quoted((command.flags.get("once", new_id),))
    buttons = (Button(name=one[:_CAPTION], command=one + once) for one in (*right, insisting))
    note = f"--exact takes the name as it stands, for a script {CATCH_ALL} to answer."
    return Message(sections=(Section(text=text, buttons=tuple(buttons), notes=(note,)),))


def _slip(typed: str, name: str) -> bool:
    ours, others = typed.lower().split("."), name.lower().split(".")
    left = ".".join(word for word in ours if word not in others)
    right = ".".join(word for word in others if word not in ours)
    if left == right or (len(typed) > 2 and typed.lower() in name.lower()):
        return True
    return SequenceMatcher(None, left, right).ratio() >= _ALIKE


def _words(command: Command) -> tuple[str, ...]:
    """Return *command* as it was typed, without flags."""
    action = ("action",) if command.action and command.verb == "explain" else ()
    where = (write_place(command.place),) if command.typed_place else ()
    values = (f"{key}={value}" for key, value in command.values.items())
    return (command.verb, *action, command.subject, *where, *values)
