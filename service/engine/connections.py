"""Connections of `.http` requests: to judged addresses, ended from outside.

`request` gives every request a `Call` and an `Adapter`. `requests` and `urllib3` do the
talking; resolving, judging and connecting is done here, in one step and with one answer of
the resolver, so that nothing can change in between.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from service.engine.targets import Targets


class Call:
    """The one connection of a request; `end` may be called from any thread at any moment.

    A time-out for each read does not end an answer that drips, closing a socket under its
    reader may hit another one that got the same number. So a duplicate is kept and shut
    down: the reader sees the end of the stream.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._duplicate: socket.socket | None = None
        self._ended = False

    def connect(self, targets: Targets, host: str, port: int, timeout: float) -> socket.socket:
        """Return a socket connected to the first address that answers within *timeout*.

        Raises `BadTarget` and `OSError`.
        """
        failure = OSError("the name has no address")
        for family, address in targets.addresses(host, port):
            line = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._keep(line)
                line.settimeout(timeout)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.connect(address)
            except OSError as error:
                line.close()
                failure = error
            else:
                return line
        raise failure

    def end(self) -> None:
        """Make every read and write of the request fail, now and from now on."""
        with self._lock:
            self._ended = True
            if self._duplicate:
                with suppress(OSError):  # not connected yet, or closed by the other side
                    self._duplicate.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give back what is kept; the request is over."""
        with self._lock:
            if self._duplicate:
                self._duplicate.close()
                self._duplicate = None

    def _keep(self, line: socket.socket) -> None:
        with self._lock:
            if self._ended:
                raise ConnectionAbortedError("the request was ended")
            if self._duplicate:
                self._duplicate.close()
            self._duplicate = line.dup()


class Adapter(HTTPAdapter):
    """Sends one request of `requests` over judged connections, exactly as it is written."""

    def __init__(self, *, targets: Targets, call: Call, tls: ssl.SSLContext) -> None:
        super().__init__()
        self._targets = targets
        self._call = call
        self.poolmanager.connection_pool_kw["ssl_context"] = tls

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001  # the signature of requests
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        if isinstance(pool, HTTPConnectionPool):
            kind = _TlsConnection if pool.scheme == "https" else _PlainConnection
            judged = partial(kind, targets=self._targets, call=self._call)
            pool.ConnectionCls = judged  # type: ignore[assignment]  # it is only ever called
        return pool

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Leave the TLS context as it is: it knows its authorities, and verifies always."""

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        """Return the path as its author wrote it; the original shortens leading slashes."""
        return request.path_url


class _Judged(HTTPConnection):
    def __init__(
        self,
        *,
        host: str,
        targets: Targets,
        call: Call,
        **settings: Any,  # noqa: ANN401  # those of urllib3
    ) -> None:
        super().__init__(host, **settings)
        self._targets = targets
        self._call = call

    def _new_conn(self) -> socket.socket:
        timeout = float(self.timeout or 0)
        try:
            return self._call.connect(self._targets, self._dns_host, self.port, timeout)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error


class _PlainConnection(_Judged):
    pass


class _TlsConnection(_Judged, HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no TLS") from error
