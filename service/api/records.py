"""The JSON shape of a run, its attempts and what it sent.

The API answers with these and the command line prints them, so that a program may read either.
Names are those of the fields in `runs`; times are RFC 3339 in UTC, null while there is none.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from service.api.reading import RunDetail
from service.runs import Delivery, Run, Summary
from service.strict_json import Json
from service.times import time_string


def run_record(run: Run) -> Mapping[str, Json]:
    """Return *run* as a JSON object."""
    return _record(run)


def summary_record(summary: Summary) -> Mapping[str, Json]:
    """Return a run as a JSON object, with who asked for it and which scripts it ran."""
    beside = {
        "asked_by": summary.asked_by,
        "asked_url": summary.asked_url,
        "next": list(summary.next),
        "scripts": list(summary.scripts),
    }
    return {**run_record(summary.run), **beside}


def detail_record(detail: RunDetail) -> Mapping[str, Json]:
    """Return a run with its event, attempts and outgoing events as one JSON object.

    Outputs are fetched one by one: they may be large.
    """
    return {
        **run_record(detail.run),
        "sender": detail.sender,
        "event": dict(detail.event.document),
        "warnings": list(detail.event.warnings),
        "attempts": [_record(attempt, without="output") for attempt in detail.attempts],
        "outgoing": [outgoing_record(delivery) for delivery in detail.deliveries],
    }


def outgoing_record(delivery: Delivery) -> Mapping[str, Json]:
    """Return an outgoing event and what became of it as a JSON object, without its body."""
    return {
        **_record(delivery.outgoing, without="body"),
        **_record(delivery, without="outgoing"),
    }


def _record(value: object, *, without: str = "") -> dict[str, Json]:
    names = (field.name for field in fields(value) if field.name != without)  # type: ignore[arg-type]  # a dataclass
    return {name: _json(getattr(value, name)) for name in names}


def _json(value: Json | datetime) -> Json:
    if isinstance(value, datetime):
        return time_string(value)
    return dict(value) if isinstance(value, Mapping) else value
