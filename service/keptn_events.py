"""What an event means: family, script names, place, who is answered.

Keptn spoke two dialects (A up to 0.7, B from 0.8), its successor a third (C); everything
else is an ordinary CloudEvent. The dialect is told per event and never per installation,
because streams are mixed during upgrades and replays. `scripts` turns the names into
candidates, `answers` writes the answers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from service.errors import InvalidName
from service.event import Event, text
from service.strict_json import Json

NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
"""What a project, stage, service, action or basename may look like (full match)."""

_KINDS = {"triggered", "started", "finished", "invalidated"}
_PLAIN_FAMILY_A = {
    "sh.keptn.event.configuration.change",
    "sh.keptn.event.monitoring.configure",
    "sh.keptn.event.problem.open",
}


class Family(StrEnum):
    """The dialect of an event."""

    A = "A"
    """Keptn up to 0.7 (and the types that later versions still send that way)."""
    B = "B"
    """Keptn 0.8 to 1.4."""
    C = "C"
    """Keptn lifecycle-toolkit."""
    OTHER = "other"
    """Any other CloudEvent."""


class Reply(StrEnum):
    """Which answer an event waits for."""

    ACTION = "action"
    """`action.started` and `action.finished` in the dialect of family A."""
    TASK = "task"
    """`.started` and `.finished` of a family B task."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What the type of an event says."""

    family: Family
    basenames: tuple[str, ...]
    """Most specific first; without `all.events`, which always comes after them."""
    reply: Reply = Reply.NONE
    task: str = ""
    ignored: str = ""
    """Why no script may be looked up, empty when one may."""

    @property
    def first_only(self) -> bool:
        """An action is done by one script: the first one found."""
        return self.task == "action" and self.basenames[-1:] == ("action.triggered",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Belonging:
    """Where an event belongs; empty where it does not say."""

    project: str = ""
    stage: str = ""
    service: str = ""


def meaning_of(event: Event) -> Meaning:
    """Return what *event* means; never fails, an unusable type is `ignored`."""
    meaning = _meaning(event)
    if meaning.ignored:
        return meaning
    if not all(NAME.fullmatch(name) for name in meaning.basenames):
        return Meaning(family=meaning.family, basenames=(), ignored="no script can have this name")
    return meaning


def belonging_of(event: Event, default: Belonging) -> Belonging:
    """Return project, stage and service of *event*.

    *default* serves events that are not Keptn's. Raises `InvalidName`: names become paths
    and references, so one that could be anything else is refused at the door.
    """
    if _is_lifecycle(event):
        resource = _object(event.fields, "resource")
        found = {"project": _name(resource, "namespace"), "service": _name(resource, "name")}
    else:
        found = {level: _name(event.fields, level) for level in ("project", "stage", "service")}
        if not _is_keptn(event.type):
            found = {
                level: value or event.extension(level) or getattr(default, level)
                for level, value in found.items()
            }
    return checked(Belonging(**found))


def checked(place: Belonging) -> Belonging:
    """Return *place* when its names can be names. Raises `InvalidName`."""
    for level in ("project", "stage", "service"):
        value = getattr(place, level)
        if value:
            named(level, value)
    return place


def named(level: str, name: str) -> str:
    """Return *name* when a project, stage or service can have it. Raises `InvalidName`."""
    if not NAME.fullmatch(name):
        raise InvalidName(
            f"invalid name: {level} {name[:80]!r} (letters, digits, '.', '_' and '-', "
            "at most 128 characters, beginning with a letter or digit, no '..')"
        )
    return name


def full_type(name: str) -> str:
    """Return the type that a person means by *name*: `test.triggered` is Keptn's.

    What cannot be the end of one of Keptn's types is a type as it stands.
    """
    full = f"sh.keptn.event.{name}"
    parts = name.split(".")
    known = len(parts) in (2, 3) and (parts[-1] in _KINDS or parts[1:] == ["status", "changed"])
    if full in _PLAIN_FAMILY_A or (known and all(parts) and parts[0] != "sh"):
        return full
    return name


def pick(fields: Mapping[str, Json], *path: str) -> Json:
    """Return the value at *path*: each key exactly, else in any case, else None.

    Go reads keys without regard to case, and published samples make use of it.
    """
    value: Json = fields
    for key in path:
        if not isinstance(value, dict):
            return None
        if key in value:
            value = value[key]
        else:
            value = next((value[name] for name in value if name.lower() == key.lower()), None)
    return value


def _meaning(event: Event) -> Meaning:
    if _is_lifecycle(event):
        name = event.type.lower().replace(" ", "-")
        return Meaning(family=Family.C, basenames=(name,))
    if not _is_keptn(event.type):
        return Meaning(family=Family.OTHER, basenames=(event.type,))
    parts = event.type.split(".")
    family = Family.B if event.specversion == "1.0" else Family.A
    if len(parts) < 3 or not all(parts):
        return Meaning(family=family, basenames=(), ignored="a Keptn type has at least three parts")
    if event.type == "sh.keptn.events.problem":
        return Meaning(family=Family.A, basenames=("problem.open",))
    if event.type in _PLAIN_FAMILY_A:
        return Meaning(family=Family.A, basenames=(".".join(parts[-2:]),))
    if parts[2] == "events" or event.type == "sh.keptn.event.start-evaluation":
        return Meaning(family=Family.A, basenames=(_plural(parts),))
    if event.type == "sh.keptn.event.action.triggered":
        return _action(event, family)
    if parts[2] != "event":
        return Meaning(family=family, basenames=(event.type,))
    return _task_or_sequence(event.type, parts[3:], family)


def _plural(parts: list[str]) -> str:
    """`sh.keptn.events.deployment-finished` is answered by `deployment.finished`."""
    return parts[3].replace("-", ".") if len(parts) == 4 else ".".join(parts[-2:])


def _action(event: Event, family: Family) -> Meaning:
    action = pick(event.fields, "action", "action")
    if not isinstance(action, str) or not NAME.fullmatch(action):
        return Meaning(family=family, basenames=(), ignored="invalid action name")
    return Meaning(
        family=family,
        basenames=(f"action.triggered.{action}", "action.triggered"),
        reply=Reply.ACTION if family is Family.A else Reply.TASK,
        task="action",
    )


def _task_or_sequence(type_: str, rest: list[str], family: Family) -> Meaning:
    name = ".".join(rest)
    if len(rest) == 2 and rest[1] in _KINDS:
        answered = family is Family.B and rest[1] == "triggered"
        return Meaning(
            family=family,
            basenames=(name,),
            reply=Reply.TASK if answered else Reply.NONE,
            task=rest[0],
        )
    if len(rest) == 3 and rest[1:] == ["status", "changed"]:
        return Meaning(family=family, basenames=(name,), task=rest[0])
    if len(rest) == 3:
        return Meaning(family=family, basenames=(name, ".".join(rest[1:])))
    return Meaning(family=family, basenames=(type_,))


def _is_keptn(type_: str) -> bool:
    return type_ == "sh.keptn" or type_.startswith("sh.keptn.")


def _is_lifecycle(event: Event) -> bool:
    """The operator's types are phrases such as `App Deployment.Finished`."""
    return event.source == "keptn.sh" or (" " in event.type and event.type.count(".") == 1)


def _object(fields: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = pick(fields, key)
    return value if isinstance(value, dict) else {}


def _name(fields: Mapping[str, Json], key: str) -> str:
    value = pick(fields, key)
    return "" if isinstance(value, dict | list) else text(value)
