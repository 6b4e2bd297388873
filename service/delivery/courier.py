"""One attempt to deliver the first event of a line, and what follows.

`outbox` says when; this module asks the sender once, tells the journal, judges the sink
(`condition`) and puts the line back: ready for its next event, or resting until the next
attempt. There is a log record when the sink turns and one per dead letter, none per attempt.
"""

import logging
from dataclasses import dataclass
from secrets import SystemRandom

from service.delivery.condition import Condition
from service.delivery.lines import Line, Lines
from service.delivery.marks import SentMarks
from service.errors import JournalUnavailable, SinkRefused, SinkUnavailable
from service.ports import Clock, Journal, Sender

log = logging.getLogger(__name__)

NO_SINK = "no sink configured"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long an event is tried, in seconds."""

    first_pause: float
    longest_pause: float
    give_up: float

    def pause(self, failures: int, random: SystemRandom) -> float:
        """Return the pause after so many failures in a row: doubling, varied by half."""
        doubled = self.first_pause * 2.0 ** min(failures - 1, 30)
        return min(self.longest_pause, doubled * random.uniform(0.5, 1.5))


class Courier:
    """Carries events to the sender and counts what became of them."""

    def __init__(
        self,
        journal: Journal,
        sender: Sender | None,
        *,
        clock: Clock,
        lines: Lines,
        condition: Condition,
        patience: Patience,
    ) -> None:
        self._journal = journal
        self._sender = sender
        self._clock = clock
        self._lines = lines
        self._condition = condition
        self._patience = patience
        self._random = SystemRandom()
        self.marks = SentMarks(journal)
        self.sent = 0
        self.failed = 0
        self.dead = 0

    async def deliver(self, line: Line) -> None:
        """Try to deliver the first event of a taken line; the line is put back in any case."""
        try:
            await self._attempt(line)
        except JournalUnavailable as error:
            log.warning("delivery goes on in a moment: %s", error, extra=_about(line))
            self._rest(line)
        except Exception:
            log.exception("a fault of ours; the event is sent again", extra=_about(line))
            self._rest(line)

    async def bury_expired(self, lines: list[Line]) -> None:
        """Bury the first events of taken lines, and those behind them that have expired, too."""
        for line in lines:
            try:
                await self._bury_head(line, self._given_up(self._condition.trouble))
                while self._lines.advance(line):
                    if line.head.expires > self._clock.monotonic():
                        self._lines.release(line)
                        break
                    await self._bury_head(line, self._given_up(self._condition.trouble))
            except Exception:
                log.exception("expired events are buried later", extra=_about(line))
                self._rest(line)

    async def _attempt(self, line: Line) -> None:
        if self._sender is None:
            await self._bury_head(line, NO_SINK)
            self._next(line)
            return
        body = line.head.body or self._read(line.head.id)
        if body is None:
            self._next(line)
            return
        try:
            await self._sender.send(body)
        except SinkRefused as error:
            self._reached()
            await self._bury_head(line, str(error))
        except SinkUnavailable as error:
            await self._failed(line, error)
            return
        else:
            self._reached()
            self.marks.add(line.head.id)
            self.sent += 1
        self._next(line)

    def _read(self, event_id: str) -> bytes | None:
        outgoing = self._journal.outgoing(event_id)
        return outgoing.body if outgoing else None

    async def _failed(self, line: Line, error: SinkUnavailable) -> None:
        self.failed += 1
        now, wish = self._clock.monotonic(), error.retry_after or 0.0
        if self._condition.failed(line.context, now=now, why=str(error), wish=wish):
            log.error(
                "the sink takes no events, %d wait and are sent when it does: %s",
                len(self._lines),
                error,
                extra={"alarm": "sink-down"} | _about(line),
            )
        if now >= line.head.expires:
            await self._bury_head(line, self._given_up(str(error)))
            self._next(line)
            return
        self._journal.attempted(line.head.id, error=str(error))
        self._rest(line, wish=wish)

    def _reached(self) -> None:
        """The sink answered to the event itself: those who wait for the sink need not wait."""
        if self._condition.succeeded():
            log.warning(
                "the sink takes events again, %d wait and are sent now",
                len(self._lines),
                extra={"alarm": "sink-up"},
            )
            self._lines.rouse(self._clock.monotonic())

    async def _bury_head(self, line: Line, reason: str) -> None:
        await self._journal.bury(line.head.id, error=reason)
        self.dead += 1
        if self._sender:
            about = {"alarm": "dead-letter"} | _about(line)
            log.error("the event is a dead letter now: %s", reason, extra=about)

    def _given_up(self, trouble: str) -> str:
        return f"given up after {self._patience.give_up / 3600:g} h: {trouble}"

    def _next(self, line: Line) -> None:
        if self._lines.advance(line):
            self._lines.release(line)

    def _rest(self, line: Line, *, wish: float = 0.0) -> None:
        line.failures += 1
        now = self._clock.monotonic()
        line.not_before = now + wish
        pause = self._patience.pause(line.failures, self._random)
        self._lines.rest(line, until=now + max(pause, wish))


def _about(line: Line) -> dict[str, str]:
    return {"event": line.head.id, "context": line.context}
