"""Asks a running service what `desk.Desk` promises to answer.

`botkube` and the command line use it. The shape of the answers is that of `api`.
"""

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from service.desk import Asker, Listed, Ran, Shown, Wish, ran_of
from service.errors import EngineUnavailable, UnknownRun, UnknownScript
from service.keptn_events import Belonging
from service.outcome import readable
from service.remote.calls import USUAL_TIMEOUT, Bearer, Calls
from service.runs import Run, Summary
from service.states import State
from service.strict_json import Json
from service.times import parse_time

_RUN = re.compile(r"[0-9a-z-]{1,40}", re.ASCII)
_SOON, _LATER = 0.1, 1.0
_MOST_RUNS = 500


class RemoteDesk:
    """Implements `desk.Desk`; closed with `close`."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        token_file: str | Path = "",
        ca_file: str | Path = "",
        read_timeout: float = USUAL_TIMEOUT,
    ) -> None:
        """*url* is the address of the service without `/api/v1`.

        *token*, or what *token_file* holds, says who asks; *ca_file* holds authorities to trust
        instead of the usual ones. Nothing is asked yet.
        """
        self._url = url.rstrip("/")
        self._calls = Calls(
            self._url,
            identity=Bearer(token, Path(token_file) if token_file else None),
            verify=str(ca_file) if ca_file else True,
            timeout=read_timeout,
        )

    @property
    def name(self) -> str:
        return self._url

    def close(self) -> None:
        """Ask nothing more; what is under way is left to its time limits."""
        self._calls.close()

    async def scripts(self, place: Belonging) -> Sequence[Listed]:
        answer = await self._get("/scripts", **_words(place))
        return [_listed(one) for one in answer["scripts"]]

    async def script(self, name: str, place: Belonging) -> Shown:
        if "/" in name or not name.strip("."):
            raise UnknownScript(f"{name[:80]!r} cannot be the name of a script")
        answer = await self._get(f"/scripts/{quote(name, safe='')}", **_words(place))
        return Shown(listed=_listed(answer["listed"]), text=answer["text"])

    async def explain(self, wish: Wish) -> Mapping[str, Json]:
        return await self._post("/explain", _wish(wish))

    async def run(self, wish: Wish, asker: Asker) -> str:
        answer = await self._post("/runs", {**_wish(wish), "asker": _asker(asker)})
        return str(answer["run"])

    async def rerun(self, run: str, asker: Asker) -> str:
        answer = await self._post(f"/runs/{_id(run)}/rerun", {"asker": _asker(asker)})
        return str(answer["run"])

    async def cancel(self, run: str, asker: Asker) -> bool:
        answer = await self._post(f"/runs/{_id(run)}/cancel", {"asker": _asker(asker)})
        return bool(answer["cancelled"])

    async def found(self, run: str) -> Ran:
        return _ran(await self._get(f"/runs/{_id(run)}"))

    async def wait(self, run: str, *, seconds: float) -> Ran:
        deadline = time.monotonic() + seconds
        pause = _SOON
        while True:
            ran = await self.found(run)
            left = deadline - time.monotonic()
            if ran.state.ended or left <= 0:
                return ran
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LATER)

    async def runs(self, *, limit: int, place: Belonging) -> Sequence[Ran]:
        wanted = {level: name for level, name in _words(place).items() if name}
        answer = await self._get("/runs", limit=str(max(1, min(limit, _MOST_RUNS))), **wanted)
        return [_ran(one) for one in answer["runs"]]

    async def output(self, run: str) -> Sequence[tuple[str, str]]:
        detail = await self._get(f"/runs/{_id(run)}")
        return [
            (attempt["script"], readable(await self._output(detail["id"], attempt)))
            for attempt in detail["attempts"]
            if attempt["started_at"]
        ]

    async def status(self) -> Mapping[str, Json]:
        return await self._get("/status")

    async def _output(self, run: str, attempt: Mapping[str, Any]) -> bytes:
        path = f"/runs/{run}/output/{attempt['position']}"
        return await self._calls.make("GET", path, query={"attempt": str(attempt["number"])})

    async def _get(self, path: str, **query: str) -> Mapping[str, Any]:
        return _parsed(await self._calls.make("GET", path, query=query))

    async def _post(self, path: str, body: Mapping[str, Json]) -> Mapping[str, Any]:
        return _parsed(await self._calls.make("POST", path, body=body))


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, Mapping):
        raise EngineUnavailable("what answers there is not generic-executor-service")
    return answer


def _id(run: str) -> str:
    if not _RUN.fullmatch(run):
        raise UnknownRun
    return run


def _words(place: Belonging) -> dict[str, str]:
    return {"project": place.project, "stage": place.stage, "service": place.service}


def _wish(wish: Wish) -> dict[str, Json]:
    asked: dict[str, Json] = {"type": wish.type, "action": wish.action, "values": dict(wish.values)}
    return asked | _words(wish.place)


def _asker(asker: Asker) -> Json:
    return {"name": asker.name, "url": asker.url}


def _listed(record: Mapping[str, Any]) -> Listed:
    known = {field.name for field in fields(Listed)}
    return Listed(**{name: value for name, value in record.items() if name in known})


def _ran(record: Mapping[str, Any]) -> Ran:
    values = {field.name: record[field.name] for field in fields(Run)}
    for name in ("accepted_at", "started_at", "ended_at"):
        values[name] = parse_time(values[name]) if values[name] else None
    values["state"] = State(values["state"])
    summary = Summary(
        run=Run(**values),
        asked_by=record["asked_by"],
        asked_url=record["asked_url"],
        scripts=tuple(record["scripts"]),
        next=tuple(record.get("next", ())),
    )
    return ran_of(summary, now=datetime.now(UTC))
