"""What a person may ask of an engine that only the engine itself can answer.

The service answers the web process with these (see `answers`), a program that carries the
engine its own caller (see `embedded`): one decision, whoever asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.browsing import listed, shown
from service.decision import decide
from service.desk import Asker, Listed, Shown
from service.engine.live import LiveOutputs
from service.event import Event
from service.explanation import as_dict
from service.keptn_events import Belonging, belonging_of
from service.ports import Source
from service.story import Rules
from service.strict_json import Json
from service.wishes import shown_name
from service.worker import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiries:
    """Asks the parts of a running engine."""

    source: Source
    worker: Worker
    live: LiveOutputs
    rules: Rules
    default: Belonging

    async def explain(self, event: Event) -> Mapping[str, Json]:
        """Return which scripts *event* would run and why."""
        place = belonging_of(event, self.default)
        decision = await decide(event, place, source=self.source, layout=self.rules.layout)
        return as_dict(event, place, decision)

    async def scripts(self, place: Belonging) -> Sequence[Listed]:
        """Return the scripts that events of *place* could run."""
        rules = self.rules
        return await listed(self.source, place, layout=rules.layout, masks=rules.masks)

    async def script(self, name: str, place: Belonging) -> Shown:
        """Return the script of this name that would run at *place*."""
        rules = self.rules
        return await shown(self.source, name, place, layout=rules.layout, masks=rules.masks)

    async def cancel(self, run: str, asker: Asker) -> bool:
        """End a run that is not over; False when it is."""
        by = shown_name(asker)
        return await self.worker.cancel(run, f"cancelled by {by}" if by else "cancelled")
