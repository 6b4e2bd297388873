"""Keptn knows us: registered, pinged, registered again, signed off.

One `Registration` per web process, started and stopped by `wiring`. Between, it keeps the
subscriptions that people made for us in the Bridge. Keptn reuses a registration of the same
name and namespace and returns its id, which is the one to use from then on; its
subscriptions win over ours, also when there are none left. Keptn 0.8.4 knows no ping: there
the 404 that a ping gets makes us register again, which does no harm.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from service.errors import GenexecError
from service.intake.keptn.control_plane import ControlPlane
from service.intake.keptn.subscriptions import Subscription, read_subscriptions
from service.strict_json import Json

PING = 10.0
"""Seconds; some installations forget an integration after a minute."""
_FIRST_PAUSE = 3.0
_LONGEST_PAUSE = 60.0
_LAST_WORD = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Integration:
    """What we are called and where we live."""

    name: str
    namespace: str
    node: str
    pod: str
    version: str
    location: str
    """`control-plane` or `remote-execution-plane`."""

    def document(self, wishes: Sequence[Subscription], *, now: str) -> dict[str, Json]:
        """Return the registration, in the words of Keptn 0.9 and those of 0.8.4."""
        return {
            "name": self.name,
            "metadata": {
                "hostname": self.node,
                "integrationversion": self.version,
                "distributorversion": self.version,
                "location": self.location,
                "kubernetesmetadata": {
                    "namespace": self.namespace,
                    "podname": self.pod,
                    "deploymentname": self.name,
                },
                "lastseen": now,
            },
            "subscriptions": [wish.document() for wish in wishes],
            "subscription": {
                "topics": [wish.topic for wish in wishes],
                "status": "active",
                "group": self.name,
                "filter": {
                    "project": _joined(wish.projects for wish in wishes),
                    "stage": _joined(wish.stages for wish in wishes),
                    "service": _joined(wish.services for wish in wishes),
                },
            },
        }


class Registration:
    """Keeps us registered until told to stop."""

    def __init__(
        self,
        control_plane: ControlPlane,
        integration: Integration,
        *,
        wishes: Sequence[Subscription],
        now: Callable[[], str],
        told: Callable[[str], None],
        changed: Callable[[Sequence[Subscription]], None],
        sign_off: bool = True,
        ping: float = PING,
    ) -> None:
        """*wishes* count until Keptn says otherwise; *told* gets our id, *changed* the others.

        *now* returns the time as Keptn writes it. With *sign_off* the registration is removed
        at the end, and what people subscribed us to with it.
        """
        self._control_plane = control_plane
        self._integration = integration
        self._wishes = tuple(wishes)
        self._now = now
        self._told = told
        self._changed = changed
        self._sign_off = sign_off
        self._ping = ping
        self._id = ""
        self._known: tuple[Subscription, ...] | None = None
        self.trouble = ""
        """Why we are not registered; empty when we are."""

    async def run(self) -> None:
        """Register, ping for ever; cancelled at the end."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._turn()
            except GenexecError as error:
                if str(error) != self.trouble:
                    _log.warning("not registered at Keptn: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self.trouble, pause = "", _FIRST_PAUSE
            if self._known is not None:
                self._changed(self._known)
            await asyncio.sleep(self._ping)

    async def close(self) -> None:
        """Sign off; what does not go within three seconds is left to Keptn's own memory."""
        if self._id and self._sign_off:
            with suppress(GenexecError, TimeoutError):
                async with asyncio.timeout(_LAST_WORD):
                    await self._control_plane.unregister(self._id)

    async def _turn(self) -> None:
        known = await self._control_plane.ping(self._id) if self._id else None
        if known is None:
            await self._register()
            known = await self._control_plane.ping(self._id)
        if known is not None and {"subscriptions", "subscription"} & known.keys():
            self._known = read_subscriptions(known)

    async def _register(self) -> None:
        document = self._integration.document(self._wishes, now=self._now())
        id_ = await self._control_plane.register(document)
        if id_ != self._id:
            name = self._integration.name
            _log.info("registered at Keptn as %s", name, extra={"integration": id_})
        self._id = id_
        self._told(id_)


def _joined(lists: Iterable[Sequence[str]]) -> str:
    return ",".join(dict.fromkeys(value for one in lists for value in one))
