"""A long queue beside a short one: runs per second while it drains.

Events are accepted while the engine is stopped by a signal; then it goes on for as long as a
round takes and is stopped again. A delivery that is under way meanwhile must not run out of
time, or it is repeated.
"""

import time
from contextlib import ExitStack
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.load import loaded
from benchmarks.rounds import ratio, taking_turns
from benchmarks.service import Service
from benchmarks.witness import NotDelivered

_ROOM = {"GENEXEC_QUEUE": "1000000", "GENEXEC_SINK_TIMEOUT": "10m"}
_SENDERS = 32
_WARM = 0.2
_MANY = 1000
"""A queue shorter than this may be drained while we warm up."""
_LOOK = 0.01


def measure(bench: Bench) -> list[Row]:
    """Fill the long queue once and the short one anew in every round."""
    with ExitStack() as stack:
        long, short = (
            stack.enter_context(bench.running(f"backlog-{name}", **_ROOM))
            for name in ("long", "short")
        )
        found: dict[str, list[float]] = {}

        def all_rounds() -> None:
            rounds = {"long": lambda: _drain(bench, long), "short": lambda: _short(bench, short)}
            found.update(taking_turns(rounds, rounds=bench.size.rounds, quiet=bench.quiet))
            long.stop()
            raise StopIteration

        loaded(short, bench.tools, count=100)
        loaded(long, bench.tools, count=100)
        long.freeze_engine()
        before = 100
        load = loaded(
            long, bench.tools / "long", count=bench.size.queue, whole=False, wait="accepted",
            connections=_SENDERS, outstanding=_SENDERS, when_sent=all_rounds,
        )  # fmt: skip
        passed, waiting = (
            long.reader.counts()["passed"] - before,
            long.reader.outgoing_counts()["pending"],
        )
        delivered = sum(1 for line in load.seen if line.what == "f")
        if not 0 <= passed - delivered <= waiting:
            raise NotDelivered(
                f"{passed} runs passed, {delivered} answers came, {waiting} are still to be sent"
            )
    return [
        Row(
            what=f"Runs per second with {bench.size.queue:,} queued "
            f"÷ with {bench.size.short_queue:,}",
            value=ratio(found, "long", "short"), at_least=0.95,
            how=(
                f"{median(found['long']):.0f} of {median(found['short']):.0f} per second; "
                + ", ".join(f"`{name}={value}`" for name, value in _ROOM.items())
            ),
        )
    ]  # fmt: skip


def _short(bench: Bench, service: Service) -> float:
    """Fill the short queue, drain it, wait for the last answer; every event is checked."""
    service.freeze_engine()
    rates: list[float] = []
    loaded(
        service, bench.tools / "short", count=bench.size.short_queue, wait="accepted",
        connections=_SENDERS, outstanding=_SENDERS,
        when_sent=lambda: rates.append(_drain(bench, service, until_empty=True)),
    )  # fmt: skip
    return rates[0]


def _drain(bench: Bench, service: Service, *, until_empty: bool = False) -> float:
    """Let the engine go on for the seconds of a round; return the runs per second."""
    service.thaw_engine()
    if bench.size.short_queue >= _MANY:
        time.sleep(min(_WARM, bench.size.seconds / 5))  # the first runs are slower
    reader = service.reader
    first, begun = reader.counts()["passed"], time.monotonic()
    end = begun + bench.size.seconds
    last, seen_at = first, begun
    while time.monotonic() < end:
        time.sleep(_LOOK)
        now = reader.counts()["passed"]
        if now > last:
            last, seen_at = now, time.monotonic()
        if until_empty and not reader.open_events():
            break
    if not until_empty:
        service.freeze_engine()
    return (last - first) / max(_LOOK, seen_at - begun)
