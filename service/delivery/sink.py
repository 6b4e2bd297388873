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
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import SplitResult, unquote, urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from service.delivery.answer import Answer, judged, one_line
from service.errors import BadSettings, SinkUnavailable
from service.masks import Masks

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
FOREIGN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""All that sending can raise; an expired deadline is an `OSError`, too."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
_READ_AT_MOST = 64 * 1024
_REST_WAIT = 1.0
"""Seconds for the body of an answer whose status is known; after that it is not waited for."""
_CLOSED_BY_PEER = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
)


class HttpSink:
    """Sends each event as one POST in structured mode; a `Sender`.

    *attempt_timeout* are the seconds for one attempt as a whole. Raises `BadSettings` when
    *url* is not an http or https address, or *headers* cannot be sent. *ca_file* holds the
    certificates that are trusted instead of the usual ones.
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
        self._target = address._replace(netloc=place, fragment="").geturl()
        self._name = f"the sink {address.scheme}://{place}{address.path}"
        self._headers = _headers(address, headers)
        self._masks = Masks(_secrets(address, headers))
        self._attempt_timeout = attempt_timeout
        self._connections = connections
        self._tls = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Get ready to send in the running loop; connects to nobody yet."""
        noticing = aiohttp.TraceConfig()
        noticing.on_connection_reuseconn.append(_notice)
        self._session = self._new_session(noticing, keep=True)
        self._fresh = self._new_session(keep=False)

    async def close(self) -> None:
        """Close all connections; what is under way fails."""
        sessions, self._session, self._fresh = (self._session, self._fresh), None, None
        for session in filter(None, sessions):
            await session.close()

    async def send(self, body: bytes) -> None:
        """Deliver one event. Raises `SinkUnavailable` or `SinkRefused`."""
        deadline = asyncio.get_running_loop().time() + self._attempt_timeout
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._respond(body)
        except FOREIGN as error:
            raise self._unreachable(error) from error
        try:
            text = await _beginning(response, deadline=deadline)
        finally:
            response.release()
        if 200 <= response.status < 300:
            return
        answer = Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            text=self._masks.text(text),
        )
        if refusal := judged(answer, sink=self._name, now=datetime.now(UTC)):
            raise refusal

    async def _respond(self, body: bytes) -> aiohttp.ClientResponse:
        notice = SimpleNamespace(kept=False)
        try:
            return await self._post(self._session, body, notice)
        except _CLOSED_BY_PEER:
            if not notice.kept:
                raise
        return await self._post(self._fresh, body, notice)

    async def _post(
        self, session: aiohttp.ClientSession | None, body: bytes, notice: SimpleNamespace
    ) -> aiohttp.ClientResponse:
        if session is None:  # also between the two tries: `close` does not wait for them
            raise SinkUnavailable(f"{self._name} is not used now: the service starts or stops")
        return await session.post(
            self._target, data=body, allow_redirects=False, trace_request_ctx=notice
        )

    def _new_session(self, *traces: aiohttp.TraceConfig, keep: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, force_close=not keep, ssl=self._tls
            ),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The deadline is kept in `send`: one for connecting, sending and a second try.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            trace_configs=list(traces),
        )

    def _unreachable(self, error: Exception) -> SinkUnavailable:
        if isinstance(error, TimeoutError):
            return SinkUnavailable(f"{self._name} did not answer in {self._attempt_timeout:g} s")
        what = one_line(self._masks.text(str(error))) or type(error).__name__
        return SinkUnavailable(f"{self._name} cannot be reached: {what}")


async def _notice(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _parameters: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    context.trace_request_ctx.kept = True


async def _beginning(response: aiohttp.ClientResponse, *, deadline: float) -> str:
    """Return the first part of the answer's body; a body that does not come is not missed.

    A connection whose answer was not read to its end is not used again.
    """
    body = b""
    wait = min(deadline, asyncio.get_running_loop().time() + _REST_WAIT)
    try:
        if response.content.is_eof():
            body = response.content.read_nowait()
        else:
            async with asyncio.timeout_at(wait):
                while len(body) < _READ_AT_MOST and (part := await response.content.readany()):
                    body += part
    except FOREIGN:
        response.close()
    return body[:_READ_AT_MOST].decode("utf-8", "replace")


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        known = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError as error:
        raise BadSettings("the address of the sink cannot be read") from error
    if not known or not url.isprintable() or " " in url:
        raise BadSettings("the address of the sink is not of the form https://host:port/path")
    return address


def _headers(address: SplitResult, given: Mapping[str, str]) -> dict[str, str]:
    headers = {"accept-encoding": "identity", "user-agent": "generic-executor-service"}
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
