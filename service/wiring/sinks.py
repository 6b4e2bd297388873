"""Where answers go: to an address over http, to NATS, or to Keptn's API.

The engine opens one `Sender` for its outbox. What Keptn's error log is told stands in
`error_log`.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.config.settings import Settings
from service.config.values import Events
from service.delivery.keptn_api import KeptnApiSink
from service.delivery.nats import NatsSink
from service.delivery.sink import HttpSink
from service.ports import Sender
from service.wiring.keptn import nats_server_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened_sink(settings: Settings) -> AsyncIterator[Sender | None]:
    """Open where answers go; None when they are only kept."""
    if not settings.sink and settings.events is Events.HTTP:
        log.warning("no sink is set (GENEXEC_SINK): answers are kept in the record only")
        yield None
        return
    sink = _sink(settings)
    if not isinstance(sink, NatsSink):
        await sink.start()
    try:
        yield sink
    finally:
        await sink.close()


def _sink(settings: Settings) -> HttpSink | NatsSink | KeptnApiSink:
    if settings.sink:
        return HttpSink(settings.sink, attempt_timeout=settings.sink_timeout)
    if settings.events is Events.NATS:
        return NatsSink(nats_server_of(settings), attempt_timeout=settings.sink_timeout)
    return KeptnApiSink(
        settings.keptn_api,
        token_file=settings.keptn_token_file,
        ca_file=settings.keptn_ca_file,
        attempt_timeout=settings.sink_timeout,
    )
