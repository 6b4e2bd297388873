"""What is going to happen, all of it drawn from the seed: events, repetitions, faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from campaign.scripts import ATTEMPTS, ESCAPES, KINDS, MIXED, Kind

DUPLICATES = 0.25
PER_CONTEXT = 3
_LATEST = 30.0
SINK_FAULTS = ("down", "silent", "500", "429", "307", "cut")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One event that is going to be sent."""

    id: str
    kind: Kind
    context: str
    document: Mapping[str, object]
    at: float
    """Seconds from the beginning of the chapter."""
    again: tuple[float, ...] = ()
    """Seconds from its acceptance at which it is sent once more."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One death of the service, or of one process of it."""

    after: float
    """Seconds from the moment at which it is ready."""
    who: str
    """`all`, `machine` for the end of all with their scripts, `term` for an orderly end, or
    the name of one process."""


def planned_events(
    random: Random,
    *,
    count: int,
    seconds: float,
    prefix: str,
    only: Sequence[str] = (),
    weights: Sequence[float] = (),
) -> list[Planned]:
    """Return events of mixed kinds, or of those named in *only*, spread over *seconds*.

    *weights* are those of *only*, when they differ from the ones of the kinds.
    """
    names = list(only or MIXED)
    chosen = random.choices(names, weights or [KINDS[name].weight for name in names], k=count)
    events = []
    for number, name in enumerate(chosen):
        kind = KINDS[name]
        own = kind.answer != "task" or random.random() < 0.3
        context = f"{prefix}-own-{number}" if own else f"{prefix}-shared-{number // PER_CONTEXT}"
        again: tuple[float, ...] = ()
        if random.random() < DUPLICATES:
            again = (
                random.choice(
                    (0.0, random.uniform(0, 2), random.uniform(0, min(seconds / 2, _LATEST)))
                ),
            )
        events.append(
            Planned(
                id=f"{prefix}-{number}",
                kind=kind,
                context=context,
                document=_document(random, f"{prefix}-{number}", kind, context),
                at=seconds * number / count,
                again=again,
            )
        )
    return events


def planned_kills(random: Random, count: int, orderly: int) -> list[Kill]:
    """Return *count* deaths, half of which take everything at once, and *orderly* ends."""
    single = ("engine", "web", "worker", "keeper", "runner")
    kills = []
    for number in range(count + orderly):
        draw = random.random()
        who = "all" if draw < 0.4 else "machine" if draw < 0.55 else random.choice(single)
        who = who if number < count else "term"
        kills.append(Kill(after=random.uniform(0.05, 0.8), who=who))
    random.shuffle(kills)
    return kills


def fault_turns(random: Random, names: Sequence[str], *, share: float) -> list[tuple[str, float]]:
    """Return what a neighbour does for how many seconds, faults and good times in turn.

    It is gone through again and again; *share* is how much of the time is bad.
    """
    order = list(names) * 2
    random.shuffle(order)
    turns = []
    for name in order:
        bad = random.uniform(0.4, 2.2)
        turns += [("up", bad * (1 - share) / share), (name, bad)]
    return turns


def _document(random: Random, id_: str, kind: Kind, context: str) -> dict[str, object]:
    data: dict[str, object] = {
        "project": f"project-{random.randrange(4)}",
        "stage": "dev",
        "service": "carts",
        "tenths": str(random.randrange(1, 9)),
        "way": str(random.randrange(len(ESCAPES))),
        "passes_at": str(random.randrange(1, ATTEMPTS + 2)),
    }
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": id_,
        "source": "campaign",
        "type": kind.type,
        "shkeptncontext": context,
        "data": data,
    }
    if kind.answer == "action":
        data["action"] = {"action": "restart", "name": "Restart"}
        document |= {"specversion": "0.2", "contenttype": "application/json"}
    return document
