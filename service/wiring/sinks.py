"""Where answers go: to an address over http, to NATS, or to Keptn's API.

The engine opens one `Sender` for its outbox. Without a sidecar we do what the sidecar would:
a `finished` that says `errored` is also shown in Keptn's error log, at our integration.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from service.config.settings import Settings
from service.config.values import Events
from service.delivery.keptn_api import KeptnApiSink
from service.delivery.nats import NatsSink
from service.delivery.sink import HttpSink
from service.errors import GenexecError
from service.intake.keptn.control_plane import ControlPlane
from service.ports import Sender
from service.strict_json import Json
from service.times import time_string
from service.wiring.keptn import INTEGRATION_FILE, control_plane_of

_ENTRIES_AT_ONCE = 8
_LONGEST_MESSAGE = 4096

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened_sink(settings: Settings) -> AsyncIterator[Sender | None]:
    """Open where answers go; None when they are only kept."""
    if settings.sink:
        http = HttpSink(settings.sink, attempt_timeout=settings.sink_timeout)
        await http.start()
        try:
            yield http
        finally:
            await http.close()
    elif settings.events is Events.HTTP:
        log.warning("no sink is set (GENEXEC_SINK): answers are kept in the record only")
        yield None
    else:
        async with _opened_keptn(settings) as sender:
            yield sender


@asynccontextmanager
async def _opened_keptn(settings: Settings) -> AsyncIterator[Sender]:
    sink: NatsSink | KeptnApiSink
    if settings.events is Events.NATS:
        sink = NatsSink(
            settings.nats_url,
            attempt_timeout=settings.sink_timeout,
            credentials_file=settings.nats_credentials_file,
            ca_file=settings.nats_ca_file,
        )
    else:
        sink = KeptnApiSink(
            settings.keptn_api,
            token_file=settings.keptn_token_file,
            ca_file=settings.keptn_ca_file,
            attempt_timeout=settings.sink_timeout,
        )
        await sink.start()
    control_plane = control_plane_of(settings)
    if control_plane is None:
        try:
            yield sink
        finally:
            await sink.close()
        return
    reporting = Reporting(sink, control_plane, settings.state_dir / INTEGRATION_FILE)
    try:
        yield reporting
    finally:
        await reporting.close()
        await sink.close()
        control_plane.close()


class Reporting:
    """A `Sender` that also tells Keptn's error log what it sends of errors.

    An entry that cannot be written is lost: the event itself has arrived.
    """

    def __init__(self, sender: Sender, control_plane: ControlPlane, integration: Path) -> None:
        self._sender = sender
        self._control_plane = control_plane
        self._integration = integration
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, body: bytes) -> None:
        """Deliver one event. Raises `SinkUnavailable` or `SinkRefused`."""
        await self._sender.send(body)
        if b'"errored"' in body and len(self._tasks) < _ENTRIES_AT_ONCE:
            entry = _entry(json.loads(body))
            if entry is not None:
                task = asyncio.create_task(asyncio.to_thread(self._write, entry))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait a moment for what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    def _write(self, entry: dict[str, Json]) -> None:
        with suppress(OSError):
            entry["integrationid"] = self._integration.read_text(encoding="utf-8").strip()
        try:
            self._control_plane.log(entry)
        except GenexecError as error:
            log.warning("Keptn's error log was not told: %s", error)


def _entry(event: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return the entry for a `finished` that says `errored`, None for other events."""
    data, type_ = event.get("data"), str(event.get("type"))
    if not isinstance(data, Mapping) or data.get("status") != "errored":
        return None
    if not type_.endswith(".finished"):
        return None
    message = str(data.get("message") or "the script could not be run")
    return {
        "integrationid": "",
        "message": message[:_LONGEST_MESSAGE],
        "time": time_string(datetime.now(UTC)),
        "shkeptncontext": event.get("shkeptncontext", ""),
        "triggeredid": event.get("triggeredid", ""),
        "gitcommitid": event.get("gitcommitid", ""),
        "task": type_.split(".")[-2],
    }
