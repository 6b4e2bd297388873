"""One GET at a time to Keptn: raw path in, status and body out.

`api` asks through it. The path leaves exactly as it is given, because `%252F` in it must
not become anything else; nothing is taken from the surroundings (no proxy, no netrc), no
redirect is followed, every answer has a limit of bytes and of seconds.
"""

import asyncio
import logging
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Lock

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from service.errors import SourceMisconfigured, SourceUnavailable
from service.sources.keptn.address import KeptnAddress

log = logging.getLogger(__name__)

FOREIGN = (OSError, HTTPException, UnicodeError)
"""All that asking can raise; an expired deadline and TLS are an `OSError`, too."""

_THREADS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    cut: bool = False
    """There is more than the limit; *body* is its beginning."""


class Line:
    """Asks one Keptn; *timeout* is for an answer as a whole, *limit* is bytes of its body.

    The file of the token is read again for every request. Raises `SourceMisconfigured`
    when *ca_file* cannot be used.
    """

    def __init__(
        self,
        address: KeptnAddress,
        *,
        token_file: Path | None,
        ca_file: Path | None,
        timeout: float,
        limit: int,
    ) -> None:
        self._address = address
        self._token_file = token_file
        self._timeout = timeout
        self._limit = limit
        self._tls = _tls(ca_file) if address.tls else None
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="keptn")

    async def get(self, path: str) -> Answer:
        """Return the answer, whatever its status. Raises `SourceUnavailable` without one."""
        token = self._token()
        call = _Call()
        work = asyncio.get_running_loop().run_in_executor(
            self._pool, self._exchange, path, token, call
        )
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError as error:
            raise self._unreachable(f"no complete answer within {self._timeout:g} s") from error
        except FOREIGN as error:
            raise self._unreachable(_cause(error)) from error
        finally:
            call.end()

    def close(self) -> None:
        """Ask nothing any more; who asks has been cancelled before."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _exchange(self, path: str, token: str, call: "_Call") -> Answer:
        address = self._address
        with closing(HTTPConnection(address.host, address.port)) as connection:
            connection.sock = self._connected(call)
            connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", address.place)
            connection.putheader("Accept", "application/json")
            connection.putheader("User-Agent", "generic-executor-service")
            connection.putheader("Connection", "close")
            if token:
                connection.putheader("x-token", token)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read(self._limit + 1)
        if token and response.status != 200:  # it may be repeated in a complaint, and shown
            body = body.replace(token.encode("ascii"), b"***")
        cut = len(body) > self._limit
        return Answer(status=response.status, body=body[: self._limit], cut=cut)

    def _connected(self, call: "_Call") -> socket.socket:
        line = socket.create_connection((self._address.host, self._address.port), self._timeout)
        call.keep(line)
        if self._tls is None:
            return line
        return self._tls.wrap_socket(line, server_hostname=self._address.host)

    def _token(self) -> str:
        if self._token_file is None:
            return ""
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise SourceUnavailable(
                f"the file of the Keptn token cannot be read: {cause}"
            ) from error
        if not token or not token.isprintable():
            raise SourceUnavailable("the file of the Keptn token must hold one line, the token")
        return token

    def _unreachable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(f"Keptn at {self._address.place} cannot be reached: {why}")


class _Call:
    """The one connection of a request, ended from outside.

    A time-out for each read does not end an answer that drips, closing a socket under its
    reader may hit another one that got the same number. So a duplicate is kept and shut
    down: the reader sees the end of the stream.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._duplicate: socket.socket | None = None
        self._ended = False

    def keep(self, line: socket.socket) -> None:
        with self._lock:
            if self._ended:
                line.close()
                raise ConnectionAbortedError("the request was ended")
            self._duplicate = line.dup()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._duplicate is not None:
                with suppress(OSError):  # closed by the other side
                    self._duplicate.shutdown(socket.SHUT_RDWR)
                self._duplicate.close()
                self._duplicate = None


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    except OSError as error:
        raise SourceMisconfigured(
            "GENEXEC_KEPTN_CA_FILE holds no certificates that can be read"
        ) from error


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'no reason given').lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the connection ended before the answer was complete"
