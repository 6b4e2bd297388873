"""Which scripts answer an event, decided in one place.

`handling` acts on the decision (through `choice`, which remembers it), `genexec explain` and
`genexec check` print it; all of them come here, so that what is explained is what is done.
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
    if ignored := nobodys(meaning, belonging):
        return Decision(meaning=meaning, ignored=ignored)
    question = look_up(meaning, belonging, layout, event.extension("gitcommitid"))
    return decided(meaning, question, await source.look_up(question))


def nobodys(meaning: Meaning, belonging: Belonging) -> str:
    """Return why no script is even looked for, else an empty text."""
    return meaning.ignored or ("" if belonging.project else "no project")


def decided(meaning: Meaning, question: LookUp, listing: Listing) -> Decision:
    """Return what *listing*, the answer to *question*, leads to. Raises `SourceUnavailable`."""
    chosen = plan(meaning, question, listing)
    if not chosen.scripts and not listing.fresh:
        raise SourceUnavailable(listing.note)
    return Decision(
        meaning=meaning,
        question=question,
        listing=listing,
        plan=chosen,
        ignored="" if chosen.scripts else "no script",
    )
