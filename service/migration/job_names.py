"""Which script answers the events a job configuration asks for."""

import re
from collections.abc import Collection

from service.checking.names import basename_of
from service.keptn_events import NAME
from service.migration.job_config import JobEvent

_EXACT = re.compile(r"\^?([A-Za-z0-9_-]+(?:\\?\.[A-Za-z0-9_-]+)+)\$?", re.ASCII)
_KINDS = (
    ".triggered", ".started", ".finished", ".invalidated", ".changed",
    ".configuration.change", ".monitoring.configure", ".problem.open", ".start-evaluation",
)  # fmt: skip
_ACTION = "sh.keptn.event.action.triggered"


def exact_type(pattern: str) -> str:
    """Return the type an expression stands for; empty when it stands for many."""
    match = _EXACT.fullmatch(pattern)
    type_ = match[1].replace("\\.", ".") if match else ""
    if type_.startswith("sh.keptn.event.") and not type_.endswith(_KINDS):
        return ""  # the beginning of many
    return type_


def types_of(event: JobEvent, known: Collection[str]) -> tuple[str, ...]:
    """Return the types *event* asks for; of a pattern those among *known* that it finds."""
    exact = exact_type(event.type)
    if exact:
        return (exact,)
    try:
        pattern = re.compile(event.type)
    except re.error:
        return ()
    return tuple(type_ for type_ in sorted(known) if pattern.search(type_))


def script_name(type_: str, event: JobEvent) -> str:
    """Return the file name that answers events of a type; empty when none can.

    An action that is asked for by its name gets a file of its own.
    """
    basename = basename_of(type_)
    if type_ == _ACTION:
        named = event.property == "$.data.action.action" and NAME.fullmatch(event.match)
        basename = f"action.triggered.{event.match}" if named else "action.triggered"
    return f"{basename}.sh" if NAME.fullmatch(basename) else ""
