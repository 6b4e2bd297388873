"""How the API reaches the engine, and the door for events made here."""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service import errors
from service.api.engine import Piece
from service.api.visitor import Visitor
from service.errors import Draining, EventTooLarge, NeverAgain, NotPermitted, SourceUnavailable
from service.event import Event
from service.intake.tally import Tally
from service.keptn_events import Belonging, belonging_of
from service.ports import Clock, Inbox
from service.runs import Arrival, Receipt, new_run_id
from service.strict_json import Json
from service.wiring.talk import Answer, Asker

log = logging.getLogger(__name__)

_USUAL = 5.0
_SLOW = 20.0
"""Seconds for what may have to wait for a first fetch."""
_LARGEST = 48 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedEngine:
    """Implements `api.engine.Engine` with questions over the socket."""

    asker: Asker
    fetching: float
    """Seconds that a fetch may take."""
    draining: Callable[[], bool]
    """Once it says so, no answer is waited for."""

    def refresh(self, project: str) -> str:
        """Look for new commits of *project*; return what was found, in words."""
        return str(self._asked("refresh", self.fetching + 1, project=project)["said"])

    def explain(self, document: Mapping[str, Json]) -> Mapping[str, Json]:
        text = json.dumps(document)
        if len(text) > _LARGEST:
            raise EventTooLarge("this event is too large to be explained")
        return self._asked("explain", _SLOW, document=text)

    def scripts(self, place: Belonging) -> Sequence[Mapping[str, Json]]:
        found: Sequence[Mapping[str, Json]] = self._asked("scripts", _SLOW, **_words(place))[
            "scripts"
        ]
        return found

    def script(self, name: str, place: Belonging) -> Mapping[str, Json]:
        return self._asked("script", _SLOW, name=name[:300], **_words(place))

    def cancel(self, run: str, by: str) -> bool:
        return bool(self._asked("cancel", _SLOW, run=run, by=by)["cancelled"])

    def live(self, run: str, *, attempt: tuple[int, int], start: int) -> Piece | None:
        position, number = map(str, attempt)
        details = {"run": run, "position": position, "attempt": number, "start": str(start)}
        told = self._asked("live", _USUAL, **details)
        if not told:
            return None
        return Piece(
            position=told["position"],
            number=told["number"],
            start=told["start"],
            content=base64.b64decode(told["content"]),
        )

    def _asked(self, question: str, seconds: float, **details: str) -> Answer:
        words: Any = details  # none of them is called like a parameter
        answer = self.asker.ask(question, seconds=seconds, unless=self.draining, **words)
        if "unavailable" in answer:
            raise SourceUnavailable(answer["unavailable"])
        if "refused" in answer:
            kind: Any = getattr(errors, answer["kind"], NeverAgain)
            raise kind(answer["refused"])
        return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class InboxDoor:
    """Implements `api.engine.Door` with the inbox that intake writes, too."""

    inbox: Inbox
    default: Belonging
    clock: Clock
    draining: Callable[[], bool]
    wake: int
    tally: Tally

    def take(self, event: Event, visitor: Visitor) -> str:
        if self.draining():
            raise Draining
        began, now = self.clock.monotonic(), self.clock.now()
        belonging = belonging_of(event, self.default)
        who = f"sender {visitor.name!r}"
        if not visitor.may_send(event.type):
            raise NotPermitted(f"{who} may not send events of type {event.type!r}")
        if not visitor.may_touch(belonging.project):
            raise NotPermitted(f"{who} may not send events for project {belonging.project!r}")
        arrival = Arrival(
            run=new_run_id(now), event=event, belonging=belonging, at=now, sender=visitor.name
        )
        (receipt,) = asyncio.run(self._accepted(arrival))
        os.eventfd_write(self.wake, 1)
        self.tally.taken(new=1, duplicates=0, seconds=self.clock.monotonic() - began)
        details = {"run": receipt.run, "event": event.id, "sender": visitor.name}
        log.info("%s accepted, runs next", event.type, extra=details)
        return receipt.run

    async def _accepted(self, arrival: Arrival) -> Sequence[Receipt]:
        return await self.inbox.accept([arrival])


def _words(place: Belonging) -> dict[str, str]:
    return {"project": place.project, "stage": place.stage, "service": place.service}
