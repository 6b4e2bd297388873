"""Which scripts answer an event, decided in one place.

`handling` acts on the decision, `genexec explain` and `genexec check` print it; both call
`decide`, so that what is explained is what is done.
"""

from dataclasses import dataclass, field

from service.errors import SourceUnavailable
from service.event import Event
from service.keptn_events import Belonging, Meaning, meaning_of
from service.ports import Source
from service.scripts import Layout, Listing, LookUp, Plan, look_up, plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Which scripts answer an event, and everything that led there."""

    meaning: Meaning
    question: LookUp | None = None
    listing: Listing | None = None
    plan: Plan = field(default_factory=lambda: Plan(scripts=(), rows=()))
    ignored: str = ""
    """Why nothing runs, empty when something does (or could not be looked up)."""


async def decide(event: Event, belonging: Belonging, *, source: Source, layout: Layout) -> Decision:
    """Return which scripts run for *event* and why; the one place where this is decided.

    Raises `SourceUnavailable` and `SourceMisconfigured`.
    """
    meaning = meaning_of(event)
    if meaning.ignored:
        return Decision(meaning=meaning, ignored=meaning.ignored)
    if not belonging.project:
        return Decision(meaning=meaning, ignored="no project")
    question = look_up(meaning, belonging, layout, event.extension("gitcommitid"))
    listing = await source.look_up(question)
    decided = plan(meaning, question, listing)
    if not decided.scripts and not listing.fresh:
        raise SourceUnavailable(listing.note)
    return Decision(
        meaning=meaning,
        question=question,
        listing=listing,
        plan=decided,
        ignored="" if decided.scripts else "no script",
    )
