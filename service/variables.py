"""What an event says, as variables for scripts.

The names are the contract of both generations of the predecessor and are always set;
`.sh` and `.py` scripts get them as environment, `.http` files as placeholders. An event can
never set a name outside the table below and the four prefixes. Called by `handling`;
`genexec explain --variables` prints the same values with their origins.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

from service.documented import PATHS, STEPS, AnyCase
from service.event import Event, text
from service.keptn_events import Belonging, pick
from service.strict_json import Json
from service.times import time_string

MAX_VARIABLE = 131_071
"""Bytes of `NAME=value`; the kernel takes one more for the terminator (MAX_ARG_STRLEN)."""
MAX_TOTAL = 1024 * 1024
MAX_LABELS = 512
_MAX_SKIPPED_TEXT = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREIGN = re.compile(r"[^A-Za-z0-9_]", re.ASCII)
_MEANINGFUL = re.compile(r"[A-Za-z0-9]", re.ASCII)

ALWAYS_SET = frozenset(PATHS) | {
    "CONTEXT", "SHKEPTNCONTEXT", "EVENT", "TYPE", "SOURCE", "ID", "TRIGGEREDID", "GITCOMMITID",
    "SPECVERSION", "TIMESTRING", "TIMEUTCSTRING", "TIMEUTCMS", "PROJECT", "STAGE", "SERVICE",
    "GENEXEC_RUN_ID", "GENEXEC_ATTEMPT", "GENEXEC_SCRIPT", "GENEXEC_LEVEL", "GENEXEC_COMMIT",
    "GENEXEC_SKIPPED_VARS",
}  # fmt: skip
"""Names that a script can rely on for every event, empty when the event does not say."""


class Variable(NamedTuple):
    """One variable and where its value comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The exposed variables of the service's container, as every script sees them."""

    variables: tuple[Variable, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, exposed: Mapping[str, str]) -> "Environment":
        """Return what becomes of *exposed*: worked out once, not for every event."""
        variables, warnings = _prefixed("ENV_", "environment", exposed)
        return cls(variables=tuple(variables), warnings=tuple(warnings))


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """All variables of a run; what did not fit is left out and named, never cut."""

    items: tuple[Variable, ...]
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]

    def mapping(self) -> dict[str, str]:
        """Return names and values."""
        return {item.name: item.value for item in self.items}


def event_variables(
    event: Event, belonging: Belonging, exposed: Mapping[str, str] | Environment
) -> Variables:
    """Return the variables of *event*; *exposed* are those of the service's container."""
    environment = exposed if isinstance(exposed, Environment) else Environment.of(exposed)
    labels, label_warnings = _prefixed("LABEL_", "data.labels", _mapping(event, "labels"))
    values, value_warnings = _prefixed(
        "VALUE_", "data.action.value", _mapping(event, "action", "value")
    )
    leaves: list[Variable] = []
    data = event.data if isinstance(event.data, list) else event.fields
    _add_leaves(leaves, "DATA", "data", data)
    groups: Sequence[Iterable[Variable]] = (
        _attributes(event),
        _documented(event, belonging),
        labels[:MAX_LABELS],
        values,
        environment.variables,
        leaves,
    )
    skipped = [variable.name for variable in labels[MAX_LABELS:]]
    items: dict[str, Variable] = {}
    size = 0
    for variable in chain.from_iterable(groups):
        name, value, _ = variable
        if name in items:
            continue
        cost = _cost(name, value)
        if size + cost > MAX_TOTAL:
            skipped.append(name)
        else:
            size += cost
            items[name] = variable
    skipped_text = " ".join(skipped)[:_MAX_SKIPPED_TEXT]
    items["GENEXEC_SKIPPED_VARS"] = Variable(
        name="GENEXEC_SKIPPED_VARS", value=skipped_text, origin="run"
    )
    return Variables(
        items=tuple(items.values()),
        skipped=tuple(skipped),
        warnings=(*label_warnings, *value_warnings, *environment.warnings),
    )


def _attributes(event: Event) -> Iterator[Variable]:
    utc = event.time.astimezone(UTC)
    attributes = {
        "CONTEXT": ("shkeptncontext", event.context),
        "SHKEPTNCONTEXT": ("shkeptncontext", event.context),
        "EVENT": ("type", event.type),
        "TYPE": ("type", event.type),
        "SOURCE": ("source", event.source),
        "ID": ("id", event.id),
        "SPECVERSION": ("specversion", event.specversion),
        "TRIGGEREDID": ("triggeredid", event.extension("triggeredid")),
        "GITCOMMITID": ("gitcommitid", event.extension("gitcommitid")),
        "TIMESTRING": ("time", event.time_text),
        "TIMEUTCSTRING": ("time", time_string(utc)),
        "TIMEUTCMS": ("time", str((utc - _EPOCH) // timedelta(milliseconds=1))),
    }
    for name, (origin, value) in attributes.items():
        yield Variable(name, value, origin)


def _documented(event: Event, belonging: Belonging) -> Iterator[Variable]:
    for level in ("project", "stage", "service"):
        value = getattr(belonging, level)
        yield Variable(name=level.upper(), value=value, origin=_belongs(event, level, value))
    data = AnyCase(event.fields)
    for name, paths in STEPS.items():
        origin, value = "not in this event", None
        for path, steps in paths:
            value = data.at(steps)
            if value is not None:
                origin = f"data.{path}"
                break
        yield Variable(name, text(value), origin)


def _belongs(event: Event, level: str, value: str) -> str:
    if not value:
        return "not in this event"
    if text(pick(event.fields, level)) == value:
        return f"data.{level}"
    return f"attribute {level}" if event.extension(level) == value else "derived"


def _mapping(event: Event, *path: str) -> dict[str, str]:
    value = pick(event.fields, *path)
    return {key: text(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def _prefixed(
    prefix: str, origin: str, values: Mapping[str, str]
) -> tuple[list[Variable], list[str]]:
    """Name every value twice: as written and upper-cased.

    An exact name wins over one with replaced characters, that over an upper-cased one;
    among equals the first in byte order.
    """
    claims = []
    for name in sorted(values, key=lambda name: name.encode("utf-8", "surrogateescape")):
        written = _FOREIGN.sub("_", name)
        if _MEANINGFUL.search(written):
            claims.append((0 if written == name else 1, written, name))
            claims.append((2 if written == name else 3, written.upper(), name))
    won: dict[str, str] = {}
    warnings = []
    for _, written, name in sorted(claims, key=lambda claim: claim[0]):
        if values[won.setdefault(written, name)] != values[name]:
            warnings.append(f"{prefix}{written} is {won[written]!r}; {name!r} has the same name")
    variables = [
        Variable(prefix + written, values[name], f"{origin}.{name}")
        for written, name in won.items()
    ]
    return variables, warnings


def _add_leaves(into: list[Variable], name: str, origin: str, value: Json) -> None:
    """Walk to every scalar below *value*; a list index becomes `_0`."""
    if isinstance(value, dict):
        for key, item in value.items():
            plain = key if key.isascii() and key.isidentifier() else _FOREIGN.sub("_", key)
            _add_leaves(into, f"{name}_{plain.upper()}", f"{origin}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _add_leaves(into, f"{name}_{index}", f"{origin}[{index}]", item)
    else:
        into.append(Variable(name, text(value), origin))


def _cost(name: str, value: str) -> int:
    """Return the bytes a variable takes; more than all may take when the kernel refuses it."""
    if "\0" in value:
        return MAX_TOTAL + 1
    length = len(value) if value.isascii() else len(value.encode("utf-8", "surrogateescape"))
    size = len(name) + 1 + length
    return size if size < MAX_VARIABLE else MAX_TOTAL + 1
