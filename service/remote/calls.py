"""Requests to a running service: in threads, with limits, errors in our words.

Each is made by itself, so that nobody's event loop waits; tokens are read again at every use,
because they are renewed.
"""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import requests
from requests.auth import AuthBase

from service.errors import (
    BadEvent,
    BadSettings,
    EngineUnavailable,
    EventForgotten,
    EventTooLarge,
    GenexecError,
    InvalidName,
    NeverAgain,
    NotPermitted,
    UnknownRun,
    UnknownScript,
)
from service.http_binding import code_of
from service.strict_json import Json

USUAL_TIMEOUT = 25.0
_CONNECT = 3.0
_LARGEST = 8 * 1024 * 1024
_THREADS = 8
_KINDS: Mapping[str, type[NeverAgain]] = {
    code_of(kind()): kind
    for kind in (
        BadEvent, EventForgotten, EventTooLarge, InvalidName, NotPermitted, UnknownRun,
        UnknownScript,
    )
}  # fmt: skip


class Bearer(AuthBase):
    """Shows a token; what a file holds is never printed."""

    def __init__(self, token: str, file: Path | None) -> None:
        self._token = token
        self._file = file

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._token
        if self._file is not None:
            try:
                token = self._file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise BadSettings(f"the token file {self._file} cannot be read") from error
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request


def _content(answer: requests.Response) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > _LARGEST:
            raise EngineUnavailable(f"the answer has more than {_LARGEST} bytes")
    return bytes(content)


class Calls:
    """Calls the API at *url*; *verify* is as `requests` takes it, *timeout* is for reading."""

    def __init__(self, url: str, *, identity: Bearer, verify: bool | str, timeout: float) -> None:
        self._url = url
        self._identity = identity
        self._verify = verify
        self._timeouts = (_CONNECT, timeout)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="remote-desk")

    def close(self) -> None:
        """Make no further call."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def make(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
    ) -> bytes:
        """Return the body of the answer. Raises what the service means, or `EngineUnavailable`."""
        work = partial(self._request, method, path, query, body)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except RuntimeError as error:
            raise EngineUnavailable("the connection to the service is closed") from error

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Json] | None,
    ) -> bytes:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(
                    method,
                    f"{self._url}/api/v1{path}",
                    auth=self._identity,
                    timeout=self._timeouts,
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                    params=query,
                    json=body,
                )
                with closing(answer):
                    content = _content(answer)
        except requests.RequestException as error:
            cause = error.args[0] if error.args else error
            reason = getattr(cause, "reason", cause)
            raise EngineUnavailable(f"{self._url} cannot be reached: {reason}") from error
        except OSError as error:  # the file of authorities
            raise BadSettings(f"{self._verify} cannot be used: {error.strerror}") from error
        if 200 <= answer.status_code < 300:
            return content
        raise self._refusal(answer.status_code, content)

    def _refusal(self, status: int, content: bytes) -> GenexecError:
        try:
            said = json.loads(content)
            code, message = str(said["code"]), str(said.get("message") or said["code"])
        except (ValueError, KeyError, TypeError, RecursionError):
            code, message = "", f"{self._url} answers {status}"
        if status == 429 or status >= 500:
            return EngineUnavailable(message)
        if status in (401, 403):
            return NotPermitted(message)
        return _KINDS.get(code, NeverAgain)(message)
