"""Requests that are not quite right, in their thousands: R8.

The seed of the campaign draws them; what is taken is an event without a script.
"""

import asyncio
from collections import Counter
from urllib.parse import urlsplit

from campaign.chapter import Chapter
from campaign.mutations import exchanges, is_wrong, mutated, status_of

PROMISES = ("R8",)
_AT_ONCE = 50


def run(chapter: Chapter) -> None:
    """Send them and look at the answers, the worker and the log."""
    chapter.service.start()
    worker = chapter.service.parts().get("worker")
    port = urlsplit(chapter.service.address).port or 0
    count = chapter.size.requests
    requests = (mutated(chapter.random, number) for number in range(count))
    answers = asyncio.run(exchanges(port, requests, at_once=_AT_ONCE))
    said = Counter(status_of(answer) for answer in answers)
    wrong = _named(Counter(status_of(answer) for answer in answers if is_wrong(answer)))
    if wrong:
        chapter.broken("R8", f"answers to requests that were not quite right: {wrong}")
    if not said[b"202"] or not said[b"400"]:
        chapter.broken("R8", f"nothing was tried: {dict(said)}")
    if chapter.service.parts().get("worker") != worker:
        chapter.broken("R8", "the worker was started anew")
    chapter.figures |= {"requests": count, "answers": _named(said)}


def _named(said: Counter[bytes]) -> str:
    return ", ".join(f"{n} x {status.decode() or 'closed'}" for status, n in said.most_common())
