"""CloudEvents over HTTP: read strictly, written down, answered, passed on.

A 202 says that the event is on disk; whoever runs it is woken afterwards. What a request must
look like is decided in `http_binding`; `gate` knows who sent it and hands it over whole.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from service.errors import Draining, GenexecError
from service.event import Acceptance, Event
from service.http_binding import BATCH, read_message
from service.intake.asgi import Answer, Request, Response
from service.intake.refusals import JSON_HEADERS, Denial, Refusals
from service.intake.senders import Sender
from service.intake.tally import Tally
from service.keptn_events import Belonging, belonging_of
from service.ports import Clock, Inbox
from service.runs import Arrival, Receipt, new_run_id

_RUNS = "/api/v1/runs"
_ALLOW = (b"allow", b"POST, OPTIONS")

_log = logging.getLogger(__name__)


class EventIntake:
    """Takes events from senders that are known.

    *arrived* is told how many new events were written down; it runs on the event loop and
    must not block. While *draining* says so, events are refused.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        accept: Acceptance,
        default: Belonging,
        clock: Clock,
        arrived: Callable[[int], None],
        draining: Callable[[], bool],
        refusals: Refusals,
        tally: Tally,
    ) -> None:
        self._inbox = inbox
        self._acceptance = accept
        self._default = default
        self._clock = clock
        self._arrived = arrived
        self._draining = draining
        self._refusals = refusals
        self._tally = tally

    async def serve(self, request: Request, body: bytes, *, sender: Sender, answer: Answer) -> None:
        """Answer a request to the path that takes events."""
        who = sender.name or request.peer
        if request.method == "POST":
            await self._take(request.headers, body, sender=sender, who=who, answer=answer)
        elif request.method == "OPTIONS":
            await answer(_permission(dict(request.headers)))
        else:
            message = "events are sent with POST"
            await answer(
                self._refusals.answer(
                    405, "method-not-allowed", message, sender=who, headers=(_ALLOW,)
                )
            )

    async def _take(
        self,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        sender: Sender,
        who: str,
        answer: Answer,
    ) -> None:
        began = self._clock.monotonic()
        try:
            written = await self._write_down(headers, body, sender)
        except GenexecError as error:
            await answer(self._refusals.refuse(error, sender=who))
            return
        except Exception as error:  # noqa: BLE001  # the next request is served all the same
            await answer(self._refusals.failure(error, sender=who))
            return
        if isinstance(written, Denial):
            await answer(self._refusals.deny(written, sender=who))
            return
        batch, receipts = _is_batch(headers), [receipt for _, receipt in written]
        new = sum(not receipt.duplicate for receipt in receipts)
        try:
            await answer(_welcome(receipts, batch=batch))
        finally:
            if new:
                self._arrived(new)
            seconds = self._clock.monotonic() - began
            self._tally.taken(new=new, duplicates=len(receipts) - new, seconds=seconds)
        for event, receipt in written:
            _record(event, receipt, sender=who)

    async def _write_down(
        self, headers: Sequence[tuple[bytes, bytes]], body: bytes, sender: Sender
    ) -> list[tuple[Event, Receipt]] | Denial:
        if self._draining():
            raise Draining
        now = self._clock.now()
        events = read_message(headers, body, accept=self._acceptance, now=now)
        arrivals = [
            Arrival(
                run=run,
                event=event,
                belonging=belonging_of(event, self._default),
                at=now,
                sender=sender.name,
            )
            for run, event in zip(_run_ids(now, len(events)), events, strict=True)
        ]
        denial = _denial(sender, arrivals, batch=_is_batch(headers))
        if denial is not None:
            return denial
        receipts = await self._inbox.accept(arrivals) if arrivals else ()
        return list(zip(events, receipts, strict=True))


def _denial(sender: Sender, arrivals: Sequence[Arrival], *, batch: bool) -> Denial | None:
    """Return why *sender* may not send these, None when it may send them all."""
    for index, arrival in enumerate(arrivals):
        project = arrival.belonging.project
        if not sender.may_send(arrival.event.type):
            what = f"events of type {arrival.event.type!r}"
        elif not sender.may_touch(project):
            what = f"events for project {project!r}" if project else "events without a project"
        else:
            continue
        where = f"event {index} of the batch: " if batch else ""
        message = f"{where}sender {sender.name!r} may not send {what}"
        return Denial(status=403, code="not-allowed", message=message)
    return None


def _welcome(receipts: Sequence[Receipt], *, batch: bool) -> Response:
    duplicates = sum(receipt.duplicate for receipt in receipts)
    answer: dict[str, object] = {"runs": [receipt.run for receipt in receipts]}
    if duplicates:
        answer["duplicates"] = duplicates
    location = _RUNS if batch else f"{_RUNS}/{receipts[0].run}"
    return Response(
        status=202,
        headers=(*JSON_HEADERS, (b"location", location.encode("ascii"))),
        body=json.dumps(answer).encode("ascii") + b"\n",
    )


def _permission(headers: Mapping[bytes, bytes]) -> Response:
    """Agree to deliveries, as the CloudEvents web hook specification asks (section 4)."""
    granted: tuple[tuple[bytes, bytes], ...] = (_ALLOW, (b"webhook-allowed-rate", b"*"))
    if b"webhook-request-origin" in headers:
        granted += ((b"webhook-allowed-origin", b"*"),)
    return Response(status=200, headers=granted)


def _record(event: Event, receipt: Receipt, *, sender: str) -> None:
    what = "was accepted before; nothing new is run" if receipt.duplicate else "accepted, runs next"
    _log.info(
        "%s %s",
        event.type,
        what,
        extra={"run": receipt.run, "event": event.id, "sender": sender},
    )


def _run_ids(now: datetime, count: int) -> list[str]:
    """Return ids that differ, in their order: a batch comes in within one millisecond."""
    ids: set[str] = set()
    while len(ids) < count:
        ids.add(new_run_id(now))
    return sorted(ids)


def _is_batch(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    content_type = next((value for name, value in headers if name == b"content-type"), b"")
    return content_type.partition(b";")[0].strip().lower() == BATCH.encode("ascii")
