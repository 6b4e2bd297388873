"""Who may do what: the rules of a channel, applied to one command.

Looking is free; what starts, stops or sends something takes a rule. A run that is repeated
or stopped is judged by what it is, not by the command that names it. `chat` counts refusals.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.botkube.commands import write_place
from service.botkube.configs import Config
from service.botkube.verbs import COMMANDS
from service.desk import Ran
from service.errors import Refused
from service.keptn_events import Belonging

_KEPTN = re.compile(r"sh\.keptn\.events?\.")
_ACTION_SCRIPT = re.compile(r"action\.triggered\.([A-Za-z0-9][A-Za-z0-9._-]*)\.(?:sh|py|http)")
_PLURAL = "sh.keptn.events."
_POSING = re.compile(r"<|Automation \"")

Names = tuple[str, ...]
"""Ways to call one thing; a rule may use any of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who typed a command, as the platform tells."""

    mention: str
    shown: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names that rules may know; a shown name that looks like a mention is none.

        People choose the name that is shown.
        """
        posing = self.shown != self.mention and _POSING.match(self.shown)
        return (self.mention,) if posing else tuple(dict.fromkeys((self.mention, self.shown)))


def demand(
    config: Config, person: Person, verb: str, place: Belonging, names: Sequence[Names]
) -> None:
    """Return when one rule allows *person* all of *names*.

    Raises `Refused`, which says what rule is missing.
    """
    if not COMMANDS[verb].changes:
        return
    for rule in config.rules:
        if all(
            any(rule.allows(person.names, verb, place, name) for name in same) for same in names
        ):
            return
    who = person.mention or person.shown
    if not who:
        raise Refused("the platform does not say who you are, so no rule can allow this")
    where = write_place(place)
    raise Refused(
        f"{person.shown or who} may not {verb} {names[0][0]}"
        + (f" in {where}" if where else "")
        + f". A rule in the config of this plugin would allow it: {_rule(who, verb, place, names)}"
    )


def names_of_type(type_: str) -> tuple[Names, ...]:
    """Return the scripts that an event of this type may run, each with what rules may call it.

    Keptn's `test.wipe.triggered` also runs `wipe.triggered`: a rule for `test.*` is not enough.
    """
    prefix = _KEPTN.match(type_)
    short = type_[prefix.end() :] if prefix else type_
    if prefix and prefix[0] == _PLURAL and "." not in short:
        short = short.replace("-", ".")
    parts = short.split(".")
    names = [short, ".".join(parts[1:])] if len(parts) == 3 else [short]
    return tuple(
        tuple(dict.fromkeys((name, f"sh.keptn.event.{name}", *([type_] if not n else ()))))
        for n, name in enumerate(names)
    )


def names_of_run(ran: Ran) -> tuple[Names, ...]:
    """Return what rules may call the thing that a run did: its action, else its type."""
    actions = {match[1] for match in _ACTION_SCRIPT.finditer(ran.script)}
    return tuple((action,) for action in sorted(actions)) or names_of_type(ran.type)


def title_of_run(ran: Ran) -> str:
    """Return what a run is called where it is shown."""
    return names_of_run(ran)[0][0]


def allowed(config: Config, person: Person) -> tuple[str, ...]:
    """Return the commands that some rule allows, somewhere."""
    return tuple(
        verb
        for verb, spec in COMMANDS.items()
        if spec.changes
        and any(verb in rule.commands and rule.is_for(person.names) for rule in config.rules)
    )


def _rule(who: str, verb: str, place: Belonging, names: Sequence[Names]) -> str:
    context = f"{place.project}/{place.stage}/{place.service}"
    there = f', contexts: ["{context}"]' if context != "//" else ""
    listed = ", ".join(f'"{same[0]}"' for same in names)
    return f'allow: [{{users: ["{who}"], commands: [{verb}]{there}, names: [{listed}]}}]'
