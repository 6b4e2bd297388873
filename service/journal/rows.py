"""Values as rows, rows as values: only this knows the order of columns.

`inbox`, `record` and `reading` put the statements around it. An event is stored as the
document the script gets and, beside it, what was filled in or read out of it, so that it
comes back exactly as it was accepted, whatever later versions think of such an event.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from service.errors import JournalUnreadable
from service.event import Event
from service.keptn_events import Belonging
from service.runs import Accepted, Arrival, Attempt, Delivery, Outgoing, Run
from service.states import OutgoingState, State
from service.strict_json import Json, compact

Row = Sequence[Any]

ACCEPTED = (
    "run, id, source, digest, type, context, project, stage, service, accepted_at, sender,"
    " document, beside, checksum"
)
ACCEPTED_BACK = "seq, run, project, stage, service, accepted_at, document, beside, checksum"
UNSEEN = "run, seq, id, source, type, context, project, stage, service, accepted_at"
RUN = (
    "id, seq, event_id, source, type, context, project, stage, service, accepted_at, state,"
    ' reason, started_at, ended_at, result, status, message, "commit", note'
)
ATTEMPT = (
    'run, position, number, script, level, path, "commit", blob, state, started_at, ended_at,'
    " exit_code, signal, http_status, ending, detail, message, cut, structured, leftovers"
)
OUTGOING = "id, run, type, context, kind, hops, body, created_at, checksum"
DELIVERY = OUTGOING + ", state, attempts, last_error, sent_at"
FORGOTTEN = "is no longer kept"
DAMAGED = "was damaged and could not be salvaged"


def arrival_row(arrival: Arrival, digest: bytes) -> Row:
    event, where = arrival.event, arrival.belonging
    document, beside = compact(event.document), compact(_beside(event))
    belonging = (where.project, where.stage, where.service)
    return (
        arrival.run, event.id, event.source, digest, event.type, event.context, *belonging,
        written(arrival.at), arrival.sender, document, beside,
        stored_checksum(arrival.run, *belonging, document, beside),
    )  # fmt: skip


def accepted_of(row: Row) -> Accepted:
    """Return the accepted event. Raises `JournalUnreadable` when it is damaged or forgotten."""
    seq, run, project, stage, service, at, document, beside, checksum = row
    if not document:
        raise JournalUnreadable(f"the event of run {run} {beside or FORGOTTEN}")
    if checksum != stored_checksum(run, project, stage, service, document, beside):
        raise JournalUnreadable(f"the stored event of run {run} is damaged; it is not run")
    return Accepted(
        seq=seq,
        run=run,
        event=_event_of(json.loads(document), json.loads(beside)),
        belonging=Belonging(project=project, stage=stage, service=service),
        at=datetime.fromisoformat(at),
    )


def unseen_run(row: Row) -> Run:
    """Return the run of an event that nobody has looked at yet."""
    return Run(**_identity(row), state=State.ACCEPTED)


def run_row(run: Run) -> Row:
    return (
        run.id, run.seq, run.event_id, run.source, run.type, run.context, run.project, run.stage,
        run.service, written(run.accepted_at), run.state.value, run.reason,
        _or_none(run.started_at), _or_none(run.ended_at), run.result, run.status, run.message,
        run.commit, run.note,
    )  # fmt: skip


def run_of(row: Row) -> Run:
    state, reason, started, ended, result, status, message, commit, note = row[10:]
    return Run(
        **_identity(row),
        state=State(state),
        reason=reason,
        started_at=_time_or_none(started),
        ended_at=_time_or_none(ended),
        result=result,
        status=status,
        message=message,
        commit=commit,
        note=note,
    )


def attempt_row(run: str, attempt: Attempt) -> Row:
    return (
        run, attempt.position, attempt.number, attempt.script, attempt.level, attempt.path,
        attempt.commit, attempt.blob, attempt.state.value, _or_none(attempt.started_at),
        _or_none(attempt.ended_at), attempt.exit_code, attempt.signal, attempt.http_status,
        str(attempt.ending), attempt.detail, attempt.message, attempt.cut,
        compact(attempt.structured), attempt.leftovers,
    )  # fmt: skip


def attempt_of(row: Row, output: bytes = b"") -> Attempt:
    names = ("position", "number", "script", "level", "path", "commit", "blob")
    more = ("exit_code", "signal", "http_status", "ending", "detail", "message", "cut")
    return Attempt(
        **dict(zip(names, row[1:8], strict=True)),
        state=State(row[8]),
        started_at=_time_or_none(row[9]),
        ended_at=_time_or_none(row[10]),
        **dict(zip(more, row[11:18], strict=True)),
        structured=json.loads(row[18]),
        leftovers=row[19],
        output=output,
    )


def outgoing_row(event: Outgoing) -> Row:
    return (
        event.id, event.run, event.type, event.context, event.kind, event.hops, event.body,
        written(event.created_at), zlib.crc32(event.body),
    )  # fmt: skip


def is_sound(row: Row) -> bool:
    """Say whether the body of an outgoing event is as it was written."""
    return bool(zlib.crc32(row[6]) == row[8])


def checksum_of(values: Row) -> int:
    """Return the checksum of a run or an attempt as it stands in its row."""
    texts = [
        value if type(value) is str else "" if value is None else str(value) for value in values
    ]
    return stored_checksum(*texts)


def forgotten_checksum(run: str, event_id: str, source: str) -> int:
    """Return the checksum of an accepted event of which only the identity is kept."""
    return stored_checksum(run, event_id, source)


def delivery_of(row: Row) -> Delivery:
    id_, run, type_, context, kind, hops, body, created, _, state, attempts, error, at = row
    outgoing = Outgoing(
        id=id_,
        run=run,
        type=type_,
        context=context,
        kind=kind,
        hops=hops,
        body=body,
        created_at=datetime.fromisoformat(created),
    )
    return Delivery(
        outgoing=outgoing,
        state=OutgoingState(state),
        attempts=attempts,
        last_error=error,
        sent_at=_time_or_none(at),
    )


def written(time: datetime) -> str:
    """Return *time* so that texts sort like times."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat(timespec="microseconds")


def _or_none(time: datetime | None) -> str | None:
    return None if time is None else written(time)


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _identity(row: Row) -> dict[str, Any]:
    names = ("id", "seq", "event_id", "source", "type", "context", "project", "stage", "service")
    return dict(zip(names, row[:9], strict=True)) | {"accepted_at": datetime.fromisoformat(row[9])}


def _beside(event: Event) -> dict[str, Json]:
    beside: dict[str, Json] = {
        "time": event.time.isoformat(),
        "time_text": event.time_text,
        "extensions": event.extensions,
        "warnings": event.warnings,
    }
    if event.data is not event.document.get("data"):  # it came as `data_base64`
        beside["data"] = event.data
    return beside


def _event_of(document: dict[str, Any], beside: dict[str, Any]) -> Event:
    return Event(
        specversion=document["specversion"],
        id=document["id"],
        source=document["source"],
        type=document["type"],
        time=datetime.fromisoformat(beside["time"]),
        time_text=beside["time_text"],
        data=beside["data"] if "data" in beside else document.get("data"),
        extensions=beside["extensions"],
        document=document,
        warnings=tuple(beside["warnings"]),
    )


def stored_checksum(*texts: str) -> int:
    return zlib.crc32("\0".join(texts).encode("utf-8"))
