"""Events go to the event sink as HTTP requests, one attempt at a time.

`outbox` decides what is sent and when it is sent again; what an answer means is said in
`answer`. This is the only place that speaks HTTP to the sink. It takes nothing from its
surroundings (no proxy, no netrc), keeps no cookies and follows no redirect. Every kept
connection may be closed by the sink between two events, so a send that finds it closed
is repeated at once on a new one; the event keeps its id, a double is harmless.
"""

import asyncio
import base64
import re
import ssl
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from httptools import HttpParserError

from service.delivery.answer import Answer, judged, one_line
from service.delivery.exchange import Closed, Connection, Received
from service.errors import BadSettings, SinkUnavailable
from service.masks import Masks

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
FOREIGN = (HttpParserError, UnicodeError, OSError)
"""All that sending can raise; an expired deadline is an `OSError`, too."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
_PORTS = {"http": 80, "https": 443}
_IDLE_SECONDS = 15.0
"""A connection that was not used for longer is not trusted: it may be gone without a word."""


class HttpSink:
    """Sends each event as one POST in structured mode; a `Sender`.

    *attempt_timeout* are the seconds for one attempt as a whole, *connections* how many are
    kept between attempts. Raises `BadSettings` when *url* is not an http or https address,
    or *headers* cannot be sent. *ca_file* holds the certificates that are trusted instead
    of the usual ones.
    """

    def __init__(
        self,
        url: str,
        *,
        attempt_timeout: float = 10,
        connections: int = 16,
        headers: Mapping[str, str] = {},
        ca_file: Path | None = None,
    ) -> None:
        address = _address(url)
        place = address.netloc.rpartition("@")[2]
        self._host, self._port = _endpoint(address)
        self._tls = _trusting(ca_file) if address.scheme == "https" else None
        self._head = _head(address, _headers(address, headers))
        self._name = f"the sink {address.scheme}://{place}{address.path}"
        self._masks = Masks(_secrets(address, headers))
        self._attempt_timeout = attempt_timeout
        self._connections = connections
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._started = False

    async def start(self) -> None:
        """Get ready to send in the running loop; connects to nobody yet."""
        self._started = True

    async def close(self) -> None:
        """Close all connections; what is under way fails."""
        self._started = False
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # the loop closes the sockets in its next round

    async def send(self, body: bytes) -> None:
        """Deliver one event. Raises `SinkUnavailable` or `SinkRefused`."""
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        deadline = asyncio.get_running_loop().time() + self._attempt_timeout
        try:
            received = await self._respond(request, deadline)
        except FOREIGN as error:
            raise self._unreachable(error) from error
        if 200 <= received.status < 300:
            return
        answer = Answer(
            status=received.status,
            headers=received.headers(),
            text=self._masks.text(received.body.decode("utf-8", "replace")),
        )
        if refusal := judged(answer, sink=self._name, now=datetime.now(UTC)):
            raise refusal

    async def _respond(self, request: bytes, deadline: float) -> Received:
        kept = self._kept()
        if kept is not None:
            try:
                return await self._ask(kept, request, deadline)
            except Closed:
                pass
        return await self._ask(await self._connected(deadline), request, deadline)

    async def _ask(self, connection: Connection, request: bytes, deadline: float) -> Received:
        self._busy.add(connection)
        try:
            return await connection.ask(request, deadline=deadline)
        finally:
            self._busy.discard(connection)
            if connection.usable:
                self._keep(connection)

    def _kept(self) -> Connection | None:
        """Return the connection used last, None when none can be used any more."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if not self._started:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        if len(self._idle) > self._connections:
            self._idle.popleft().close()

    async def _connected(self, deadline: float) -> Connection:
        if not self._started:  # also between the two tries: `close` does not wait for them
            raise SinkUnavailable(f"{self._name} is not used now: the service starts or stops")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(deadline):
            _, connection = await loop.create_connection(
                Connection, self._host, self._port, ssl=self._tls
            )
        return connection

    def _unreachable(self, error: Exception) -> SinkUnavailable:
        if isinstance(error, TimeoutError):
            return SinkUnavailable(f"{self._name} did not answer in {self._attempt_timeout:g} s")
        what = one_line(self._masks.text(str(error))) or type(error).__name__
        return SinkUnavailable(f"{self._name} cannot be reached: {what}")


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        known = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError as error:
        raise BadSettings("the address of the sink cannot be read") from error
    if not known or not url.isprintable() or " " in url:
        raise BadSettings("the address of the sink is not of the form https://host:port/path")
    return address


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _endpoint(address: SplitResult) -> tuple[str, int]:
    """Return host and port as they are connected to."""
    host = address.hostname or ""
    try:
        name = host if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadSettings("the address of the sink has a host name that cannot be") from error
    return name, address.port or _PORTS[address.scheme]


def _head(address: SplitResult, headers: Mapping[str, str]) -> bytes:
    """Return a request up to the number that its last header, the length, needs."""
    host, port = _endpoint(address)
    host = f"[{host}]" if ":" in host else host
    if port != _PORTS[address.scheme]:
        host = f"{host}:{port}"
    target = quote(address.path or "/", safe="/%:@!$&'()*+,;=~")
    if address.query:
        target += "?" + quote(address.query, safe="/?%:@!$&'()*+,;=~")
    lines = [f"POST {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "content-length: "]).encode("utf-8")


def _headers(address: SplitResult, given: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "generic-executor-service",
    }
    if address.username is not None:
        pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    for name, value in given.items():
        lower = name.lower()
        if not _NAME.fullmatch(name) or not value.isprintable() or lower in _OURS:
            raise BadSettings(f"the header {one_line(name)!r} cannot be set for the sink")
        if lower == "authorization" and lower in headers:
            raise BadSettings("the sink has credentials in its address and in its headers")
        headers[lower] = value
    return headers | {"content-type": CONTENT_TYPE}


def _secrets(address: SplitResult, headers: Mapping[str, str]) -> list[str]:
    """Return what must not come back in a message when the sink repeats what it was sent."""
    parts = [part for value in headers.values() for part in (value, *value.split())]
    return [*parts, address.username or "", unquote(address.password or ""), address.query]
