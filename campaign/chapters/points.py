"""Deaths at each of the twelve named points (`service.wiring.crash_points`): R1, R2, R3.

After the crash either everything else is killed, too, or the supervisor brings back what died.
"""

import time

from campaign.chapter import Chapter
from campaign.plan import planned_events
from campaign.service import ServiceFailed
from service.config.reading import CRASH_AT
from service.wiring.crash_points import KEY_FILE, POINTS

PROMISES = ("R1", "R2", "R3")

_KINDS = ("quick", "several", "failing", "slow", "action", "asking", "notice")
_DIES_WITHIN = 15.0
_BACK_WITHIN = 8.0


def run(chapter: Chapter) -> None:
    """Arm each point in turn, send until it strikes, and see to it that life goes on."""
    rounds = [(point, number) for number in range(chapter.size.per_point) for point in POINTS]
    chapter.random.shuffle(rounds)
    struck = dict.fromkeys(POINTS, 0)
    for index, (point, _) in enumerate(rounds):
        if not chapter.has_time():
            break
        if _strike(chapter, point, index):
            struck[point] += 1
    missed = [point for point, count in struck.items() if not count]
    chapter.figures["crashes"] = sum(struck.values())
    if missed:
        chapter.broken("R2", f"the service never passed {missed}: nothing was tried there")
    chapter.service.kill()
    chapter.service.start()


def _strike(chapter: Chapter, point: str, index: int) -> bool:
    """Return whether the service died at *point*."""
    service = chapter.service
    armed = f"{point}:{chapter.random.randint(1, 3)}"
    key = service.state / KEY_FILE
    key.write_text(armed)
    service.start(more={CRASH_AT: armed})
    events = iter(
        chapter.plan(
            planned_events(
                chapter.random, count=100, seconds=0, prefix=f"p{index}-{point}", only=_KINDS
            )
        )
    )
    sent = []
    deadline = time.monotonic() + _DIES_WITHIN
    while key.exists() and time.monotonic() < deadline:
        event = next(events, None)
        if event is not None:
            sent.append(event.id)
            chapter.sender.send(event)
        time.sleep(0.1)
    for event in events:
        del chapter.events[event.id]
    died = not key.exists()
    key.unlink(missing_ok=True)
    if chapter.random.random() < 0.4:
        try:
            time.sleep(0.1)
            service.wait_until_ready(_BACK_WITHIN)
        except ServiceFailed:
            chapter.figures["slow_returns"] = int(chapter.figures.get("slow_returns", 0)) + 1
    service.kill()
    chapter.expect_nothing_of_now()
    return died
