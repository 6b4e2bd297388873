"""Keptn's API, as an integration uses it: registration, open events, log.

`registration`, `polling` and `wiring` call this. An address that has a path is that of the
gateway (`https://keptn.example.org/api`); one without is the shipyard-controller in the
cluster (`http://shipyard-controller:8080`), which needs no token. Every call has one deadline
for all of it, takes nothing from the surroundings and follows no redirect. Events are handed
on unread: `reception` is as strict with them as with any other.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from service.errors import KeptnRefused, KeptnUnavailable
from service.intake.keptn.asking import FOREIGN, Answer, ask
from service.strict_json import Json

_MOST = 16 << 20
"""Bytes of one answer: a page of 200 events of 64 KiB and some."""
_PAGE = 200
_PAGES = 50
_SHOWN = 200
_NO_SUCH_CALL = (404, 405)


class ControlPlane:
    """Speaks to one Keptn, on one event loop."""

    def __init__(
        self,
        address: str,
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        seconds: float = 10.0,
    ) -> None:
        """*token_file* is read at each call; a call may take *seconds* as a whole."""
        parts = urlsplit(address.rstrip("/"))
        self._base = parts.geturl()
        self._prefix = "/controlPlane/v1" if parts.path else "/v1"
        self._name = f"Keptn at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._token_file = token_file
        self._ca_file = ca_file
        self._seconds = seconds

    async def register(self, integration: Mapping[str, Json]) -> str:
        """Make an integration known; return the id to be used from now on."""
        answer = await self._call("POST", "/uniform/registration", integration)
        id_ = answer.get("id")
        if not isinstance(id_, str) or not id_:
            raise KeptnRefused(f"{self._name} did not say under which id we are registered")
        return id_

    async def ping(self, id_: str) -> Mapping[str, Json] | None:
        """Say that we are alive; return the registration, None when it is not known any more."""
        path = f"/uniform/registration/{quote(id_, safe='')}/ping"
        return await self._call("PUT", path, absent=_NO_SUCH_CALL) or None

    async def unregister(self, id_: str) -> None:
        """Say that we are gone."""
        path = f"/uniform/registration/{quote(id_, safe='')}"
        await self._call("DELETE", path, absent=_NO_SUCH_CALL)

    async def open_events(self, type_: str, **filters: str) -> AsyncIterator[Mapping[str, Json]]:
        """Yield the open `.triggered` events of a type, each once.

        Pages are asked for until one brings nothing new: some versions repeat the first page
        at every place. A project that is not known has no events.
        """
        path = f"/event/triggered/{quote(type_, safe='')}"
        seen: set[str] = set()
        key = ""
        for _ in range(_PAGES):
            wish = {**filters, "pageSize": str(_PAGE), **({"nextPageKey": key} if key else {})}
            answer = await self._call("GET", f"{path}?{urlencode(wish)}", absent=(404,))
            fresh = [one for one in _events(answer) if str(one.get("id")) not in seen]
            for one in fresh:
                seen.add(str(one.get("id")))
                yield one
            key = str(answer.get("nextPageKey") or "0")
            if not fresh or key == "0":
                return

    async def log(self, entry: Mapping[str, Json]) -> None:
        """Show an error in the Bridge, at our integration."""
        await self._call("POST", "/log", {"logs": [dict(entry)]})

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        absent: tuple[int, ...] = (),
    ) -> Mapping[str, Json]:
        """Return the answer, an empty one when its status is one of *absent*.

        Raises `KeptnUnavailable` or `KeptnRefused`.
        """
        headers = self._credentials()
        answer = await self._asked(method, path, body, headers)
        if answer.status in absent:
            return {}
        if not 200 <= answer.status < 300:
            raise self._refusal(answer.status, answer.body.replace(*_mask(headers)))
        return self._document(answer.body)

    async def _asked(
        self, method: str, path: str, body: Mapping[str, Json] | None, headers: Mapping[str, str]
    ) -> Answer:
        try:
            ca_file = str(self._ca_file) if self._ca_file else None
            return await ask(
                method,
                f"{self._base}{self._prefix}{path}",
                None if body is None else json.dumps(body).encode("ascii"),
                headers=headers,
                tls=ssl.create_default_context(cafile=ca_file) if ca_file else None,
                seconds=self._seconds,
                most=_MOST,
            )
        except TimeoutError as error:
            message = f"{self._name} did not answer in {self._seconds:g} s"
            raise KeptnUnavailable(message) from error
        except FOREIGN as error:
            what = str(error)[:_SHOWN] or type(error).__name__
            raise KeptnUnavailable(f"{self._name} cannot be reached: {what}") from error

    def _credentials(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except OSError as error:
            why = f"the token for {self._name} cannot be read: {error.strerror}"
            raise KeptnUnavailable(why) from error
        except UnicodeDecodeError:
            token = ""
        if not token or not token.isprintable():
            raise KeptnRefused("the file of GENEXEC_KEPTN_TOKEN_FILE does not hold a token")
        return {"x-token": token}

    def _refusal(self, status: int, text: bytes) -> KeptnUnavailable | KeptnRefused:
        said = " ".join(text[:_SHOWN].decode("utf-8", "replace").split())
        message = f"{self._name} answers {status}: {said}"
        if status in (401, 403):
            return KeptnRefused(f"{message} (look at GENEXEC_KEPTN_TOKEN_FILE)")
        if status in (408, 425, 429) or status >= 500:
            return KeptnUnavailable(message)
        return KeptnRefused(message)

    def _document(self, text: bytes) -> Mapping[str, Json]:
        if not text.strip():
            return {}
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise KeptnUnavailable(f"{self._name} does not answer with JSON") from error
        return document if isinstance(document, Mapping) else {}


def _mask(headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Return what must not be shown when the other side repeats what it was sent."""
    return headers.get("x-token", "\0").encode("ascii"), b"***"


def _events(answer: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    events = answer.get("events")
    if not isinstance(events, list):
        return []
    return [one for one in events if isinstance(one, Mapping)]
