"""What happened to an accepted event: a run, an attempt per script.

One accepted event is one run. A run has an attempt for every time one of its scripts was
started. `handling` makes these values, `journal` keeps them, `api` and `cli` show them.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.event import Event
from service.keptn_events import Belonging
from service.states import OutgoingState, State
from service.strict_json import Json

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and can be read aloud, such as `1jkq9m2x4-7f3a8w`.

    Nine characters of milliseconds and 30 random bits, in Crockford's alphabet.
    """
    millis = int(now.timestamp() * 1000)
    bits = random.getrandbits(30)  # differs from others; is no secret
    time = (
        f"{_ALPHABET[millis >> 40 & 31]}{_PAIRS[millis >> 30 & 1023]}{_PAIRS[millis >> 20 & 1023]}"
        f"{_PAIRS[millis >> 10 & 1023]}{_PAIRS[millis & 1023]}"
    )
    return f"{time}-{_PAIRS[bits >> 20]}{_PAIRS[bits >> 10 & 1023]}{_PAIRS[bits & 1023]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """An event at the door, about to be written down."""

    run: str
    """The id of the run it will become, unless it is a duplicate."""
    event: Event
    belonging: Belonging
    at: datetime
    sender: str = ""
    """Who brought it, as far as authentication knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of an arrival."""

    run: str
    """The id of its run; of the first one when it is a duplicate."""
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """As much of an accepted event as choosing the next one takes."""

    seq: int
    run: str
    project: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """An event on disk that waits to be run."""

    seq: int
    """Position in the order of acceptance."""
    run: str
    event: Event
    belonging: Belonging
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One execution of one script of a run."""

    position: int
    """Which of the run's scripts, from 0."""
    number: int
    """Which attempt of it, from 1."""
    script: str
    level: str
    path: str
    commit: str
    blob: str
    state: State
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    http_status: int | None = None
    ending: str = ""
    detail: str = ""
    message: str = ""
    output: bytes = b""
    """Masked, at most the kept part."""
    cut: int = 0
    structured: Mapping[str, Json] = field(default_factory=dict)
    """What the script said as a JSON object, for the answer to its task."""
    leftovers: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """All that is known about the run of one event, without its outputs."""

    id: str
    seq: int
    event_id: str
    source: str
    type: str
    context: str
    project: str
    stage: str
    service: str
    state: State
    reason: str = ""
    """Why it is in this state, in words: `no script`, `exit code 3`, `remote not reachable`."""
    accepted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: str = ""
    status: str = ""
    message: str = ""
    commit: str = ""
    """The commit its first script was read at."""
    note: str = ""
    """What an operator should know: a stale mirror, a dropped follow-up event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A run as a list shows it."""

    run: Run
    asked_by: str
    """The person it was run for, else the sender as authenticated, else the event's source."""
    asked_url: str
    """The message in which it was asked for; empty when nobody said."""
    scripts: tuple[str, ...]
    """Their names, in order; empty until they are chosen."""
    next: tuple[str, ...] = ()
    """Commands of chat that a script has proposed, as it wrote them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An event we send; written down with its final id before the first attempt."""

    id: str
    run: str
    type: str
    context: str
    """Order is kept per context; the run's id where the event has no context."""
    kind: str
    """`started`, `finished` or `follow-up`."""
    hops: int
    """How many events of ours lie between the first foreign event and this one."""
    body: bytes
    """The whole event as structured JSON."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What became of an outgoing event so far."""

    outgoing: Outgoing
    state: OutgoingState
    attempts: int = 0
    last_error: str = ""
    sent_at: datetime | None = None


def opened(accepted: Accepted) -> Run:
    """Return the run of an event that was just taken up."""
    event, where = accepted.event, accepted.belonging
    return Run(
        id=accepted.run,
        seq=accepted.seq,
        event_id=event.id,
        source=event.source,
        type=event.type,
        context=event.context,
        project=where.project,
        stage=where.stage,
        service=where.service,
        state=State.ACCEPTED,
        accepted_at=accepted.at,
    )


def pause_before(number: int) -> float:
    """Return the seconds between an attempt's end and the start of attempt *number* (from 2)."""
    return min(5.0 * 2.0 ** (number - 2), 300.0)
