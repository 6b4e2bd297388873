"""What a request asks, read from address and body, every value bounded.

`app` calls these. A value that cannot be meant is answered with 400 and not repaired.
"""

import re
from collections.abc import Mapping
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

from service.errors import BadEvent, UnknownRun
from service.keptn_events import named
from service.states import State
from service.strict_json import Json, parse

USUAL_LIMIT = 50
MAX_LIMIT = 500

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_RUN_ID = re.compile(r"[0-9a-z]{1,9}|[0-9a-z]{9}-[0-9a-z]{0,6}", re.ASCII)


def runs_wanted(arguments: Mapping[str, str]) -> dict[str, Any]:
    """Return the keyword arguments of `Reader.runs` for a query string."""
    limit = _number(arguments, "limit")
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise BadRequest(f"'limit' must be between 1 and {MAX_LIMIT}")
    state = arguments.get("state")
    if state is not None and state not in set(State):
        raise BadRequest(f"'state' must be one of: {', '.join(State)}")
    place = {level: arguments.get(level) for level in ("project", "stage", "service")}
    return {
        "limit": USUAL_LIMIT if limit is None else limit,
        "before": _number(arguments, "before"),
        "state": None if state is None else State(state),
        **{level: None if n is None else named(level, n) for level, n in place.items()},
    }


def run_wanted(text: str) -> str:
    """Return the id of a run, or its beginning. Raises `UnknownRun` when it cannot be one."""
    if not _RUN_ID.fullmatch(text):
        raise UnknownRun(f"{text[:40]!r} is not the id of a run, nor its beginning")
    return text


def position_wanted(text: str) -> int:
    """Return which script of a run is meant. Raises `UnknownRun` when it cannot be one."""
    if not _NUMBER.fullmatch(text):
        raise UnknownRun("the scripts of a run are numbered from 0")
    return int(text)


def attempt_wanted(arguments: Mapping[str, str]) -> int | None:
    """Return which attempt is meant, None for the last one."""
    return _number(arguments, "attempt")


def project_wanted(request: Request) -> str:
    """Return the project that a JSON body, a form or the query names."""
    named = _body(request).get("project") if request.is_json else request.values.get("project")
    if not isinstance(named, str):
        raise BadRequest("'project' is missing: name the project whose scripts are looked for")
    return project_named(named)


def project_named(project: str) -> str:
    """Return *project* when a project can have this name. Raises `InvalidName`."""
    return named("project", project)


def _body(request: Request) -> Mapping[str, Json]:
    try:
        body = parse(request.get_data())
    except BadEvent as error:
        raise BadRequest(str(error)) from error
    return body if isinstance(body, Mapping) else {}


def _number(arguments: Mapping[str, str], name: str) -> int | None:
    text = arguments.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"'{name}' must be a whole number of at most 18 digits")
    return int(text)
