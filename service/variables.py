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

PATHS: Mapping[str, tuple[str, ...]] = {
    "DEPLOYMENT": ("deploymentstrategy", "deployment.deploymentstrategy"),
    "TESTSTRATEGY": ("teststrategy", "test.teststrategy"),
    "DEPLOYMENTURILOCAL": ("deploymentURILocal", "deployment.deploymentURIsLocal[0]"),
    "DEPLOYMENTURIPUBLIC": ("deploymentURIPublic", "deployment.deploymentURIsPublic[0]"),
    "IMAGE": ("image", "configurationChange.values.image", "deployment.image"),
    "TAG": ("tag", "configurationChange.values.tag", "deployment.tag"),
    "TESTSTART": ("test.start", "start"),
    "TESTEND": ("test.end", "end"),
    "EVALUATIONSTART": (
        "evaluation.start",
        "evaluation.timeStart",
        "evaluationdetails.timeStart",
    ),
    "EVALUATIONEND": ("evaluation.end", "evaluation.timeEnd", "evaluationdetails.timeEnd"),
    "EVALUATIONRESULT": ("evaluation.result", "evaluationdetails.result"),
    "RESULT": ("result", "action.result"),
    "STATUS": ("status", "action.status"),
    "ACTION": ("action.action",),
    "PROBLEMID": ("problem.ProblemID", "ProblemID"),
    "PROBLEMSTATE": ("problem.State", "State"),
    "PID": ("problem.PID", "PID"),
    "PROBLEMTITLE": ("problem.ProblemTitle", "ProblemTitle"),
    "PROBLEMURL": ("problem.ProblemURL", "ProblemURL", "labels.Problem URL"),
}
"""Where in `data` a documented name is looked up, in this order, keys in any case."""

_STEPS = {
    name: tuple((path, tuple(re.findall(r"[^.\[\]]+", path))) for path in paths)
    for name, paths in PATHS.items()
}

ALWAYS_SET = frozenset(PATHS) | {
    "CONTEXT", "SHKEPTNCONTEXT", "EVENT", "TYPE", "SOURCE", "ID", "TRIGGEREDID", "GITCOMMITID",
    "SPECVERSION", "TIMESTRING", "TIMEUTCSTRING", "TIMEUTCMS", "PROJECT", "STAGE", "SERVICE",
    "GENEXEC_RUN_ID", "GENEXEC_ATTEMPT", "GENEXEC_SCRIPT", "GENEXEC_LEVEL", "GENEXEC_COMMIT",
    "GENEXEC_SKIPPED_VARS",
}  # fmt: skip
"""Names that a script can rely on for every event, empty when the event does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One variable and where its value comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """All variables of a run; what did not fit is left out and named, never cut."""

    items: tuple[Variable, ...]
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]

    def mapping(self) -> dict[str, str]:
        """Return names and values."""
        return {item.name: item.value for item in self.items}


def event_variables(event: Event, belonging: Belonging, exposed: Mapping[str, str]) -> Variables:
    """Return the variables of *event*; *exposed* are those of the service's container."""
    labels, label_warnings = _prefixed("LABEL_", "data.labels", _mapping(event, "labels"))
    values, value_warnings = _prefixed(
        "VALUE_", "data.action.value", _mapping(event, "action", "value")
    )
    environment, env_warnings = _prefixed("ENV_", "environment", exposed)
    groups: Sequence[Iterable[Variable]] = (
        _attributes(event),
        _documented(event, belonging),
        labels[:MAX_LABELS],
        values,
        environment,
        _leaves("DATA", "data", event.data if isinstance(event.data, list) else event.fields),
    )
    skipped = [variable.name for variable in labels[MAX_LABELS:]]
    items: dict[str, Variable] = {}
    size = 0
    for variable in (variable for group in groups for variable in group):
        if variable.name in items:
            continue
        cost = _cost(variable)
        if cost is None or size + cost > MAX_TOTAL:
            skipped.append(variable.name)
        else:
            size += cost
            items[variable.name] = variable
    skipped_text = " ".join(skipped)[:_MAX_SKIPPED_TEXT]
    items["GENEXEC_SKIPPED_VARS"] = Variable(
        name="GENEXEC_SKIPPED_VARS", value=skipped_text, origin="run"
    )
    return Variables(
        items=tuple(items.values()),
        skipped=tuple(skipped),
        warnings=(*label_warnings, *value_warnings, *env_warnings),
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
        yield Variable(name=name, value=value, origin=origin)


def _documented(event: Event, belonging: Belonging) -> Iterator[Variable]:
    for level in ("project", "stage", "service"):
        value = getattr(belonging, level)
        yield Variable(name=level.upper(), value=value, origin=_belongs(event, level, value))
    data = _AnyCase(event.fields)
    for name, paths in _STEPS.items():
        found = ((path, data.at(steps)) for path, steps in paths)
        path, value = next((hit for hit in found if hit[1] is not None), ("", None))
        origin = f"data.{path}" if path else "not in this event"
        yield Variable(name=name, value=text(value), origin=origin)


def _belongs(event: Event, level: str, value: str) -> str:
    if not value:
        return "not in this event"
    if text(pick(event.fields, level)) == value:
        return f"data.{level}"
    return f"attribute {level}" if event.extension(level) == value else "derived"


class _AnyCase:
    """Finds values by paths whose keys may be written in any case; an exact key goes first."""

    def __init__(self, fields: Mapping[str, Json]) -> None:
        self._fields = fields
        self._lower: dict[int, dict[str, Json]] = {}

    def at(self, steps: Sequence[str]) -> Json:
        """Return what stands at the path, else None."""
        value: Json = self._fields
        for step in steps:
            if isinstance(value, Mapping):
                value = value[step] if step in value else self._lowered(value).get(step.lower())
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    def _lowered(self, fields: Mapping[str, Json]) -> Mapping[str, Json]:
        lowered = self._lower.get(id(fields))
        if lowered is None:  # the first of several that differ in case only
            lowered = {key.lower(): value for key, value in reversed(list(fields.items()))}
            self._lower[id(fields)] = lowered
        return lowered


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
        Variable(name=prefix + written, value=values[name], origin=f"{origin}.{name}")
        for written, name in won.items()
    ]
    return variables, warnings


def _leaves(name: str, origin: str, value: Json) -> Iterator[Variable]:
    """Walk to every scalar below *value*; a list index becomes `_0`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{name}_{_FOREIGN.sub('_', key).upper()}", f"{origin}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(f"{name}_{index}", f"{origin}[{index}]", item)
    else:
        yield Variable(name=name, value=text(value), origin=origin)


def _cost(variable: Variable) -> int | None:
    """Return the bytes a variable takes, None when the kernel would not take it."""
    if "\0" in variable.value:
        return None
    size = len(variable.name) + 1 + len(variable.value.encode("utf-8", "surrogateescape"))
    return size if size < MAX_VARIABLE else None
