"""CloudEvents in HTTP messages: structured, binary and batch mode.

HTTP protocol binding of CloudEvents 1.0.2, section 3. Intake calls this for requests, the
command line for the `.http` files in `test-events/`. Reading is our own because the public
package fills in a missing id (which defeats duplicate detection), takes attributes of any
JSON type and fails with foreign errors; writing is left to it, see `delivery`.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from service.errors import (
    BadEvent,
    ContentConflict,
    Draining,
    EventForgotten,
    EventTooLarge,
    GenexecError,
    JournalUnavailable,
    JournalUnreadable,
    NotPermitted,
    QueueFull,
    SourceUnavailable,
    UnknownRun,
    UnknownScript,
    UnsupportedMediaType,
)
from service.event import Acceptance, Event, is_json, read_event
from service.strict_json import Json, parse

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MAX_BATCH = 1000

STATUS: Mapping[type[GenexecError], int] = {
    BadEvent: 400,
    NotPermitted: 403,
    UnknownRun: 404,
    UnknownScript: 404,
    EventForgotten: 410,
    EventTooLarge: 413,
    UnsupportedMediaType: 415,
    ContentConflict: 422,
    QueueFull: 429,
    Draining: 503,
    JournalUnavailable: 503,
    JournalUnreadable: 503,
    SourceUnavailable: 503,
}
"""What an error is answered with. 409 is avoided: delivery systems take it for retryable."""

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def read_message(
    headers: Iterable[tuple[bytes, bytes]], body: bytes, *, accept: Acceptance, now: datetime
) -> tuple[Event, ...]:
    """Return the events of one HTTP message; header names may have any case.

    One event in structured and binary mode, all events of a batch. Raises
    `UnsupportedMediaType` or `BadEvent`; a batch is refused as a whole.
    """
    fields = _single(headers)
    content_type = fields.get(b"content-type", b"").decode("latin-1")
    essence = content_type.partition(";")[0].strip().lower()
    if fields.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
        raise UnsupportedMediaType("compressed bodies are not accepted; send the body as it is")
    if essence == BATCH:
        return _batch(parse(body), accept=accept, now=now)
    if essence.startswith("application/cloudevents"):
        if essence != STRUCTURED:
            raise UnsupportedMediaType(f"{essence} is not accepted; send {STRUCTURED}")
        return (read_event(parse(body), accept=accept, now=now, raw=body),)
    if b"ce-specversion" in fields or b"ce-type" in fields or b"ce-id" in fields:
        document = _binary(fields, content_type, body)
        return (read_event(document, accept=accept, now=now),)
    if essence == "application/json":
        return (_bare_json(body, accept=accept, now=now),)
    what = essence or "no content type"
    raise UnsupportedMediaType(
        f"{what} carries no CloudEvent; send {STRUCTURED}, {BATCH}, or ce-* headers"
    )


def status_of(error: GenexecError) -> int:
    """Return the HTTP status that answers *error*; 500 for one that no sender should see."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def code_of(error: GenexecError) -> str:
    """Return the short name of *error* for programs: `bad-event`, `queue-full`."""
    return _WORD_START.sub("-", type(error).__name__).lower()


def _single(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by lower-case name; one that says two things about an event is refused."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if fields.setdefault(lower, value) != value and lower.startswith((b"ce-", b"content-")):
            raise BadEvent(f"the header {lower.decode('latin-1')!r} stands twice")
    return fields


def _batch(value: Json, *, accept: Acceptance, now: datetime) -> tuple[Event, ...]:
    if not isinstance(value, list):
        raise BadEvent("a batch is a JSON array of CloudEvents")
    if len(value) > MAX_BATCH:
        raise BadEvent(f"a batch holds at most {MAX_BATCH} events")
    events = []
    for index, document in enumerate(value):
        try:
            events.append(read_event(document, accept=accept, now=now))
        except BadEvent as error:
            raise type(error)(f"event {index} of the batch: {error}") from error
    return tuple(events)


def _bare_json(body: bytes, *, accept: Acceptance, now: datetime) -> Event:
    """Plain JSON counts as structured mode when it says so itself."""
    document = parse(body)
    if isinstance(document, Mapping) and (
        "specversion" in document or (accept is Acceptance.LENIENT and "type" in document)
    ):
        return read_event(document, accept=accept, now=now, raw=body)
    raise BadEvent("the JSON body has no 'specversion': it is not a CloudEvent")


def _binary(fields: Mapping[bytes, bytes], content_type: str, body: bytes) -> dict[str, Json]:
    document: dict[str, Json] = {
        name[3:].decode("latin-1"): _attribute(value)
        for name, value in fields.items()
        if name.startswith(b"ce-") and name != b"ce-data"
    }
    if content_type:
        document["datacontenttype"] = content_type
    if not body:
        return document
    if is_json(content_type or "application/json"):
        return document | {"data": parse(body)}
    try:
        return document | {"data": body.decode("utf-8")}
    except UnicodeDecodeError:
        return document | {"data_base64": base64.b64encode(body).decode("ascii")}


def _attribute(value: bytes) -> str:
    """Decode percent signs once (section 3.1.3.2); Go senders leave blanks as they are."""
    value = value.strip(b" \t")
    if _BAD_PERCENT.search(value.decode("latin-1")):
        decoded = value
    else:
        decoded = _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), value)
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEvent("an attribute header is not UTF-8 after percent-decoding") from error
