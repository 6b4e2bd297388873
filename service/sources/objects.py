"""Git objects by their ids, through one `git cat-file` process that stays.

`tree` and `repository` read trees, blobs and commits here. A process that died or does not
answer in time is replaced once; every content is checked against its id, so damage on disk
is noticed and never used.
"""

import asyncio
import hashlib
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TypeVar

from service.errors import SourceUnavailable

Start = Callable[[], Awaitable[subprocess.Popen[bytes]]]
"""Starts `git cat-file --batch-command`; raises `SourceUnavailable`."""

_T = TypeVar("_T")
_HASHES = {40: "sha1", 64: "sha256"}


class ObjectDamaged(Exception):
    """An object that must be there is missing or is not what its id says."""


class ObjectTooLarge(Exception):
    """An object has more bytes than may be read."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an object is, without its content."""

    id: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class _Talk:
    """One living process and its pipes."""

    process: subprocess.Popen[bytes]
    answers: asyncio.StreamReader
    transports: tuple[asyncio.ReadTransport, ...]


class Objects:
    """Answers questions about objects, one at a time, each within *patience* seconds."""

    def __init__(self, start: Start, *, patience: float = 10.0) -> None:
        self._start = start
        self._patience = patience
        self._turn = asyncio.Lock()
        self._talk: _Talk | None = None
        self._unwanted: set[asyncio.Future[subprocess.Popen[bytes]]] = set()

    async def header(self, name: str) -> Header | None:
        """Return what *name* is: an id, a short id, or either with `^{commit}`, `^{tree}`.

        None when there is no such object, or several for a short id. *name* must have been
        checked: it is one line of text to Git.
        """
        return await self._answer(lambda talk: _ask_header(talk, name))

    async def content(self, id_: str, kind: str, *, limit: int) -> bytes:
        """Return the content of the object with this full id.

        Raises `ObjectDamaged` when it is missing, of another kind, or not what the id says,
        `ObjectTooLarge` when it has more than *limit* bytes, and `SourceUnavailable`.
        """
        return await self._answer(lambda talk: _ask_content(talk, id_, kind, limit))

    async def close(self) -> None:
        """End the process; the next question starts another one."""
        async with self._turn:
            self._hang_up()
        await asyncio.gather(*self._unwanted, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes the pipes in its next round

    async def _answer(self, ask: Callable[[_Talk], Awaitable[_T]]) -> _T:
        async with self._turn:
            try:
                return await self._try(ask)
            except (OSError, EOFError):
                pass
            try:
                return await self._try(ask)
            except TimeoutError as error:
                raise SourceUnavailable("git cat-file does not answer") from error
            except (OSError, EOFError) as error:
                raise ObjectDamaged("git cat-file ends instead of answering") from error

    async def _try(self, ask: Callable[[_Talk], Awaitable[_T]]) -> _T:
        whole = False
        try:
            async with asyncio.timeout(self._patience):
                if self._talk is None:
                    self._talk = await _connected(await self._started())
                answer = await ask(self._talk)
            whole = True
            return answer
        finally:
            # Half an answer in the pipe would be taken for the next one.
            if not whole:
                self._hang_up()

    async def _started(self) -> subprocess.Popen[bytes]:
        """Start a process; who gives up waiting for that leaves none behind."""
        starting = asyncio.ensure_future(self._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._unwanted.add(starting)
            starting.add_done_callback(self._dispose)
            raise

    def _dispose(self, started: asyncio.Future[subprocess.Popen[bytes]]) -> None:
        self._unwanted.discard(started)
        if not started.cancelled() and started.exception() is None:
            _end(started.result())

    def _hang_up(self) -> None:
        talk, self._talk = self._talk, None
        if talk is not None:
            for transport in talk.transports:
                transport.close()
            _end(talk.process)


async def _connected(process: subprocess.Popen[bytes]) -> _Talk:
    answers, errors = asyncio.StreamReader(), asyncio.StreamReader()
    transports = []
    try:
        # Errors are connected so that their pipe closes in order; nobody reads them.
        for pipe, reader in ((process.stdout, answers), (process.stderr, errors)):
            transports.append(await _connect(pipe, reader))
    except BaseException:
        for transport in transports:
            transport.close()
        _end(process)
        raise
    return _Talk(process, answers, tuple(transports))


async def _connect(pipe: IO[bytes] | None, reader: asyncio.StreamReader) -> asyncio.ReadTransport:
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return transport


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it was too dead to read
                pipe.close()
    process.wait()


async def _ask_header(talk: _Talk, name: str) -> Header | None:
    _say(talk, f"info {name}")
    return _header(await talk.answers.readuntil())


async def _ask_content(talk: _Talk, id_: str, kind: str, limit: int) -> bytes:
    _say(talk, f"contents {id_}")
    header = _header(await talk.answers.readuntil())
    if header is None:
        raise ObjectDamaged(f"object {id_} is missing")
    if header.kind != kind or header.id != id_:
        raise ObjectDamaged(f"object {id_} is a {header.kind}, not a {kind}")
    if header.size > limit:
        raise ObjectTooLarge(f"object {id_} is larger than {limit} bytes")
    content = (await talk.answers.readexactly(header.size + 1))[:-1]
    if object_id(kind, content, length=len(id_)) != id_:
        raise ObjectDamaged(f"object {id_} is damaged")
    return content


def object_id(kind: str, content: bytes, *, length: int = 40) -> str:
    """Return the id Git gives to an object with this content."""
    head = f"{kind} {len(content)}\0".encode("ascii")
    return hashlib.new(_HASHES[length], head + content, usedforsecurity=False).hexdigest()


def _say(talk: _Talk, line: str) -> None:
    if talk.process.stdin is None:
        raise EOFError
    talk.process.stdin.write(f"{line}\n".encode("ascii"))
    talk.process.stdin.flush()


def _header(line: bytes) -> Header | None:
    words = line.decode("ascii", "replace").split()
    if len(words) != 3 or not words[2].isdigit():
        if len(words) == 2 and words[1] in ("missing", "ambiguous"):
            return None
        raise EOFError
    return Header(words[0], words[1], int(words[2]))
