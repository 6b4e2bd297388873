"""What a service tells about runs, read back into the values it was made of.

The shape is that of `api`. Used by the desk; nothing is asked here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from service.desk import Listed
from service.errors import EngineUnavailable
from service.event import Event, text
from service.runs import Attempt, Delivery, Outgoing, Run, Summary
from service.states import OutgoingState, State
from service.times import parse_time

_FOREIGN = "what answers there is not generic-executor-service"
_T = TypeVar("_T")
_TIMES = ("accepted_at", "started_at", "ended_at", "created_at", "sent_at")
_Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """Everything that a service tells about one run, without its outputs."""

    summary: Summary
    event: Event
    sender: str
    attempts: Sequence[Attempt]
    deliveries: Sequence[Delivery]
    """The bodies of their events are not told."""

    @property
    def run(self) -> Run:
        """Return the run itself."""
        return self.summary.run


def parsed(content: bytes) -> _Record:
    """Return the JSON object that a service has answered with, or raise `EngineUnavailable`."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, Mapping):
        raise EngineUnavailable(_FOREIGN)
    return answer


def told(read: Callable[[_Record], _T], record: _Record) -> _T:
    """Return what *read* makes of *record*; `EngineUnavailable` when it is nothing of ours."""
    try:
        return read(record)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EngineUnavailable(_FOREIGN) from error


def listed_of(record: _Record) -> Listed:
    """Return a script of a list."""
    known = {field.name for field in fields(Listed)}
    return Listed(**{name: value for name, value in record.items() if name in known})


def summary_of(record: _Record) -> Summary:
    """Return a run as a list shows it."""
    run = _values(Run, record)
    return Summary(
        run=Run(**{**run, "state": State(run["state"])}),
        asked_by=record["asked_by"],
        asked_url=record["asked_url"],
        scripts=tuple(record["scripts"]),
        next=tuple(record.get("next", ())),
    )


def detail_of(record: _Record) -> Detail:
    """Return a run with all that belongs to it."""
    summary = summary_of(record)
    return Detail(
        summary=summary,
        event=_event_of(record, summary.run),
        sender=record["sender"],
        attempts=tuple(map(_attempt_of, record["attempts"])),
        deliveries=tuple(map(_delivery_of, record["outgoing"])),
    )


def _event_of(record: _Record, run: Run) -> Event:
    """Return the event as it was taken; it is not judged again."""
    document = dict(record["event"])
    plain = {n: v for n, v in document.items() if not isinstance(v, Mapping | list)}
    return Event(
        specversion=text(document.get("specversion")),
        id=run.event_id,
        source=run.source,
        type=run.type,
        time=run.accepted_at,
        time_text=text(document.get("time")),
        data=document.get("data"),
        extensions={name: text(value) for name, value in plain.items()},
        document=document,
        warnings=tuple(record["warnings"]),
    )


def _attempt_of(record: _Record) -> Attempt:
    values = _values(Attempt, record)
    return Attempt(**{**values, "state": State(values["state"])})


def _delivery_of(record: _Record) -> Delivery:
    outgoing = Outgoing(**_values(Outgoing, record), body=b"")
    values = {**_values(Delivery, record), "state": OutgoingState(record["state"])}
    return Delivery(outgoing=outgoing, **values)


def _values(kind: type, record: _Record) -> dict[str, Any]:
    """Return what *record* says about the fields of *kind*, times read."""
    names = [field.name for field in fields(kind) if field.name in record]
    return {name: _value(name, record[name]) for name in names}


def _value(name: str, value: object) -> object:
    return parse_time(str(value)) if name in _TIMES and value is not None else value
