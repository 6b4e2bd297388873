"""Ten times more comes than can be run, with output bombs and stalled connections: R9.

The sender of this chapter is no good one: it does not repeat what was refused. What was
accepted has to be ended like everything else.
"""

import threading
from contextlib import suppress
from itertools import pairwise
from urllib.parse import urlsplit

from campaign.chapter import Chapter
from campaign.flood import Flood, Stalled, seconds_of
from campaign.plan import planned_events
from campaign.processes import memory_of

PROMISES = ("R9",)
AT_ONCE = 4
SETTINGS = {
    "GENEXEC_QUEUE": "200",
    "GENEXEC_HEADER_TIMEOUT": "2s",
    "GENEXEC_BODY_TIMEOUT": "2s",
}
"""The settings of the service in this chapter; stalled connections are dropped soon."""
_CLOSED_WITHIN = 2.0 + 3.0
_NAP = 0.2
_TIMES = 10
_BOMBS = 0.02
_STALLED = 40
_MORE_MEMORY = 150
_HEALTHY_WITHIN = 1.0
_ALLOWED = {"202", "429", "503"}
_WARM = 40
_PARTS = ("web", "worker", "engine", "keeper", "runner")


def run(chapter: Chapter) -> None:
    """Flood it, look at it meanwhile, and leave it in peace."""
    chapter.service.start()
    warm = chapter.plan(
        planned_events(chapter.random, count=_WARM, seconds=1.0, prefix="w", only=("napping",))
    )
    chapter.sender.send_all(warm)
    chapter.settle()
    idle = _memory(chapter)
    seconds = chapter.size.overload
    events = planned_events(
        chapter.random,
        count=round(_TIMES * AT_ONCE / _NAP * seconds),
        seconds=seconds,
        prefix="o",
        only=("napping", "bombing"),
        weights=(1 - _BOMBS, _BOMBS),
    )
    address = urlsplit(chapter.service.address)
    flood = Flood(address.port or 0, events)
    stalled = Stalled(address.port or 0, count=_STALLED)
    over = threading.Event()
    healths: list[float] = []
    most = [idle]
    look = threading.Thread(target=_look, args=(chapter, over, healths, most), daemon=True)
    look.start()
    stalled.start()
    flood.run()
    dropped = stalled.stop()
    over.set()
    look.join()
    chapter.plan([event for event in events if flood.said[event.id] == "202"])
    chapter.sender.accepted |= flood.accepted
    chapter.settle()
    _judge(chapter, flood, dropped, healths)
    most.append(_memory(chapter))
    if max(most) > idle + _MORE_MEMORY:
        chapter.broken("R9", f"memory grew from {idle} to {max(most)} MB")
    chapter.figures |= {
        "flood_s": round(seconds),
        "answers": flood.answers(),
        "idle_mb": idle,
        "most_mb": max(most),
        "afterwards_mb": most[-1],
        "stalled_dropped": len(dropped),
        "slowest_health_s": round(max(healths, default=0.0), 2),
    }


def _judge(
    chapter: Chapter, flood: Flood, dropped: list[float | None], healths: list[float]
) -> None:
    odd = {said: n for said, n in flood.answers().items() if said not in _ALLOWED}
    if odd:
        chapter.broken("R9", f"answers under overload: {odd}")
    if not flood.answers().get("429"):
        chapter.broken("R9", "nothing was refused: that was no overload")
    late = [seconds for seconds in dropped if seconds is None or seconds > _CLOSED_WITHIN]
    if late or not dropped:
        chapter.broken("R9", f"{len(late)} of {len(dropped)} stalled connections were kept")
    # One slow answer may be the machine's: two in a row are not.
    slow = max(map(min, pairwise(healths)), default=_HEALTHY_WITHIN)
    if slow >= _HEALTHY_WITHIN:
        chapter.broken("R9", f"health answered after {slow:.1f} s, twice in a row")


def _look(chapter: Chapter, over: threading.Event, healths: list[float], most: list[int]) -> None:
    while not over.wait(0.25):
        healths.append(seconds_of(f"{chapter.service.address}/healthz"))
        with suppress(ValueError):
            most.append(_memory(chapter))


def _memory(chapter: Chapter) -> int:
    """Return what the processes of the service use, in MB, without those of scripts."""
    parts = chapter.service.parts()
    return round(sum(memory_of(parts[name]) for name in _PARTS if name in parts))
