"""Events that the web process fetches from Keptn: started and ended.

`web` makes one `Fetching` when events come by NATS or by Keptn's API. It begins with the
application and ends as soon as the service is draining, so that others take what comes.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from service import __version__
from service.config.settings import Settings
from service.config.values import Events
from service.intake.asgi import Application, Message, Receive, Scope, Send
from service.intake.keptn.control_plane import ControlPlane
from service.intake.keptn.nats import NatsEvents
from service.intake.keptn.polling import Polling
from service.intake.keptn.reception import Reception
from service.intake.keptn.registration import Integration, Registration
from service.intake.keptn.subscriptions import Subscription
from service.intake.tally import Tally
from service.nats_server import NatsServer
from service.ports import Inbox
from service.times import time_string
from service.wiring.parts import SystemClock

INTEGRATION_FILE = "integration"
"""In the state directory: our id at Keptn, for the engine's entries in its error log."""
_LOOK = 0.2
_AFTER_A_FAULT = 5.0
_LAST_SECONDS = 8.0

log = logging.getLogger(__name__)


def control_plane_of(settings: Settings) -> ControlPlane | None:
    """Return Keptn's API, None when none is set."""
    if not settings.keptn_api:
        return None
    return ControlPlane(
        settings.keptn_api,
        token_file=settings.keptn_token_file,
        ca_file=settings.keptn_ca_file,
    )


def nats_server_of(settings: Settings) -> NatsServer:
    """Return where NATS is."""
    return NatsServer(
        url=settings.nats_url,
        token_file=settings.nats_token_file,
        ca_file=settings.nats_ca_file,
    )


class Fetching:
    """Brings events in while the service takes any."""

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        *,
        arrived: Callable[[int], None],
        draining: Callable[[], bool],
        tally: Tally,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._arrived = arrived
        self._draining = draining
        self._tally = tally
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._way: NatsEvents | Polling | None = None
        self._registration: Registration | None = None

    @property
    def up(self) -> bool:
        """Say whether events come."""
        return self._way is not None and not self._way.trouble

    @property
    def troubles(self) -> Sequence[str]:
        """Why no events come, and why Keptn does not know us."""
        parts = (self._way, self._registration)
        return [part.trouble for part in parts if part is not None and part.trouble]

    def around(self, application: Application) -> Application:
        """Return *application* with this beginning and ending with it."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                await application(scope, receive, send)
                return

            async def received() -> Message:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    self._task = asyncio.create_task(self._run())
                elif self._task is not None:
                    await self._ended(self._task)
                return message

            await application(scope, received, send)

        return served

    async def _ended(self, task: asyncio.Task[None]) -> None:
        """Let it write down what has come and sign off, for a while."""
        self._ending.set()
        await asyncio.wait({task}, timeout=_LAST_SECONDS)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        """Fetch until the service is draining; a fault of ours does not end it."""
        while not self._is_over():
            try:
                await self._fetch()
            except Exception:
                log.exception("a fault of ours; events from Keptn are fetched again in a moment")
                await asyncio.sleep(_AFTER_A_FAULT)

    async def _fetch(self) -> None:
        control_plane = control_plane_of(self._settings)
        wishes = _wishes(self._settings)
        way = self._way = self._made(control_plane, wishes)
        loops = [asyncio.create_task(way.run())]
        registration = self._registration = self._known_as(control_plane, wishes, way)
        if registration is not None:
            loops.append(asyncio.create_task(registration.run()))
        watch = asyncio.create_task(self._until_draining())
        try:
            done, _ = await asyncio.wait({*loops, watch}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*loops, watch):
                task.cancel()
            await asyncio.gather(*loops, watch, return_exceptions=True)
            if isinstance(way, NatsEvents):
                await way.close()
            if registration is not None:
                await registration.close()

    async def _until_draining(self) -> None:
        while not self._is_over():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _LOOK)

    def _is_over(self) -> bool:
        return self._ending.is_set() or self._draining()

    def _made(
        self, control_plane: ControlPlane | None, wishes: Sequence[Subscription]
    ) -> NatsEvents | Polling:
        settings = self._settings
        reception = Reception(
            self._inbox,
            sender=settings.events.value,
            accept=settings.accept,
            default=settings.default,
            clock=SystemClock(),
            arrived=self._arrived,
            tally=self._tally,
        )
        if settings.events is Events.KEPTN_API and control_plane is not None:
            return Polling(
                control_plane,
                interval=settings.keptn_poll_interval,
                reception=reception,
                subscriptions=wishes,
            )
        return NatsEvents(
            nats_server_of(settings),
            group=settings.keptn_name,
            reception=reception,
            subscriptions=wishes,
        )

    def _known_as(
        self,
        control_plane: ControlPlane | None,
        wishes: Sequence[Subscription],
        way: NatsEvents | Polling,
    ) -> Registration | None:
        if control_plane is None:
            return None
        settings, host = self._settings, socket.gethostname()
        inside = settings.events is Events.NATS
        integration = Integration(
            name=settings.keptn_name,
            namespace=settings.keptn_namespace,
            node=settings.keptn_node or host,
            pod=settings.keptn_pod or host,
            version=__version__,
            location="control-plane" if inside else "remote-execution-plane",
        )
        return Registration(
            control_plane,
            integration,
            wishes=wishes,
            now=lambda: time_string(datetime.now(UTC)),
            told=lambda id_: _remember(settings.state_dir, id_),
            changed=way.subscribe,
            sign_off=settings.keptn_sign_off,
        )


def _wishes(settings: Settings) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(
            topic=topic,
            projects=settings.keptn_projects,
            stages=settings.keptn_stages,
            services=settings.keptn_services,
        )
        for topic in settings.topics
    )


def _remember(state_dir: Path, id_: str) -> None:
    file = state_dir / INTEGRATION_FILE
    beside = file.with_suffix(".new")
    try:
        beside.write_text(id_, encoding="utf-8")
        beside.replace(file)
    except OSError as error:  # entries in Keptn's error log then stand at no integration
        log.warning("the id of our registration cannot be kept: %s", error.strerror)
