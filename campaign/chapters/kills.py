"""Deaths at random times, while the sink misbehaves and the Git remote comes and goes.

R1, R2, R3, R4, R5, R7, R10, R11, R15 and R16, all at once. The first start happens without the
remote: events wait for their scripts.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

from campaign.chapter import Chapter
from campaign.plan import SINK_FAULTS, Kill, fault_turns, planned_events, planned_kills
from campaign.service import ServiceFailed

PROMISES = ("R1", "R2", "R3", "R4", "R5", "R7", "R10", "R11", "R15", "R16")

_PER_KILL = 2.4
"""Seconds from one death to the next, roughly: a start, and the time until it is killed."""
_AT_ONCE = 50
_FIRST_AWAY = 3.0
"""Seconds without the remote, while there is no mirror either and the first events come."""


def run(chapter: Chapter) -> None:
    """Go through the chapter; the evidence is gathered by `Chapter.close`."""
    size = chapter.size
    kills = planned_kills(chapter.random, size.kills, size.ends)
    seconds = len(kills) * _PER_KILL
    events = chapter.plan(
        planned_events(chapter.random, count=size.events, seconds=seconds, prefix="k")
    )
    over = threading.Event()
    sink = fault_turns(chapter.random, SINK_FAULTS, share=0.4)
    remote = [("down", _FIRST_AWAY), *fault_turns(chapter.random, ("down",), share=0.5)]
    threads = [
        threading.Thread(target=chapter.sender.send_all, args=(events,), daemon=True),
        threading.Thread(target=_turn, args=(sink, chapter.sink.be, over), daemon=True),
        threading.Thread(target=_turn, args=(remote, chapter.remote.be, over), daemon=True),
    ]
    chapter.remote.down()
    chapter.service.start()
    for thread in threads:
        thread.start()
    done = 0
    for kill in kills:
        if not chapter.has_time():
            break
        time.sleep(kill.after)
        done += _die(chapter, kill)
    threads[0].join()
    over.set()
    for thread in threads:
        thread.join()
    chapter.figures |= {"deaths": done, "orderly_ends": len(chapter.service.exits)}
    chapter.settle()
    _repeat_at_once(chapter)


def _die(chapter: Chapter, kill: Kill) -> bool:
    """Kill, and have the service back: by its supervisor, or by a new start.

    Return whether anybody died: a single process may just be away.
    """
    service = chapter.service
    if kill.who == "term":
        service.stop()
        chapter.expect_nothing_of_now()
        service.start()
        return True
    if kill.who in ("all", "machine"):
        service.kill(machine=kill.who == "machine")
        chapter.expect_nothing_of_now()
        service.start()
        return True
    died = service.kill_one(kill.who)
    if died and kill.who in ("engine", "keeper", "runner"):
        chapter.expect_nothing_of_now()
    try:
        time.sleep(0.1)
        service.wait_until_ready(8.0)
    except ServiceFailed:  # it takes its time when it dies often: a new start is allowed, too
        service.kill()
        chapter.expect_nothing_of_now()
        service.start()
    return died


def _repeat_at_once(chapter: Chapter) -> None:
    """Send events that are long over again, after one more start, fifty at the same time."""
    chapter.service.kill()
    chapter.service.start()
    known = [event for event in chapter.events.values() if event.id in chapter.sender.accepted]
    chosen = chapter.random.sample(known, min(10, len(known)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        again = [event for event in chosen for _ in range(5)]
        answers = list(pool.map(chapter.sender.once_more, again))
    chapter.figures["sent_again_at_once"] = len(answers)


def _turn(turns: list[tuple[str, float]], be: Callable[[str], None], over: threading.Event) -> None:
    for mode, seconds in cycle(turns):
        be(mode)
        if over.wait(seconds):
            return
