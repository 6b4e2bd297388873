"""What the load saw, and whether every event came to its end once and in order.

A benchmark that only counts finds lost and doubled answers fast.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SHOWN = 5
_FEW = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the witness file; `programs/load.c` says what the letters mean."""

    time: int
    """Microseconds of a clock that only goes forward."""
    what: str
    number: int
    status: int


class NotDelivered(Exception):
    """Something was lost, came twice or out of order: the figures of this round are void."""


def read_witness(file: Path) -> list[Seen]:
    """Return the lines of a witness file in the order they were seen."""
    with file.open(encoding="ascii") as lines:
        return [
            Seen(int(time), what, int(number), int(status))
            for time, what, number, status in (line.split() for line in lines)
        ]


def broken(seen: Iterable[Seen], *, whole: bool = True) -> list[str]:
    """Return what is wrong, each fault with the numbers of some of its events.

    Every event is sent once, accepted once, started once and finished once with `pass`, in
    this order. With *whole* false sending was all that was waited for: answers may be missing,
    but those that came must be right.
    """
    story: dict[int, str] = defaultdict(str)
    faults: dict[str, list[int]] = defaultdict(list)
    for line in seen:
        if line.what == "a" and line.status != 202:
            faults[f"answered with {line.status}"].append(line.number)
        elif line.what in "Fo":
            faults["finished otherwise than with pass" if line.what == "F" else "strange"].append(
                line.number
            )
        story[line.number] += line.what
    for number, letters in story.items():
        for fault in _faults(letters, whole=whole):
            faults[fault].append(number)
    return [
        f"{len(numbers)} events: {fault}, such as {', '.join(map(str, numbers[:_SHOWN]))}"
        for fault, numbers in faults.items()
    ]


def _faults(letters: str, *, whole: bool) -> Iterable[str]:
    """Yield what is wrong with one event: the letters of what happened to it, in order.

    Starting may overtake the answer to the sender, which travels on another connection.
    """
    if letters.count("p") != 1 or letters[0] != "p":
        yield "an answer to nothing that was sent"
    for letter, name in (("a", "acceptance"), ("s", "started"), ("f", "finished")):
        if letters.count(letter) > 1:
            yield f"{name} came twice"
        elif letter not in letters and (whole or letter == "a"):
            yield f"{name} is lost"
    started, finished = letters.find("s"), letters.find("f")
    if finished >= 0 and not 0 <= started < finished:
        yield "finished came before started"


def insist_on_delivery(seen: Iterable[Seen], *, whole: bool = True) -> None:
    """Raise `NotDelivered` when something is wrong."""
    faults = broken(seen, whole=whole)
    if faults:
        raise NotDelivered("; ".join(faults))


def rate_of(seen: list[Seen], what: str, *, warm: float = 0.0) -> float:
    """Return how many of *what* came per second, from *warm* seconds on to the last sending.

    A few are all counted, from the first sending to the last of them.
    """
    sent = [line.time for line in seen if line.what == "p"]
    came = [line.time for line in seen if line.what == what]
    begin, end = sent[0] + warm * 1e6, sent[-1]
    count = sum(1 for time in came if begin <= time < end)
    if count < _FEW:
        begin, end, count = sent[0], came[-1], len(came)
    return count * 1e6 / (end - begin)


def waits(seen: list[Seen], what: str) -> list[float]:
    """Return the microseconds from sending to *what* of every event that got there, sorted."""
    sent = {line.number: line.time for line in seen if line.what == "p"}
    return sorted(line.time - sent[line.number] for line in seen if line.what == what)


def quantile(ordered: list[float], share: float) -> float:
    """Return the value that *share* of all do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
