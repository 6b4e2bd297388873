"""Events from NATS: subject is the type of the event, the message its JSON.

Started by `wiring` in the web process; `registration` changes what is subscribed. Replicas
share a queue group, so that each event comes to one of them. This is core NATS: what is
published while nobody listens is lost, and nothing here can change that. What has come is
written down before the next is taken, 64 at a time.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Listening
from nats.errors import Error as NatsError

from service.intake.keptn.reception import Reception
from service.intake.keptn.subscriptions import Subscription
from service.nats_server import NatsServer

_AT_ONCE = 64
_WAITING_BYTES = 64 << 20
_CONNECT = 5
_AGAIN = 2
_FLUSH = 5
_FOREIGN = (NatsError, OSError, asyncio.TimeoutError, ValueError)

_log = logging.getLogger(__name__)


class NatsEvents:
    """Takes events from one NATS server until closed."""

    def __init__(
        self,
        server: NatsServer,
        *,
        group: str,
        reception: Reception,
        subscriptions: Sequence[Subscription],
    ) -> None:
        """*group* is the queue group. *subscriptions* count until `subscribe` is called."""
        self._server = server
        self._group = group
        self._reception = reception
        self._wanted = tuple(subscriptions)
        self._listening: dict[str, Listening] = {}
        self._client = Client()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.trouble = f"not connected to {server.place}"
        """Why no events come; empty when they can."""

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Listen to these and no others from now on."""
        if tuple(subscriptions) != self._wanted:
            self._wanted = tuple(subscriptions)
            self._changed.set()

    async def run(self) -> None:
        """Connect, again and again until it works, and keep what is subscribed up to date."""
        await self._connect()
        while True:
            self._changed.clear()
            try:
                await self._listen()
            except _FOREIGN as error:
                self._tell(f"cannot subscribe at {self._server.place}: {_said(error)}")
                await asyncio.sleep(_AGAIN)
                continue
            await self._changed.wait()

    async def close(self) -> None:
        """Listen no more, write down what has come, and go."""
        if self._client.is_connected:
            with suppress(*_FOREIGN):
                async with asyncio.timeout(_FLUSH):  # longer than that the journal takes nothing
                    await asyncio.gather(*(_drained(one) for one in self._listening.values()))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FLUSH)
        if self._tasks:
            _log.error(
                "%d events from NATS are lost: the journal did not take them", len(self._tasks)
            )
        for task in tuple(self._tasks):
            task.cancel()
        with suppress(*_FOREIGN):
            if self._client.is_connected:
                await self._client.flush(timeout=_FLUSH)
            await self._client.close()

    async def _connect(self) -> None:
        while not self._client.is_connected:
            try:
                await self._client.connect(
                    self._server.url,
                    connect_timeout=_CONNECT,
                    reconnect_time_wait=_AGAIN,
                    max_reconnect_attempts=-1,
                    allow_reconnect=True,
                    error_cb=self._failed,
                    disconnected_cb=self._lost,
                    reconnected_cb=self._found,
                    **self._server.options(),  # type: ignore[arg-type]  # names of its own
                )
            except _FOREIGN as error:
                self._tell(f"cannot connect to {self._server.place}: {_said(error)}")
                with suppress(*_FOREIGN, AssertionError):  # it may not even have begun
                    await self._client.close()
                self._client = Client()
                await asyncio.sleep(_AGAIN)
        await self._found()

    async def _listen(self) -> None:
        topics = {wanted.topic for wanted in self._wanted}
        for topic in self._listening.keys() - topics:
            async with asyncio.timeout(_FLUSH):
                await _drained(self._listening.pop(topic))
        for topic in sorted(topics - self._listening.keys()):
            self._listening[topic] = await self._client.subscribe(
                topic, queue=self._group, cb=self._take, pending_bytes_limit=_WAITING_BYTES
            )
        await self._client.flush(timeout=_FLUSH)
        what = ", ".join(sorted(topics)) or "nothing"
        _log.info("listening at %s to %s", self._server.place, what)
        self.trouble = ""

    async def _take(self, message: Msg) -> None:
        await self._places.acquire()
        task = asyncio.create_task(self._reception.take(message.data, self._wanted))
        self._tasks.add(task)
        task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._places.release()
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a fault of ours; an event from NATS was dropped", exc_info=error)

    async def _failed(self, error: Exception) -> None:
        if self._client.is_connected:
            _log.warning("NATS: %s", _said(error))
        else:  # the client goes on trying
            self._tell(f"cannot connect to {self._server.place}: {_said(error)}")

    async def _lost(self) -> None:
        if not self._client.is_closed and not self.trouble:
            self._tell(f"the connection to {self._server.place} is lost")

    async def _found(self) -> None:
        _log.info("connected to NATS at %s", self._server.place)
        self.trouble = ""

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("no events come: %s", trouble)
        self.trouble = trouble


async def _drained(listening: Listening) -> None:
    """Listen no more and hand over what has come."""
    await listening.drain()  # type: ignore[no-untyped-call]  # nats-py has no type here


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
