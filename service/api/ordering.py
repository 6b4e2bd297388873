"""Views that have something done, or that the engine answers.

`app` gives them their addresses. What a wish becomes is decided in `wishes`, what may be sent
by whom at the door.
"""

from collections.abc import Callable
from datetime import datetime

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from service.api.engine import Door, Engine, Origins
from service.api.visitor import require_project, visitor_of
from service.api.wishing import asker_wanted, essence, explained, place_wanted, wish_wanted
from service.desk import Asker, Wish
from service.event import Acceptance, Event
from service.keptn_events import Belonging, belonging_of
from service.runs import Run
from service.wishes import event_of, repeated, shown_name


class Ordering:
    """Views; *find* returns a run that the visitor may see."""

    def __init__(
        self,
        *,
        engine: Engine,
        door: Door,
        origins: Origins,
        find: Callable[[str], Run],
        default: Belonging,
        accept: Acceptance,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._door = door
        self._origins = origins
        self._find = find
        self._default = default
        self._acceptance = accept
        self._new_id = new_id
        self._now = now

    def scripts(self) -> ResponseReturnValue:
        """Return the scripts that events of the place in the query could run."""
        place = place_wanted(request.args)
        require_project(visitor_of(request.environ), place.project)
        return jsonify(scripts=self._engine.scripts(place))

    def script(self, name: str) -> ResponseReturnValue:
        """Return the script of this name that would run at the place in the query."""
        place = place_wanted(request.args)
        require_project(visitor_of(request.environ), place.project)
        return jsonify(self._engine.script(name, place))

    def explain(self) -> ResponseReturnValue:
        """Return which scripts the event or the wish in the body would run, and why."""
        event = explained(request, make=self._made, accept=self._acceptance, now=self._now())
        require_project(visitor_of(request.environ), belonging_of(event, self._default).project)
        return jsonify(self._engine.explain(essence(event)))

    def run(self) -> ResponseReturnValue:
        """Accept the event that the wish in the body asks for."""
        wish, asker = wish_wanted(request)
        return self._accepted(self._made(wish, asker))

    def rerun(self, run: str) -> ResponseReturnValue:
        """Accept the event of a run once more, as a new event."""
        asker = asker_wanted(request)
        found = self._find(run)
        event = self._origins.event(found.id)
        again = repeated(event, found.id, asker, new_id=self._new_id, now=self._now())
        return self._accepted(again)

    def cancel(self, run: str) -> ResponseReturnValue:
        """End a run; with 200 and false when it was over already."""
        asker = asker_wanted(request)
        found = self._find(run)
        by = shown_name(asker) or visitor_of(request.environ).name
        cancelled = found.ended_at is None and self._engine.cancel(found.id, by)
        return jsonify(run=found.id, cancelled=cancelled), 202 if cancelled else 200

    def _made(self, wish: Wish, asker: Asker) -> Event:
        return event_of(wish, asker, new_id=self._new_id, now=self._now())

    def _accepted(self, event: Event) -> ResponseReturnValue:
        run = self._door.take(event, visitor_of(request.environ))
        return jsonify(run=run), 202, {"Location": f"/api/v1/runs/{run}"}
