"""One request over a connection of its own, with one deadline for all of it.

`control_plane` asks so, a few times a minute. Everything happens on the event loop, so that
an answer that never ends can be left at any moment. http.client reads the answer once it is
there as a whole.
"""

import asyncio
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.parse import urlsplit

FOREIGN = (OSError, HTTPException, ValueError)
"""All that asking can raise; an expired deadline and TLS are an `OSError`, too."""

_PART = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class TooMuch(ValueError):
    """The answer is larger than it may be."""


async def ask(
    method: str,
    url: str,
    body: bytes | None,
    *,
    headers: Mapping[str, str],
    tls: ssl.SSLContext | None,
    seconds: float,
    most: int,
) -> Answer:
    """Return the answer, whatever its status; its body has at most about *most* bytes.

    *headers* must be printable ASCII. Raises one of `FOREIGN`.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    context = (tls or ssl.create_default_context()) if secure else None
    port = parts.port or (443 if secure else 80)
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        try:
            writer.write(_request(method, url, body, headers))
            await writer.drain()
            whole = await _read(reader, most)
        finally:
            writer.transport.abort()
    return _answer(method, whole)


def _request(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    lines = {
        "Host": parts.netloc.rpartition("@")[2],
        "Accept": "application/json",
        "User-Agent": "generic-executor-service",
        "Connection": "close",
        **({"Content-Type": "application/json"} if body is not None else {}),
        **({} if method == "GET" else {"Content-Length": str(len(body or b""))}),
        **headers,
    }
    head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode("ascii") + (body or b"")


async def _read(reader: asyncio.StreamReader, most: int) -> bytes:
    whole = bytearray()
    while part := await reader.read(_PART):
        whole += part
        if len(whole) > most:
            raise TooMuch(f"it answers with more than {most} bytes")
    return bytes(whole)


def _answer(method: str, whole: bytes) -> Answer:
    response = HTTPResponse(cast("socket.socket", _Read(whole)), method=method)
    response.begin()
    return Answer(status=response.status, body=response.read())


class _Read:
    """What http.client wants of a socket, for an answer that is there already."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)
