"""The sink is away and comes back to a backlog, after one more death: R5 and R6.

One context stays refused while the others drain: it must not hold them up.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from campaign.chapter import Chapter
from campaign.evidence import read_taken
from campaign.plan import Planned, planned_events
from service.errors import GenexecError

PROMISES = ("R5", "R6", "R16")

_LEAST = 50
"""Events per second that a backlog drains at."""


def run(chapter: Chapter) -> None:
    """Pile up answers, kill, let the sink come back."""
    size = chapter.size
    chapter.sink.be("down")
    chapter.service.start()
    events = chapter.plan(_events(chapter, size.backlog // 2, size.contexts))
    chapter.sender.send_all(events)
    _wait_for(chapter, lambda: _pending(chapter) >= size.backlog)
    for _ in range(size.restarts):
        chapter.service.kill()
        chapter.expect_nothing_of_now()
        chapter.service.start()
    refused = events[0].context
    behind = sum(2 for event in events if event.context == refused)
    chapter.sink.refused_context = refused
    chapter.sink.be("up")
    begun = time.monotonic()
    _wait_for(chapter, lambda: _pending(chapter) <= behind)
    took = time.monotonic() - begun
    rate = (size.backlog - behind) / took
    chapter.figures |= {"drained_per_s": round(rate), "backlog": size.backlog}
    chapter.figures |= {"contexts": size.contexts, "restarts": size.restarts}
    if rate < _LEAST:
        chapter.broken("R6", f"drained {rate:.0f} events/s, {_LEAST} are promised")
    chapter.sink.refused_context = ""


def _events(chapter: Chapter, count: int, contexts: int) -> list[Planned]:
    """Return quick tasks whose contexts are shared by many."""
    made = []
    for event in planned_events(
        chapter.random, count=count, seconds=count / 1000, prefix="b", only=("quick",)
    ):
        context = f"b-context-{chapter.random.randrange(contexts)}"
        document = {**event.document, "shkeptncontext": context}
        made.append(
            Planned(id=event.id, kind=event.kind, context=context, document=document, at=event.at)
        )
    return made


def _pending(chapter: Chapter) -> int:
    with suppress(GenexecError):
        return int(chapter.service.reader.outgoing_counts()["pending"])
    return -1


def _wait_for(chapter: Chapter, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + chapter.size.settle
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not ready():
        taken, received = read_taken(chapter.folder / "sink.jsonl")
        said = f"{_pending(chapter)} are pending, the sink took {len(taken)} of {received} sent"
        chapter.broken("R6", f"the backlog does not move: {said}")
