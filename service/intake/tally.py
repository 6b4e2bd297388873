"""What the door has answered, counted.

`refusals` counts whatever is refused, `http` what is taken, `keptn` what we fetch; a scrape
looks at the figures. Counting is plain arithmetic on the event loop, because every request
pays for it.
"""

from collections import Counter

from service.figures import Durations, IntakeFigures

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_TAKEN = ("accepted", "duplicate")


class Tally:
    """Counts answers; its event loop counts, any thread may look."""

    def __init__(self) -> None:
        self._requests = Counter[tuple[int, str]]({(202, reason): 0 for reason in _TAKEN})
        self._events = Counter[str](dict.fromkeys(_TAKEN, 0))
        self._seconds = Durations(_BOUNDS)

    def refused(self, status: int, reason: str) -> None:
        """Count a request that was refused; *reason* is one of our codes."""
        self._requests[status, reason] += 1

    def taken(self, *, new: int, duplicates: int, seconds: float) -> None:
        """Count a request whose events are on disk, and the *seconds* until its 202."""
        self._requests[202, "duplicate" if duplicates and not new else "accepted"] += 1
        self._events["accepted"] += new
        self._events["duplicate"] += duplicates
        self._seconds.add(seconds)

    def fetched(self, *, duplicate: bool) -> None:
        """Count an event that we fetched ourselves and that is on disk."""
        self._events["duplicate" if duplicate else "accepted"] += 1

    def figures(self) -> IntakeFigures:
        """Return what was counted so far."""
        return IntakeFigures(
            requests=self._requests.copy(),
            events=self._events.copy(),
            seconds=self._seconds.distribution(),
        )
