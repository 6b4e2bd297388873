"""`.http` scripts are run here: one request, one connection, within limits.

`RequestRunner` is the `Runner` of the port for `.http` files. `requests` sends without a
session: what a session adds (redirects, cookies, proxies and credentials from the
surroundings) must not happen. Where a request may go is said by `targets`, what stands in
it by `http_file`, what its answer means by `outcome`.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPException
from time import monotonic

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import ProtocolError
from urllib3.util import SKIP_HEADER

from service.engine.connections import Adapter, Call
from service.engine.targets import Targets
from service.errors import BadScript, BadTarget
from service.http_file import HttpRequest, fill, parse_http_file
from service.outcome import Ending, Execution
from service.ports import Order

log = logging.getLogger(__name__)

_CHUNK = 65536
_LINGER = 0.5
"""Seconds that an ended request has to notice it."""
_MOST_WARNINGS = 20
_NOT_THE_AUTHORS = {"connection", "content-length", "expect", "http2-settings", "keep-alive"}
_NOT_THE_AUTHORS |= {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_DEFAULTS = {
    "User-Agent": "generic-executor-service",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(slots=True)
class _Running:
    """A request on its way, as the event loop sees it."""

    call: Call
    end_from_outside: asyncio.Future[Execution]

    def end(self, ending: Ending, detail: str) -> None:
        if not self.end_from_outside.done():
            self.end_from_outside.set_result(Execution(ending=ending, detail=detail))
        self.call.end()


class RequestRunner:
    """Runs `.http` scripts in threads, as many at once as there are *workers*.

    Times are seconds, *response_limit* is bytes after decoding. See `Targets` for the hosts;
    *ca_file* holds the authorities to trust instead of those that come with `requests`.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 30,
        total_timeout: float = 60,
        response_limit: int = 1024 * 1024,
        allow_hosts: Sequence[str] = (),
        deny_private: bool = False,
        kubernetes_hosts: Sequence[str] = (),
        ca_file: str | None = None,
        workers: int,
    ) -> None:
        self._targets = Targets(
            allow_hosts=allow_hosts, deny_private=deny_private, kubernetes_hosts=kubernetes_hosts
        )
        self._allowed_hosts = frozenset(entry.strip().lower() for entry in allow_hosts)
        self._timeouts = (connect_timeout, read_timeout)
        self._total_timeout = total_timeout
        self._response_limit = response_limit
        self._tls = ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="http-script")
        self._running: dict[str, _Running] = {}

    async def run(self, order: Order) -> Execution:
        """Send the request of *order* and return what came back, whatever that is."""
        begun = monotonic()
        loop = asyncio.get_running_loop()
        running = _Running(call=Call(), end_from_outside=loop.create_future())
        self._running[order.run] = running
        timeout = min(order.timeout, self._total_timeout)
        late = f"no complete answer within {timeout:g} s"
        deadline = loop.call_later(timeout, running.end, Ending.DEADLINE, late)
        work = loop.run_in_executor(self._pool, self._perform, order, running.call)
        try:
            execution = await _first(work, running.end_from_outside)
        finally:
            deadline.cancel()
            running.end(Ending.CANCELLED, "cancelled")
            work.cancel()
            self._running.pop(order.run, None)
        return replace(execution, seconds=monotonic() - begun)

    async def cancel(self, run: str) -> bool:
        """End the request of this run; False when none is on its way."""
        running = self._running.get(run)
        if running is None:
            return False
        running.end(Ending.CANCELLED, "cancelled")
        return True

    def close(self) -> None:
        """Take no further scripts. Requests on their way end by their own limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _perform(self, order: Order, call: Call) -> Execution:
        try:
            request = self._request(order)
            with closing(Adapter(targets=self._targets, call=call, tls=self._tls)) as adapter:
                answer = adapter.send(_prepared(request), stream=True, timeout=self._timeouts)
                with closing(answer):
                    return self._read(answer)
        except (BadScript, BadTarget) as error:
            return Execution(ending=Ending.NOT_RUN, detail=str(error))
        except requests.RequestException as error:
            return self._failed(error)
        finally:
            call.close()

    def _request(self, order: Order) -> HttpRequest:
        env = {
            name.removeprefix("ENV_"): value
            for name, value in order.variables.items()
            if name.startswith("ENV_")
        }
        request, warnings = fill(
            parse_http_file(order.content),
            variables=order.variables,
            document=order.event.document,
            env=env,
            allowed_hosts=self._allowed_hosts,
        )
        for warning in warnings[:_MOST_WARNINGS]:
            log.warning("%s: %s", order.name, warning, extra={"run": order.run})
        return request

    def _read(self, answer: requests.Response) -> Execution:
        body = bytearray()
        execution = Execution(ending=Ending.EXIT, http_status=answer.status_code)
        try:
            for chunk in answer.iter_content(_CHUNK):
                body += chunk
                if len(body) > self._response_limit:
                    execution = replace(
                        execution,
                        ending=Ending.OUTPUT_LIMIT,
                        detail=f"the answer is larger than {self._response_limit} bytes",
                    )
                    break
        except requests.RequestException as error:
            execution = replace(self._failed(error), http_status=answer.status_code)
        kept = bytes(body[: self._response_limit])
        return replace(execution, stdout=kept, output=kept, cut=len(body) - len(kept))

    def _failed(self, error: requests.RequestException) -> Execution:
        connect, read = self._timeouts
        causes = list(_causes(error))
        if isinstance(error, requests.ConnectTimeout):
            return Execution(ending=Ending.NOT_RUN, detail=f"no connection within {connect:g} s")
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return Execution(ending=Ending.DEADLINE, detail=f"no data for {read:g} s")
        return Execution(ending=Ending.NOT_RUN, detail=_detail(causes))


async def _first(
    work: asyncio.Future[Execution], end_from_outside: asyncio.Future[Execution]
) -> Execution:
    """Return what comes first; an end from outside keeps what the answer was so far."""
    await asyncio.wait({work, end_from_outside}, return_when=asyncio.FIRST_COMPLETED)
    if not end_from_outside.done():
        return work.result()
    end = end_from_outside.result()
    await asyncio.wait({work}, timeout=_LINGER)
    so_far = work.result() if work.done() else end
    return replace(so_far, ending=end.ending, detail=end.detail)


def _prepared(request: HttpRequest) -> requests.PreparedRequest:
    """Return *request* the way `requests` wants it, without its idea of addresses and headers."""
    headers = HTTPHeaderDict()
    written = {name.lower() for name, _ in request.headers}
    for name, value in _DEFAULTS.items():
        if name.lower() not in written:
            headers.add(name, value)
    for name, value in request.headers:
        if value == SKIP_HEADER:
            raise BadScript(f"the value of the header {name} has a meaning of its own to urllib3")
        if name.lower() not in _NOT_THE_AUTHORS:
            # Headers are bytes; http.client makes them of characters up to U+00FF.
            headers.add(name, value.encode("utf-8", "surrogateescape").decode("latin-1"))
    headers.add("Connection", "close")
    if request.body is not None:
        headers.add("Content-Length", str(len(request.body)))
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.headers = headers  # type: ignore[assignment]  # the original sends no header twice
    prepared.body = request.body
    return prepared


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and everything it was made of, outermost first."""
    waiting = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (getattr(current, "reason", None), current.__cause__, current.__context__)
        waiting += [it for it in (*inner, *current.args) if isinstance(it, BaseException)]


def _detail(causes: Sequence[BaseException]) -> str:
    """Say the cause in a few words; the texts of the libraries hold addresses and secrets."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {(cause.reason or 'no reason given').lower().replace('_', ' ')}"
        if isinstance(cause, socket.gaierror):
            return "the host name cannot be resolved"
        if isinstance(cause, requests.exceptions.ContentDecodingError):
            return "the answer cannot be decoded"
    strerror = next((it.strerror for it in causes if isinstance(it, OSError) and it.strerror), "")
    if strerror:
        return strerror.lower()
    if any(isinstance(cause, HTTPException | ProtocolError) for cause in causes):
        return "the connection ended before the answer was complete"
    return f"the request failed ({type(causes[0]).__name__})"
