"""Open `.triggered` events, asked for every few seconds from outside.

Started by `wiring` in the web process; `registration` changes what is asked for. An event
stays open while it is worked on, so each look brings known ones again: those of the last
looks are skipped here, and the inbox knows the others, also after a restart. Keptn keeps
only `.triggered` events, and only by their exact types.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from itertools import product

from service.errors import GenexecError
from service.intake.keptn.control_plane import ControlPlane
from service.intake.keptn.reception import Reception
from service.intake.keptn.subscriptions import Subscription
from service.strict_json import Json

_LONGEST_PAUSE = 60.0
_KNOWN = 20_000

_log = logging.getLogger(__name__)


class Polling:
    """Asks Keptn for open events until cancelled."""

    def __init__(
        self,
        control_plane: ControlPlane,
        *,
        interval: float,
        reception: Reception,
        subscriptions: Sequence[Subscription],
    ) -> None:
        """*interval* are the seconds between two looks."""
        self._control_plane = control_plane
        self._interval = interval
        self._reception = reception
        self._known: dict[str, None] = {}
        self._told: tuple[str, ...] = ()
        self._wanted: tuple[Subscription, ...] = ()
        self.trouble = ""
        """Why no events come; empty when they can."""
        self.subscribe(subscriptions)

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Ask for these and no others from now on."""
        self._wanted = tuple(subscriptions)
        useless = tuple(one.topic for one in self._wanted if not _can_be_asked(one))
        if useless and useless != self._told:
            _log.warning(
                "Keptn's API has only exact types that end with .triggered; nothing comes for %s",
                ", ".join(useless),
            )
        self._told = useless

    async def run(self) -> None:
        """Look, wait, look again; an API that is away is asked less and less often."""
        pause = self._interval
        while True:
            try:
                await self._look_for_all()
            except GenexecError as error:
                if str(error) != self.trouble:
                    _log.warning("open events cannot be asked for: %s", error)
                self.trouble = str(error)
                pause = min(2 * pause, max(_LONGEST_PAUSE, self._interval))
            else:
                if self.trouble:
                    _log.info("open events are asked for again")
                self.trouble, pause = "", self._interval
            await asyncio.sleep(pause)

    async def _look_for_all(self) -> None:
        """Look for each subscription; what fails is asked for last at the next look."""
        for wanted in self._wanted:
            if _can_be_asked(wanted):
                try:
                    await self._look(wanted)
                except GenexecError:
                    others = tuple(one for one in self._wanted if one is not wanted)
                    self._wanted = (*others, wanted)
                    raise

    async def _look(self, wanted: Subscription) -> None:
        """Take what no look has brought before.

        The API takes one project, stage and service at a time.
        """
        places = product(wanted.projects or ("",), wanted.stages or ("",), wanted.services or ("",))
        for place in places:
            named = zip(("project", "stage", "service"), place, strict=True)
            filters = {level: value for level, value in named if value}
            async for found in self._control_plane.open_events(wanted.topic, **filters):
                document = {"specversion": "1.0", **found}  # some versions leave it out
                if str(document.get("id")) not in self._known:
                    await self._reception.take(json.dumps(document).encode("ascii"), (wanted,))
                    self._remember(document)

    def _remember(self, document: dict[str, Json]) -> None:
        self._known[str(document.get("id"))] = None
        while len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]


def _can_be_asked(subscription: Subscription) -> bool:
    return subscription.exact and subscription.topic.endswith(".triggered")
