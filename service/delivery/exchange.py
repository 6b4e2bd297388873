"""One HTTP/1.1 connection to the sink: a request goes out, an answer comes in.

`sink` opens connections and keeps them; what an answer means is said in `answer`. The
answer is taken apart by httptools; here stand only the deadline, the limits and what is
kept. A body that does not come, or does not end, is not waited for: the status is known.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_READ_AT_MOST = 64 * 1024
"""Bytes of a body that are kept; also how long a header may be."""
_REST_WAIT = 1.0
"""Seconds for the body of an answer whose status is known."""


class Closed(ConnectionError):
    """The connection was closed before an answer came."""


class Received(NamedTuple):
    """An answer as it came, its body perhaps not whole."""

    status: int
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def headers(self) -> Mapping[str, str]:
        """Return the headers by lower-case name."""
        pairs = ((name.decode("latin-1"), value) for name, value in self.raw_headers)
        return {name.lower(): value.decode("latin-1") for name, value in pairs}


class Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self.usable = False
        """Whether another request may follow."""
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[Received] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._complete = self._surplus = self._keep = False
        self._status = self._size = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    async def ask(self, request: bytes, *, deadline: float) -> Received:
        """Send the bytes of *request* and return the answer.

        *deadline* is a time of the running loop. Raises `Closed`, `TimeoutError` or
        `HttpParserError`. The connection is closed unless it is `usable` afterwards.
        """
        if self._transport is None or self._transport.is_closing():
            raise Closed("the sink closed the connection")
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._deadline = deadline
        self._timer = loop.call_at(deadline, self._expire)
        self._forget()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._timer.cancel()
            self._answer = None
            if not self.usable:
                self.close()

    def close(self) -> None:
        """End the connection; who waits for an answer gets `Closed`."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._status:
            self._resolve()
        else:
            said = f"the sink closed the connection: {exc}" if exc else "the sink disconnected"
            self._fail(Closed(said))

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._resolve()
            return
        except HttpParserError as error:
            self._fail(error)
            return
        self._size += len(data)
        if self._complete or len(self._body) >= _READ_AT_MOST:
            self._resolve()
        elif self._status:
            self._wait_for_the_rest()
        elif self._size > _READ_AT_MOST:
            self._fail(HttpParserError("the header of the answer is too long"))

    def on_message_begin(self) -> None:
        """Called by the parser, like all that follow; more than the one answer is too much."""
        self._surplus = self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # the answer is still to come
            self._headers.clear()
        elif not self._status:
            self._status = status

    def on_body(self, body: bytes) -> None:
        if len(self._body) < _READ_AT_MOST:
            self._body += body

    def on_message_complete(self) -> None:
        if self._status and not self._complete:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    def _forget(self) -> None:
        self.usable = self._complete = self._surplus = self._keep = False
        self._status = self._size = 0
        self._headers = []
        self._body = b""

    def _wait_for_the_rest(self) -> None:
        loop = asyncio.get_running_loop()
        until = min(self._deadline, loop.time() + _REST_WAIT)
        if self._timer is not None and until < self._timer.when():
            self._timer.cancel()
            self._timer = loop.call_at(until, self._expire)

    def _expire(self) -> None:
        if self._status:
            self._resolve()
        else:
            self._fail(TimeoutError())

    def _resolve(self) -> None:
        if self._answer is not None and not self._answer.done():
            self.usable = self._complete and self._keep and not self._surplus
            body = self._body[:_READ_AT_MOST]
            self._answer.set_result(Received(self._status, tuple(self._headers), body))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
