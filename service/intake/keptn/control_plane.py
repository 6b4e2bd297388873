"""Keptn's API, as an integration uses it: registration, open events, log.

`registration`, `polling` and `wiring` call this. An address that has a path is that of the
gateway (`https://keptn.example.org/api`); one without is the shipyard-controller in the
cluster (`http://shipyard-controller:8080`), which needs no token. Calls are few and come from
threads, one at a time; nothing is taken from the surroundings and no redirect is followed.
Events are handed on unread: `reception` is as strict with them as with any other.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from service.errors import KeptnRefused, KeptnUnavailable
from service.strict_json import Json

_MOST = 16 << 20
"""Bytes of one answer: a page of 200 events of 64 KiB and some."""
_PAGE = 200
_PAGES = 50
_SHOWN = 200


class ControlPlane:
    """Speaks to one Keptn."""

    def __init__(
        self,
        address: str,
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        seconds: float = 10.0,
    ) -> None:
        """*token_file* is read at each call; an answer may take *seconds* to begin."""
        parts = urlsplit(address.rstrip("/"))
        self._base = parts.geturl()
        self._prefix = "/controlPlane/v1" if parts.path else "/v1"
        self._name = f"Keptn at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._token_file = token_file
        self._seconds = seconds
        self._lock = Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        if ca_file is not None:
            self._session.verify = str(ca_file)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def register(self, integration: Mapping[str, Json]) -> str:
        """Make an integration known; return the id to be used from now on."""
        answer = self._call("POST", "/uniform/registration", integration)
        id_ = answer.get("id")
        if not isinstance(id_, str) or not id_:
            raise KeptnRefused(f"{self._name} did not say under which id we are registered")
        return id_

    def ping(self, id_: str) -> Mapping[str, Json] | None:
        """Say that we are alive; return the registration, None when it is not known any more."""
        path = f"/uniform/registration/{quote(id_, safe='')}/ping"
        return self._call("PUT", path, absent=404) or None

    def unregister(self, id_: str) -> None:
        """Say that we are gone."""
        self._call("DELETE", f"/uniform/registration/{quote(id_, safe='')}", absent=404)

    def open_events(self, type_: str, **filters: str) -> Iterator[Mapping[str, Json]]:
        """Yield the open `.triggered` events of a type, each once.

        Pages are asked for until one brings nothing new: some versions repeat the first page
        at every place. A project that is not known has no events.
        """
        path = f"/event/triggered/{quote(type_, safe='')}"
        seen: set[str] = set()
        key = ""
        for _ in range(_PAGES):
            wish = {**filters, "pageSize": str(_PAGE), **({"nextPageKey": key} if key else {})}
            answer = self._call("GET", path, query=wish, absent=404)
            events = answer.get("events")
            found = (
                [one for one in events if isinstance(one, Mapping)]
                if isinstance(events, list)
                else []
            )
            fresh = [one for one in found if str(one.get("id")) not in seen]
            seen |= {str(one.get("id")) for one in fresh}
            yield from fresh
            key = str(answer.get("nextPageKey") or "0")
            if not fresh or key == "0":
                return

    def log(self, entry: Mapping[str, Json]) -> None:
        """Show an error in the Bridge, at our integration."""
        self._call("POST", "/log", {"logs": [dict(entry)]})

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        absent: int = 0,
    ) -> Mapping[str, Json]:
        """Return the answer, an empty one when its status is *absent*.

        Raises `KeptnUnavailable` or `KeptnRefused`.
        """
        try:
            with (
                self._lock,
                self._session.request(
                    method,
                    f"{self._base}{self._prefix}{path}",
                    params=query,
                    json=body,
                    headers=self._credentials(),
                    timeout=self._seconds,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                text = response.raw.read(_MOST + 1, decode_content=True)
                status = response.status_code
        except (requests.RequestException, OSError, ValueError) as error:
            raise KeptnUnavailable(f"{self._name} cannot be reached: {_why(error)}") from error
        if status == absent:
            return {}
        if not 200 <= status < 300:
            raise self._refusal(status, text)
        return self._read(text)

    def _credentials(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        return {"x-token": self._token_file.read_text(encoding="utf-8").strip()}

    def _refusal(self, status: int, text: bytes) -> KeptnUnavailable | KeptnRefused:
        said = " ".join(text[:_SHOWN].decode("utf-8", "replace").split())
        message = f"{self._name} answers {status}: {said}"
        if status in (401, 403):
            return KeptnRefused(f"{message} (look at GENEXEC_KEPTN_TOKEN_FILE)")
        if status in (408, 425, 429) or status >= 500:
            return KeptnUnavailable(message)
        return KeptnRefused(message)

    def _read(self, text: bytes) -> Mapping[str, Json]:
        if len(text) > _MOST:
            raise KeptnUnavailable(f"{self._name} answers with more than {_MOST} bytes")
        if not text.strip():
            return {}
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise KeptnUnavailable(f"{self._name} does not answer with JSON") from error
        return document if isinstance(document, Mapping) else {}


def _why(error: Exception) -> str:
    """Return the last cause: requests wraps it, and repeats the address with its secrets."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"{type(cause).__name__}: {cause}"[:_SHOWN]
