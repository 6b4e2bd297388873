"""The scripts that answer an event, remembered while nothing has changed.

Most events are of a kind that was there a moment ago: same type, same place, and a source that
gives the same answer as then. `handling` asks here; what is decided is decided in `decision`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from service.decision import Decision, decided, nobodys
from service.event import Event
from service.keptn_events import Belonging, Meaning, meaning_of
from service.ports import Source
from service.preparation import Prepared, prepare
from service.scripts import Layout, LookUp, look_up

_KINDS = 500
_CONTENT = 64 * 1024
"""Bytes of the scripts of one kind of event that are remembered at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A decision, and the scripts that run."""

    decision: Decision
    scripts: tuple[Prepared, ...] = ()


class _Kind(NamedTuple):
    """What events have in common that are answered alike."""

    meaning: Meaning
    belonging: Belonging
    gitcommitid: str


class Choices:
    """Chooses, and remembers the choice as long as the source answers with the same listing."""

    def __init__(self, source: Source, layout: Layout) -> None:
        self._source = source
        self._layout = layout
        self._known: dict[_Kind, tuple[LookUp, Choice]] = {}

    async def of(self, event: Event, belonging: Belonging) -> Choice:
        """Return what runs for *event*. Raises `SourceUnavailable`, `SourceMisconfigured`."""
        meaning = meaning_of(event)
        if ignored := nobodys(meaning, belonging):
            return Choice(decision=Decision(meaning=meaning, ignored=ignored))
        kind = _Kind(meaning, belonging, event.extension("gitcommitid"))
        question, known = self._known.get(kind) or (None, None)
        if question is None:
            question = look_up(meaning, belonging, self._layout, kind.gitcommitid)
        listing = await self._source.look_up(question)
        if known is not None and listing is known.decision.listing:
            return known
        decision = decided(meaning, question, listing)
        if decision.ignored:
            return Choice(decision=decision)
        scripts = [await prepare(self._source, found, listing) for found in decision.plan.scripts]
        choice = Choice(decision=decision, scripts=tuple(scripts))
        self._remember(kind, question, choice)
        return choice

    def _remember(self, kind: _Kind, question: LookUp, choice: Choice) -> None:
        if sum(len(script.content) for script in choice.scripts) > _CONTENT:
            return
        if len(self._known) >= _KINDS:
            self._known.clear()
        self._known[kind] = question, choice
