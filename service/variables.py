"""What an event says, as variables for scripts.

The names are the contract of both generations of the predecessor and are always set;
`.sh` and `.py` scripts get them as environment, `.http` files as placeholders. An event can
never set a name outside the table below and the four prefixes. Called by `handling`;
`genexec explain --variables` prints the same values with their origins.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from service.documented import NAMES, PATHS, STEPS, AnyCase
from service.event import Event, text
from service.fitting import all_fit, fitting
from service.keptn_events import Belonging, pick
from service.strict_json import Json
from service.times import time_string

MAX_LABELS = 512
_MAX_SKIPPED_TEXT = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT = {name: (name, "", "not in this event") for name in PATHS}
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


_Triple = tuple[str, str, str]
"""A `Variable` on its way: there are a hundred per event, and most are never looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The exposed variables of the service's container, as every script sees them."""

    variables: tuple[_Triple, ...]
    values: Mapping[str, str]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, exposed: Mapping[str, str]) -> "Environment":
        """Return what becomes of *exposed*: worked out once, not for every event."""
        variables, warnings = _prefixed("ENV_", "environment", exposed)
        values = {name: value for name, value, _ in variables}
        return cls(variables=tuple(variables), values=values, warnings=tuple(warnings))


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """All variables of a run; what did not fit is left out and named, never cut."""

    values: Mapping[str, str]
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]
    told: tuple[Iterable[_Triple], ...]
    """All that were found; of one name the first counts."""

    @property
    def items(self) -> tuple[Variable, ...]:
        """The variables with their origins."""
        first: dict[str, Variable] = {}
        for variable in chain.from_iterable(self.told):
            if variable[0] in self.values:
                first.setdefault(variable[0], Variable(*variable))
        return tuple(first.values())

    def mapping(self) -> dict[str, str]:
        """Return names and values."""
        return dict(self.values)


def event_variables(
    event: Event, belonging: Belonging, exposed: Mapping[str, str] | Environment
) -> Variables:
    """Return the variables of *event*; *exposed* are those of the service's container."""
    environment = exposed if isinstance(exposed, Environment) else Environment.of(exposed)
    labels, label_warnings = _prefixed("LABEL_", "data.labels", _mapping(event, "labels"))
    values, value_warnings = _prefixed(
        "VALUE_", "data.action.value", _mapping(event, "action", "value")
    )
    named = [*_attributes(event), *_documented(event, belonging)]
    leaves: list[_Triple] = []
    data = event.data if isinstance(event.data, list) else event.fields
    _add_leaves(leaves, "DATA", "data", data)
    # The names above, and the prefixes, keep these groups apart: only leaves can collide.
    kept = {name: value for name, value, _ in chain(named, labels[:MAX_LABELS], values)}
    kept |= environment.values
    for name, value, _ in leaves:
        kept.setdefault(name, value)
    skipped = [name for name, _, _ in labels[MAX_LABELS:]]
    if not all_fit(kept):
        kept = fitting(kept, skipped)
    skipped_text = " ".join(skipped)[:_MAX_SKIPPED_TEXT]
    kept["GENEXEC_SKIPPED_VARS"] = skipped_text
    own = ("GENEXEC_SKIPPED_VARS", skipped_text, "run")
    return Variables(
        values=kept,
        skipped=tuple(skipped),
        warnings=(*label_warnings, *value_warnings, *environment.warnings),
        told=(named, labels, values, environment.variables, leaves, (own,)),
    )


def _attributes(event: Event) -> list[_Triple]:
    utc = event.time.astimezone(UTC)
    context, type_ = event.context, event.type
    return [
        ("CONTEXT", context, "shkeptncontext"),
        ("SHKEPTNCONTEXT", context, "shkeptncontext"),
        ("EVENT", type_, "type"),
        ("TYPE", type_, "type"),
        ("SOURCE", event.source, "source"),
        ("ID", event.id, "id"),
        ("SPECVERSION", event.specversion, "specversion"),
        ("TRIGGEREDID", event.extension("triggeredid"), "triggeredid"),
        ("GITCOMMITID", event.extension("gitcommitid"), "gitcommitid"),
        ("TIMESTRING", event.time_text, "time"),
        ("TIMEUTCSTRING", time_string(utc), "time"),
        ("TIMEUTCMS", str((utc - _EPOCH) // timedelta(milliseconds=1)), "time"),
    ]


def _documented(event: Event, belonging: Belonging) -> list[_Triple]:
    found = [
        (level.upper(), value, _belongs(event, level, value))
        for level, value in (
            ("project", belonging.project),
            ("stage", belonging.stage),
            ("service", belonging.service),
        )
    ]
    data = AnyCase(event.fields)
    told = _ABSENT.copy()
    for name in chain.from_iterable(NAMES.get(key, ()) for key in data.first):
        for path, steps in STEPS[name]:
            value = data.at(steps) if steps[0][1] in data.first else None
            if value is not None:
                told[name] = (name, text(value), f"data.{path}")
                break
    return [*found, *told.values()]


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
) -> tuple[list[_Triple], list[str]]:
    """Name every value twice: as written and upper-cased.

    An exact name wins over one with replaced characters, that over an upper-cased one;
    among equals the first in byte order.
    """
    if not values:
        return [], []
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
        (prefix + written, values[name], f"{origin}.{name}") for written, name in won.items()
    ]
    return variables, warnings


def _add_leaves(into: list[_Triple], name: str, origin: str, value: Json) -> None:
    """Walk to every scalar below *value*; a list index becomes `_0`."""
    if isinstance(value, str):
        into.append((name, value, origin))
    elif isinstance(value, dict):
        for key, item in value.items():
            _add_leaves(into, name + _part(key), f"{origin}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _add_leaves(into, f"{name}_{index}", f"{origin}[{index}]", item)
    else:
        into.append((name, text(value), origin))


@lru_cache(maxsize=4096)
def _part(key: str) -> str:
    """Return what a key adds to a name: events of one kind have the same keys."""
    return "_" + _FOREIGN.sub("_", key).upper()
