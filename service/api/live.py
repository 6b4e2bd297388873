"""The output of a run while it runs, as server-sent events.

An ASGI application of its own, because a view holds a thread as long as it lasts. Who looks
on asks the engine again and again; what has ended is read from the record, so a stream is
whole whenever it begins. Nobody waits for a slow reader: the stream is ended.
"""

import asyncio
import codecs
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from service.api.engine import Engine
from service.api.questions import position_wanted, run_wanted
from service.api.reading import Reader, RunDetail
from service.api.visitor import visitor_of
from service.errors import GenexecError, SourceUnavailable, UnknownRun
from service.http_binding import code_of, status_of
from service.runs import Attempt
from service.states import State
from service.strict_json import Json

PATH = re.compile(r"/api/v1/runs/([^/]+)/output/([^/]+)/live")
MOST_STREAMS = 32
_LOOK = 0.25
_HEARTBEAT = 10.0
_SLOW = 10.0
"""Seconds in which a reader must take what it is sent."""
_THREADS = 4
_CHUNK = 64 * 1024
_HEAD = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
)

_T = TypeVar("_T")
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

log = logging.getLogger(__name__)


class Live:
    """Answers at `PATH`; *draining* says that the service is about to end."""

    def __init__(
        self,
        reader: Reader,
        engine: Engine,
        *,
        draining: Callable[[], bool],
        most: int = MOST_STREAMS,
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._draining = draining
        self._most = most
        self._streams = 0
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="live")

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """Serve one request (ASGI 3), a GET whose path matches `PATH`."""
        try:
            detail, position = await self._wanted(scope)
        except GenexecError as error:
            await _refuse(error, send)
            return
        self._streams += 1
        stream = asyncio.ensure_future(self._stream(detail, position, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({stream, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams -= 1
            for task in (stream, gone):
                task.cancel()
            for ended in await asyncio.gather(stream, gone, return_exceptions=True):
                if isinstance(ended, Exception):
                    log.error("a live output was broken off by a fault of ours", exc_info=ended)

    async def _wanted(self, scope: MutableMapping[str, Any]) -> tuple[RunDetail, int]:
        match = PATH.fullmatch(scope["path"])
        if match is None:
            raise UnknownRun
        if self._streams >= self._most:
            raise SourceUnavailable("too many outputs are being looked at; ask again later")
        run, position = run_wanted(match[1]), position_wanted(match[2])
        visible = visitor_of({"asgi.scope": scope}).may_touch
        return await self._away(partial(self._reader.run, run, visible=visible)), position

    async def _stream(self, detail: RunDetail, position: int, send: _Send) -> None:
        with suppress(TimeoutError, OSError):  # a reader that is slow or gone is let go
            await _send(send, {"type": "http.response.start", "status": 200, "headers": _HEAD})
            # The head leaves with the first piece of the body.
            await _send(send, _piece(b": the output follows\n\n"))
            try:
                async for piece in self._told(detail, position):
                    await _send(send, _piece(piece))
            except GenexecError as error:
                log.warning("a live output ends: %s", error, extra={"run": detail.run.id})
            await _send(send, {"type": "http.response.body", "body": b""})

    async def _told(self, detail: RunDetail, position: int) -> AsyncIterator[bytes]:
        """Yield what is sent, until the run is over."""
        run = detail.run.id
        teller = _Teller()
        quiet = 0.0
        while not self._draining():
            # The record first: what ended before it was read is in it as a whole.
            detail = await self._away(partial(self._reader.run, run))
            for number in _ended(detail, position):
                if (whole := await self._rest(run, position, number, teller)) is not None:
                    yield whole
            if detail.run.ended_at is not None:
                yield _event("end", {"run": run, "state": detail.run.state})
                return
            said = await self._live(detail, position, teller)
            quiet = 0.0 if said else quiet + _LOOK
            if said:
                yield said
            elif quiet >= _HEARTBEAT:
                quiet = 0.0
                yield b": still here\n\n"
            await asyncio.sleep(_LOOK)

    async def _rest(self, run: str, position: int, number: int, teller: "_Teller") -> bytes | None:
        """Return what is missing of an attempt that is over; None when nothing is."""
        if number <= teller.whole:
            return None
        output = await self._away(partial(self._reader.output, run, position, number))
        return teller.tell(number, output, final=True)

    async def _live(self, detail: RunDetail, position: int, teller: "_Teller") -> bytes:
        running = next((a.number for a in detail.attempts if _runs(a, position)), None)
        if running is None:
            return b""
        run = detail.run.id
        ask = partial(self._engine.live, run, attempt=(position, teller.number), start=teller.at)
        try:
            piece = await self._away(ask)
        except SourceUnavailable:  # it is started again: the record goes on afterwards
            return b""
        if piece is None or (piece.position, piece.number) != (position, running):
            return b""
        return teller.tell(piece.number, piece.content, start=piece.start)

    async def _away(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class _Teller:
    """How much of which attempt was told."""

    def __init__(self) -> None:
        self.number = 0
        self.at = 0
        self.whole = 0
        """The last attempt that was told to its end."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def tell(self, number: int, content: bytes, *, start: int = 0, final: bool = False) -> bytes:
        """Return the events that tell *content*, which begins at *start*, as far as it is new."""
        told = []
        if number != self.number:
            self.number, self.at = number, 0
            self._decoder.reset()
            told.append(_event("attempt", {"number": number}))
        new = content[max(0, self.at - start) :]
        self.at = max(self.at, start + len(content))
        if final:
            self.whole = number
        for at in range(0, max(1, len(new)), _CHUNK):
            last = final and at + _CHUNK >= len(new)
            text = self._decoder.decode(new[at : at + _CHUNK], last).replace("\0", "")
            if text:
                told.append(_event("output", {"text": text}))
        return b"".join(told)


def _ended(detail: RunDetail, position: int) -> list[int]:
    return [
        attempt.number
        for attempt in detail.attempts
        if attempt.position == position and attempt.state.ended
    ]


def _runs(attempt: Attempt, position: int) -> bool:
    return attempt.position == position and attempt.state is State.RUNNING


def _event(kind: str, data: dict[str, Json]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode("ascii")


def _piece(body: bytes) -> MutableMapping[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _send(send: _Send, message: MutableMapping[str, Any]) -> None:
    await asyncio.wait_for(send(message), _SLOW)


async def _gone(receive: _Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(error: GenexecError, send: _Send) -> None:
    status, message = status_of(error), str(error)
    answer = {"code": code_of(error), "message": message, "reference": secrets.token_hex(4)}
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode() + b"\n"})
