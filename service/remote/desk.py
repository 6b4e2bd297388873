"""Asks a running service what `desk.Desk` promises to answer.

`botkube` and the command line use it. The shape of the answers is that of `api`.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from service.desk import Asker, Listed, Ran, Shown, Wish, ran_of
from service.errors import UnknownRun, UnknownScript
from service.event import Event
from service.explanation import as_lines
from service.keptn_events import Belonging
from service.outcome import readable
from service.remote.calls import USUAL_TIMEOUT, Bearer, Calls
from service.remote.records import Detail, detail_of, listed_of, parsed, summary_of, told
from service.runs import Attempt, Summary
from service.states import State
from service.strict_json import Json

_RUN = re.compile(r"[0-9a-z-]{1,40}", re.ASCII)
_SOON, _LATER = 0.1, 1.0
_MOST_RUNS = 500
_MOST_PAGES = 20
"""Runs that are not for whoever asks are left out of a page, which may be empty then."""


class RemoteDesk:
    """Implements `desk.Desk`, and what the command line shows beyond; closed with `close`."""

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
        return told(lambda it: [listed_of(one) for one in it["scripts"]], answer)

    async def script(self, name: str, place: Belonging) -> Shown:
        if "/" in name or not name.strip("."):
            raise UnknownScript(f"{name[:80]!r} cannot be the name of a script")
        answer = await self._get(f"/scripts/{quote(name, safe='')}", **_words(place))
        return told(lambda it: Shown(listed=listed_of(it["listed"]), text=it["text"]), answer)

    async def explain(self, wish: Wish) -> Mapping[str, Json]:
        return await self._post("/explain", _wish(wish))

    async def run(self, wish: Wish, asker: Asker) -> str:
        answer = await self._post("/runs", {**_wish(wish), "asker": _asker(asker)})
        return told(lambda it: _text(it["run"]), answer)

    async def rerun(self, run: str, asker: Asker) -> str:
        answer = await self._post(f"/runs/{_id(run)}/rerun", {"asker": _asker(asker)})
        return told(lambda it: _text(it["run"]), answer)

    async def cancel(self, run: str, asker: Asker) -> bool:
        answer = await self._post(f"/runs/{_id(run)}/cancel", {"asker": _asker(asker)})
        return told(lambda it: bool(it["cancelled"]), answer)

    async def found(self, run: str) -> Ran:
        return told(_ran, await self._get(f"/runs/{_id(run)}"))

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
        return told(lambda it: [_ran(one) for one in it["runs"]], answer)

    async def output(self, run: str) -> Sequence[tuple[str, str]]:
        detail = await self.detail(run)
        scripts = {one.position: one.script for one in detail.attempts}
        outputs = await self.outputs(detail)
        return [(scripts[position], said) for (position, _), said in outputs.items()]

    async def status(self) -> Mapping[str, Json]:
        return await self._get("/status")

    async def explain_event(self, event: Event) -> Mapping[str, Json]:
        """Return which scripts *event* would run and why, as `explain` does for a wish."""
        return told(_explained, await self._post("/explain", event.document))

    async def summaries(
        self, *, limit: int, state: State | None, project: str | None
    ) -> Sequence[Summary]:
        """Return the latest runs with all that a list shows, newest first."""
        wanted = {"state": state, "project": project}
        query = {name: str(value) for name, value in wanted.items() if value is not None}
        found: list[Summary] = []
        for _ in range(_MOST_PAGES):
            size = str(min(limit - len(found), _MOST_RUNS))
            answer = await self._get("/runs", limit=size, **query)
            found += told(lambda it: [summary_of(one) for one in it["runs"]], answer)
            if answer.get("next") is None or len(found) >= limit:
                break
            query["before"] = str(answer["next"])
        return found

    async def detail(self, run: str) -> Detail:
        """Return everything about one run but its outputs."""
        return told(detail_of, await self._get(f"/runs/{_id(run)}"))

    async def outputs(self, detail: Detail) -> Mapping[tuple[int, int], str]:
        """Return what the scripts of a run wrote, by position and number of the attempt."""
        return {
            (one.position, one.number): readable(await self._output(detail.run.id, one))
            for one in detail.attempts
            if one.started_at is not None
        }

    async def _output(self, run: str, attempt: Attempt) -> bytes:
        path = f"/runs/{run}/output/{attempt.position}"
        return await self._calls.make("GET", path, query={"attempt": str(attempt.number)})

    async def _get(self, path: str, **query: str) -> Mapping[str, Any]:
        return parsed(await self._calls.make("GET", path, query=query))

    async def _post(self, path: str, body: Mapping[str, Json]) -> Mapping[str, Any]:
        return parsed(await self._calls.make("POST", path, body=body))


def _id(run: str) -> str:
    if not _RUN.fullmatch(run):
        raise UnknownRun(f"{run[:40]!r} is not the id of a run, nor its beginning")
    return run


def _words(place: Belonging) -> dict[str, str]:
    return {"project": place.project, "stage": place.stage, "service": place.service}


def _wish(wish: Wish) -> dict[str, Json]:
    asked: dict[str, Json] = {"type": wish.type, "action": wish.action, "values": dict(wish.values)}
    return asked | _words(wish.place)


def _asker(asker: Asker) -> Json:
    return {"name": asker.name, "url": asker.url}


def _ran(record: Mapping[str, Any]) -> Ran:
    return ran_of(summary_of(record), now=datetime.now(UTC))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _explained(record: Mapping[str, Any]) -> Mapping[str, Json]:
    """Return *record* when all of it is there that a person is shown."""
    list(as_lines(record))
    return record
