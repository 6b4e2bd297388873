"""Events waiting to leave, in one line per context.

`outbox` puts events in and takes lines out; this module only keeps the order. A line is
ready, taken (its first event is being sent) or resting (its first event failed a moment
ago). There may be hundreds of thousands of events, so an event is an id and a link to the
next one; its body is held while there is room and is read from the journal otherwise.
"""

import heapq
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Entry:
    """One event in a line."""

    id: str
    expires: float
    """Monotonic seconds after which it is given up when it cannot be delivered."""
    body: bytes | None
    """None when it is to be read from the journal."""
    next: "Entry | None" = None


@dataclass(slots=True)
class Line:
    """The events of one context, the oldest first."""

    context: str
    head: Entry
    tail: Entry
    failures: int = 0
    """Failed attempts of the first event, in a row."""
    not_before: float = 0.0
    """Monotonic seconds until which the sink asked to be left alone."""


class Lines:
    """All lines; bodies are held up to *room* bytes together."""

    def __init__(self, *, room: int) -> None:
        self._lines: dict[str, Line] = {}
        self._ready: deque[str] = deque()
        self._resting: list[tuple[float, str]] = []
        self._room = room
        self._events = 0

    def __len__(self) -> int:
        return self._events

    @property
    def ready(self) -> int:
        """How many lines can be taken."""
        return len(self._ready)

    @property
    def next_due(self) -> float:
        """When the next line has rested long enough; infinity when none rests."""
        return self._resting[0][0] if self._resting else float("inf")

    @property
    def first_expiry(self) -> float:
        """The earliest expiry of all first events; infinity when nothing waits."""
        return min((line.head.expires for line in self._lines.values()), default=float("inf"))

    def add(self, context: str, event_id: str, *, expires: float, body: bytes) -> None:
        """Put an event at the end of the line of its context."""
        held = len(body) <= self._room
        entry = Entry(event_id, expires, body if held else None)
        self._room -= len(body) if held else 0
        self._events += 1
        line = self._lines.get(context)
        if line:
            line.tail.next = entry
            line.tail = entry
        else:
            self._lines[context] = Line(context, entry, entry)
            self._ready.append(context)

    def take(self) -> Line:
        """Take the line that has been ready for longest; raises `IndexError` when none is."""
        return self._lines[self._ready.popleft()]

    def take_expired(self, now: float) -> list[Line]:
        """Take all ready lines whose first event has expired."""
        expired = [c for c in self._ready if self._lines[c].head.expires <= now]
        gone = set(expired)
        self._ready = deque(c for c in self._ready if c not in gone)
        return [self._lines[context] for context in expired]

    def advance(self, line: Line) -> bool:
        """Drop the first event of a taken line; False when it was the last and the line is gone."""
        entry = line.head
        self._room += len(entry.body or b"")
        self._events -= 1
        line.failures = 0
        line.not_before = 0.0
        if entry.next is None:
            del self._lines[line.context]
            return False
        line.head = entry.next
        return True

    def release(self, line: Line) -> None:
        """Put a taken line back behind those that are ready."""
        self._ready.append(line.context)

    def rest(self, line: Line, *, until: float) -> None:
        """Put a taken line aside until then."""
        heapq.heappush(self._resting, (until, line.context))

    def rise(self, now: float) -> None:
        """Make the lines ready that have rested long enough."""
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[1])

    def rouse(self, now: float) -> None:
        """Make all resting lines ready, except where the sink asked for more patience."""
        patient = []
        for due, context in sorted(self._resting):
            if self._lines[context].not_before > now:
                patient.append((due, context))
            else:
                self._ready.append(context)
        self._resting = patient
