"""Events go to NATS: the type is the subject, the message is the event's JSON.

A `Sender` for `outbox`, opened by `wiring` when events come by NATS as well. Where a
JetStream stream keeps the subject, as Keptn's own does, its acknowledgement is waited for, and
an event that is sent again under its id is not kept twice.
Elsewhere nobody says who heard the event; then "sent" means that the server has it.
"""

import asyncio
import json
import logging
import time
from contextlib import suppress

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.api import Header
from nats.js.errors import NotFoundError

from service.errors import SinkRefused, SinkUnavailable
from service.nats_server import NatsServer

_FOREIGN = (NatsError, OSError, asyncio.TimeoutError, ValueError)
_AGAIN = 2
_STREAM_KNOWN = 60.0
"""Seconds until it is asked again whether a stream keeps a subject."""
_STREAM_ASKED = 2.0
"""Seconds; who may not ask gets no answer."""
_SUBJECTS = 1000

log = logging.getLogger(__name__)


class NatsSink:
    """Publishes each event; one connection that comes back by itself."""

    def __init__(
        self,
        server: NatsServer,
        *,
        attempt_timeout: float = 10,
    ) -> None:
        self._server = server
        self._name = f"NATS at {server.place}"
        self._seconds = attempt_timeout
        self._client: Client | None = None
        self._streams: dict[str, tuple[bool, float]] = {}
        """Whether a stream keeps a subject, and when that was asked."""
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Let what was published leave, then close the connection."""
        if self._client is not None:
            with suppress(*_FOREIGN):
                if self._client.is_connected:
                    await self._client.flush(timeout=1)
                await self._client.close()

    async def send(self, body: bytes) -> None:
        """Publish one event. Raises `SinkUnavailable` or `SinkRefused`."""
        event = json.loads(body)
        subject = str(event["type"])
        if not subject.isprintable() or not all(subject.split(".")) or set(subject) & set(" *>"):
            raise SinkRefused(f"{self._name} has no subject for the type {subject[:80]!r}")
        try:
            async with asyncio.timeout(self._seconds):
                await self._publish(await self._connected(), subject, body, id_=str(event["id"]))
        except MaxPayloadError as error:
            raise SinkRefused(f"{self._name} takes no event of {len(body)} bytes") from error
        except _FOREIGN as error:
            what = str(error) or type(error).__name__
            raise SinkUnavailable(f"{self._name} did not take the event: {what}") from error

    async def _publish(self, client: Client, subject: str, body: bytes, *, id_: str) -> None:
        stream = client.jetstream(timeout=self._seconds)
        if not await self._is_kept(client, subject):
            await client.publish(subject, body)
            await client.flush(timeout=max(1, int(self._seconds)))
            return
        try:
            await stream.publish(subject, body, headers={Header.MSG_ID: id_})
        except _FOREIGN:
            self._streams.pop(subject, None)
            raise

    async def _is_kept(self, client: Client, subject: str) -> bool:
        kept, asked = self._streams.get(subject, (False, float("-inf")))
        if time.monotonic() - asked < _STREAM_KNOWN:
            return kept
        try:
            asking = client.jetstream(timeout=min(_STREAM_ASKED, self._seconds / 3))
            await asking.find_stream_name_by_subject(subject)
            kept = True
        except (NotFoundError, NatsError):  # no such stream, no JetStream, or not for us
            kept = False
        if len(self._streams) >= _SUBJECTS:
            self._streams.clear()
        self._streams[subject] = (kept, time.monotonic())
        return kept

    async def _connected(self) -> Client:
        """Return the client, connected; it does so by itself when the connection was lost."""
        async with self._connecting:
            if self._client is None:
                self._client = await self._new_client()
            if not self._client.is_connected:
                raise ConnectionError("the connection is lost")
            return self._client

    async def _new_client(self) -> Client:
        client = Client()
        try:
            await client.connect(
                self._server.url,
                connect_timeout=max(1, int(self._seconds)),
                reconnect_time_wait=_AGAIN,
                max_reconnect_attempts=-1,
                error_cb=self._failed,
                **self._server.options(),  # type: ignore[arg-type]  # names of its own
            )
        except BaseException:  # the attempt's time is over while the client still tries
            with suppress(*_FOREIGN, AssertionError):
                await client.close()
            raise
        return client

    async def _failed(self, error: Exception) -> None:
        log.debug("%s: %s", self._name, error)
