"""Selects that work as a form: each command carries what was chosen so far.

A select types `ask VERB [field=value …] FIELD VALUE`. What Slack knows of the other selects of
the message counts more than what the command carries, and what was just chosen counts most;
platforms that keep no state lose nothing. A form only ever leads to another message: what
starts something is a button below it.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.botkube.messages import Option, Select
from service.botkube.typed import PLUGIN, quoted
from service.botkube.verbs import HIDDEN
from service.desk import Listed
from service.errors import Mistyped

AFTER = "@after:"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "show": ("name", "context"),
    "explain": ("type", "context"),
    "run": ("type", "context"),
    "send": ("type", "context"),
    "action": ("action", "context"),
}
"""What a form asks for, by the command that it makes."""
_ACTION = "action.triggered."
_FORM = "genexec-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What was chosen so far."""

    verb: str
    id: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    """Field: the last option that was shown, where the rest is wanted."""

    @property
    def subject(self) -> str:
        """What the command is about, empty until it is chosen."""
        return self.chosen.get(FIELDS[self.verb][0], "")

    def select(self, name: str, title: str, values: Sequence[str]) -> Select:
        """Return the select for the field *name*."""
        carried = tuple(f"{k}={v}" for k, v in sorted(self.chosen.items()) if k != name and v)
        after = self.after.get(name, "")
        if after in values:
            values = values[list(values).index(after) + 1 :]
        return Select(
            name=title,
            command=f"{HIDDEN} {quoted((self.verb, *carried, name))}",
            options=tuple(Option(name=value, value=quoted((value,))) for value in values),
            chosen=quoted((self.chosen[name],)) if self.chosen.get(name) else "",
            more=AFTER,
        )


def read_form(words: Sequence[str], state: bytes, *, new_id: str) -> Form:
    """Return the form that a select belongs to, with what it has just chosen.

    Raises `Mistyped` when somebody typed it by hand and wrongly.
    """
    if len(words) < 3 or words[0] not in FIELDS or words[-2] not in FIELDS[words[0]]:
        raise Mistyped("this is what selects type; use the command itself", try_this="help")
    verb, *carried, name, value = words
    known, form = _state(state, verb)
    pairs = dict(pair.partition("=")[::2] for pair in carried)
    chosen = {key: text for key, text in (pairs | known).items() if key in FIELDS[verb]}
    after: dict[str, str] = {}
    if value.startswith(AFTER):
        after[name] = value.removeprefix(AFTER)
        chosen[name] = pairs.get(name, "")
    else:
        chosen[name] = value
    return Form(verb=verb, id=form or _FORM + new_id, chosen=chosen, after=after)


def new_form(verb: str, *, new_id: str, **chosen: str) -> Form:
    """Return a form in which *chosen* is filled in."""
    return Form(verb=verb, id=_FORM + new_id, chosen={k: v for k, v in chosen.items() if v})


def subjects(verb: str, scripts: Sequence[Listed]) -> list[str]:
    """Return what the first select of a form offers, of these scripts."""
    names = list(dict.fromkeys(one.name for one in scripts))
    if verb == "show":
        return names
    types = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    if verb == "action":
        return [name.removeprefix(_ACTION) for name in types if name.startswith(_ACTION)]
    return [name for name in types if not name.startswith(_ACTION) and name != "all.events"]


def without(form: Form, name: str) -> Form:
    """Return *form* with one choice taken back."""
    return replace(form, chosen={k: v for k, v in form.chosen.items() if k != name})


def _state(state: bytes, verb: str) -> tuple[dict[str, str], str]:
    """Return what Slack's block state says about the form, and the id of its block."""
    try:
        document = json.loads(state) if state else {}
    except ValueError:
        return {}, ""
    chosen: dict[str, str] = {}
    form = ""
    for block, actions in _members(document, "values"):
        for action, held in _members(actions):
            words = action.split()
            if words[:3] != [PLUGIN, HIDDEN, verb] or len(words) < 4 or not block.startswith(_FORM):
                continue
            form = block
            option = held.get("selected_option") if isinstance(held, Mapping) else None
            value = option.get("value") if isinstance(option, Mapping) else None
            if isinstance(value, str) and value and not value.startswith(AFTER):
                chosen[words[-1]] = _unquoted(value)
    return chosen, form


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _members(value: object, *path: str) -> list[tuple[str, object]]:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [(str(k), v) for k, v in value.items()] if isinstance(value, Mapping) else []
