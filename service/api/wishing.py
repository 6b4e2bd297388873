"""What somebody wants to be done, read from the body of a request.

`ordering` calls these. A key that is not known is refused: it may have been meant.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from flask import Request
from werkzeug.exceptions import BadRequest

from service.desk import Asker, Wish
from service.errors import BadEvent, UnsupportedMediaType
from service.event import Acceptance, Event, is_json, read_event
from service.keptn_events import Belonging, checked
from service.strict_json import Json, parse

_PLACE = ("project", "stage", "service")
_WISH = (*_PLACE, "type", "action", "values")
_MOST_VALUES = 100
_ESSENTIAL = {
    "project": (), "stage": (), "service": (), "action": ("action",),
    "resource": ("namespace", "name"),
}  # fmt: skip
"""What of the data decides which scripts run; nobody else has to see the rest."""
_LONGEST = 300


def wish_wanted(request: Request) -> tuple[Wish, Asker]:
    """Return what is wanted, and by whom; raises `BadRequest` or `InvalidName`."""
    body = _body(request)
    _check_keys(body, (*_WISH, "asker"))
    return _wish(body), _asker(body)


def asker_wanted(request: Request) -> Asker:
    """Return who asks; the body may be missing."""
    body = _body(request) if request.get_data() else {}
    _check_keys(body, ("asker",))
    return _asker(body)


def explained(
    request: Request, *, make: Callable[[Wish, Asker], Event], accept: Acceptance, now: datetime
) -> Event:
    """Return the event that the body is, or the one that *make* makes of the wish it is."""
    body = _body(request)
    if "specversion" in body or "id" in body:
        return read_event(body, accept=accept, now=now)
    _check_keys(body, (*_WISH, "asker"))
    return make(_wish(body), _asker(body))


def essence(event: Event) -> Mapping[str, Json]:
    """Return as much of *event* as decides which scripts it runs, as a document."""
    data: dict[str, Json] = {}
    for key, value in event.fields.items():
        inner = _ESSENTIAL.get(key.lower())
        if inner is None:
            continue
        data[key] = _part(value, inner) if isinstance(value, Mapping) else _short(value)
    names = ("specversion", "id", "source", "type", "time", "gitcommitid", *_PLACE)
    document = {name: event.document[name] for name in names if name in event.document}
    return document | {"data": data}


def place_wanted(arguments: Mapping[str, str]) -> Belonging:
    """Return the place that a query string names. Raises `InvalidName`."""
    return checked(Belonging(**{level: arguments.get(level, "") for level in _PLACE}))


def _part(value: Mapping[str, Json], keys: Collection[str]) -> dict[str, Json]:
    return {key: _short(one) for key, one in value.items() if key.lower() in keys}


def _short(value: Json) -> Json:
    return value[:_LONGEST] if isinstance(value, str | list) else value


def _wish(body: Mapping[str, Json]) -> Wish:
    values = body.get("values") or {}
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise BadRequest("'values' must be a JSON object whose values are texts")
    if len(values) > _MOST_VALUES:
        raise BadRequest(f"'values' has more than {_MOST_VALUES} entries")
    return Wish(
        type=_text(body, "type"),
        action=_text(body, "action"),
        place=checked(Belonging(**{level: _text(body, level) for level in _PLACE})),
        values={name: str(value) for name, value in values.items()},
    )


def _asker(body: Mapping[str, Json]) -> Asker:
    asker = body.get("asker") or {}
    if not isinstance(asker, Mapping):
        raise BadRequest("'asker' must be a JSON object with 'name' and 'url'")
    _check_keys(asker, ("name", "url"))
    return Asker(name=_text(asker, "name"), url=_text(asker, "url"))


def _body(request: Request) -> Mapping[str, Json]:
    if not is_json(request.content_type or ""):
        raise UnsupportedMediaType("send JSON, as application/json")
    try:
        body = parse(request.get_data())
    except BadEvent as error:
        raise BadRequest(str(error)) from error
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    return body


def _check_keys(body: Mapping[str, Json], known: Collection[str]) -> None:
    for key in body:
        if key not in known:
            raise BadRequest(f"{key[:80]!r} is not known here; known: {', '.join(known)}")


def _text(body: Mapping[str, Json], key: str) -> str:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{key!r} must be a text")
    return value or ""
