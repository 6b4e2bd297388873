"""Events that a person wants: made here, whichever way the wish came.

The API, the embedded engine and the command line call these, so that a wish means the same
with each. Who asked goes with the event, as extension attributes; what it does is decided by
the event alone, as for any other.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from service.desk import Asker, Wish
from service.errors import BadEvent
from service.event import Acceptance, Event, read_event
from service.keptn_events import NAME, checked, full_type
from service.strict_json import Json
from service.times import time_string

SOURCE = "generic-executor-service/asked"
"""The source of such events; not that of our answers, which must not be answered."""
USER = "genexecuser"
URL = "genexecurl"
RERUN_OF = "genexecrerunof"

_ACTION = "sh.keptn.event.action.triggered"
_LONGEST_NAME = 200
_LONGEST_URL = 2000


def event_of(wish: Wish, asker: Asker, *, new_id: Callable[[], str], now: datetime) -> Event:
    """Return the event that *wish* asks for. Raises `BadEvent` naming what is wrong with it."""
    checked(wish.place)
    type_ = full_type(wish.type) if wish.type else _ACTION if wish.action else ""
    if not type_:
        raise BadEvent("neither a type nor an action is given: name what is to be run")
    if wish.action and type_ != _ACTION:
        raise BadEvent(f"an action belongs to the type action.triggered, not to {wish.type!r}")
    if wish.action and not NAME.fullmatch(wish.action):
        raise BadEvent(f"{wish.action[:80]!r} cannot be the name of an action")
    document: dict[str, Json] = {
        "specversion": "1.0",
        "id": new_id(),
        "source": SOURCE,
        "type": type_,
        "time": time_string(now),
        "shkeptncontext": new_id(),
        "datacontenttype": "application/json",
        "data": _data(wish),
        **_asked_by(asker),
    }
    return read_event(document, accept=Acceptance.STRICT, now=now)


def repeated(
    event: Event, run: str, asker: Asker, *, new_id: Callable[[], str], now: datetime
) -> Event:
    """Return *event*, of which *run* was the run, as a new event for the same scripts."""
    kept = {name: v for name, v in event.document.items() if name not in (USER, URL, RERUN_OF)}
    document = {
        **kept,
        "id": new_id(),
        "time": time_string(now),
        **_asked_by(asker),
        RERUN_OF: run,
    }
    return read_event(document, accept=Acceptance.LENIENT, now=now)


def shown_name(asker: Asker) -> str:
    """Return the name of *asker* in one line that can stand in a record."""
    return _clean(asker.name, _LONGEST_NAME)


def _data(wish: Wish) -> dict[str, Json]:
    where = {
        "project": wish.place.project,
        "stage": wish.place.stage,
        "service": wish.place.service,
    }
    data: dict[str, Json] = {level: name for level, name in where.items() if name}
    if wish.action:
        return data | {"action": {"action": wish.action, "value": dict(wish.values)}}
    return data | ({"labels": dict(wish.values)} if wish.values else {})


def _asked_by(asker: Asker) -> Mapping[str, Json]:
    said = {USER: shown_name(asker), URL: _clean(asker.url, _LONGEST_URL)}
    return {name: value for name, value in said.items() if value}


def _clean(text: str, longest: int) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()[:longest]
