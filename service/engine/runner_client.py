"""The engine's end of the connection to the runner process.

`processes` sends starts and stops through it and gets a future for every end. It lives in
one asyncio loop and never blocks it.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from service.engine.protocol import Channel, Ended, Isolate, Message, Ready, Start, Stop
from service.engine.streams import Streams
from service.errors import RunnerLost

_FIRST_WORD = 15.0

log = logging.getLogger(__name__)


class RunnerClient:
    """What the engine can tell the runner process."""

    def __init__(self, connection: socket.socket) -> None:
        self.gone = asyncio.Event()
        """Set when the runner process is gone; nothing can be started any more."""
        self.streams = Streams()
        """Where the output of what is started can be watched."""
        self._channel = Channel(connection)
        self._flushing = False
        self._runs: dict[str, asyncio.Future[Ended]] = {}
        self._ready: Ready | None = None
        self._answered = asyncio.Event()

    async def connect(self, wish: Isolate) -> Ready:
        """Return the runner's first word. Raises `RunnerLost` when it does not come."""
        asyncio.get_running_loop().add_reader(self._channel, self._receive)
        self._send(wish)
        try:
            await asyncio.wait_for(self._answered.wait(), _FIRST_WORD)
        except TimeoutError:
            self._lose()
        if self._ready is None:
            raise RunnerLost("the runner process did not start")
        return self._ready

    def start(self, start: Start, streams: tuple[int, int]) -> asyncio.Future[Ended]:
        """Have a script started; the future tells its end, or raises `RunnerLost`.

        *streams* become its standard output and error and are closed here. Raises
        `ValueError` when the request is too long.
        """
        future = asyncio.get_running_loop().create_future()
        self._runs[start.run] = future
        try:
            self._channel.put(start, streams)
        except ValueError:
            del self._runs[start.run]
            raise
        if not self._flushing:  # what is started in this turn of the loop goes together
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush_soon)
        return future

    def stop(self, run: str, why: str, *, grace: float) -> bool:
        """Have a run ended; False when it is not running. Its end is told as of any other."""
        if run not in self._runs:
            return False
        self._send(Stop(run, why, grace))
        return True

    async def settle(self, why: str, *, grace: float, within: float) -> None:
        """Have every run ended and wait for that, at most *within* seconds."""
        for run in tuple(self._runs):
            self.stop(run, why, grace=grace)
        if self._runs:
            await asyncio.wait(self._runs.values(), timeout=within)

    def close(self) -> None:
        """Let the runner process go; it ends what still runs."""
        self._lose()

    def _send(self, message: Message) -> None:
        self._sent(lambda: self._channel.send(message))

    def _sent(self, send: Callable[[], bool]) -> None:
        try:
            all_sent = send()
        except OSError:
            self._lose()
            return
        if not all_sent:
            asyncio.get_running_loop().add_writer(self._channel, self._flush)

    def _flush_soon(self) -> None:
        self._flushing = False
        if not self.gone.is_set():
            self._sent(self._channel.flush)

    def _flush(self) -> None:
        try:
            all_sent = self._channel.flush()
        except OSError:
            self._lose()
            return
        if all_sent:
            asyncio.get_running_loop().remove_writer(self._channel)

    def _receive(self) -> None:
        try:
            messages = self._channel.receive()
        except OSError as error:
            log.warning("the runner process is gone (%s), %d runs are lost", error, len(self._runs))
            self._lose()
            return
        for message, _ in messages:
            match message:
                case Ready():
                    self._ready = message
                    self._answered.set()
                case Ended():
                    future = self._runs.pop(message.run)
                    if not future.done():
                        future.set_result(message)

    def _lose(self) -> None:
        if self.gone.is_set():
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._channel)
        loop.remove_writer(self._channel)
        self._channel.close()
        self.streams.close()
        self.gone.set()
        self._answered.set()
        for future in self._runs.values():
            if not future.done():
                future.set_exception(RunnerLost())
        self._runs.clear()
