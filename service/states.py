"""The states of a run and of an outgoing event, with every transition.

The same words stand in the code, the SQL files, the command line, the logs, the pages and
the documentation. Every state has an owner, who moves it on, and a deadline.

    accepted ──► ignored                              (no script, or not for us)
        ├──────► cancelled                            (before it was looked up; so below)
        ├──────► unresolved ──► queued | ignored | errored | cancelled
        └──────► queued ──► running ──► passed | warned | failed | errored
                    ▲          │           | timed-out | interrupted | cancelled
                    └──────────┘ (next attempt of a repeatable script)

| state      | means                                     | owner  | deadline                    |
|------------|-------------------------------------------|--------|-----------------------------|
| accepted   | on disk, not looked at yet                | worker | a free place                |
| unresolved | the scripts could not be looked up        | worker | 9 minutes, then given up    |
| queued     | scripts are chosen, waits for its turn    | worker | a free place, its next try  |
| running    | its scripts are being run                 | worker | the sum of their deadlines  |

A person may cancel a run in each of these states: it ends `cancelled`, and is answered if it
is ours to answer. A run that nobody owns, after a fault of ours, is taken up again within a minute.

Outgoing events: `pending` → `sent` | `dead`; owned by delivery, given up after 24 hours.
"""

from enum import StrEnum


class State(StrEnum):
    """Where the run of one accepted event stands."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    UNRESOLVED = "unresolved"
    QUEUED = "queued"
    RUNNING = "running"
    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERRORED = "errored"
    TIMED_OUT = "timed-out"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Say whether nothing follows this state (an `unresolved` run may still be given up)."""
        return self not in _OPEN


class OutgoingState(StrEnum):
    """Where an event that we send stands."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


_OPEN = {State.ACCEPTED, State.UNRESOLVED, State.QUEUED, State.RUNNING}
