"""A sink that misbehaves as told, a journal in memory, clocks, makers."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from service.delivery.outbox import Outbox
from service.delivery.sink import HttpSink
from service.errors import JournalUnavailable
from service.runs import Delivery, Outgoing
from service.states import OutgoingState

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@dataclass
class Request:
    """What reached the sink."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    nth: int
    """Which request of its connection, from 1."""

    @property
    def event(self):
        return self.body.decode().split("|")[0]

    @property
    def context(self):
        return self.event.rpartition("-")[0]


@dataclass
class Reply:
    """How the sink treats a request."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""
    """Sent instead of an answer."""
    cut: bool = False
    silent: bool = False
    close: bool = False
    endless: bool = False


class Sink:
    """An HTTP server in the loop of the test; `answer` decides about each request."""

    def __init__(self):
        self.answer: Callable[[Request], Reply] = lambda _request: Reply()
        self.received: list[Request] = []
        self.taken: list[str] = []
        self.connections = 0
        self.port = 0
        self._server = None
        self._writers = set()
        self._over = asyncio.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/events"

    async def start(self):
        self._over.clear()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._over.set()
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()
        while self._writers:
            await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for nth in count(1):
                request = await self._read(reader, nth)
                self.received.append(request)
                reply = self.answer(request)
                if 200 <= reply.status < 300 and not reply.silent:
                    self.taken.append(request.event)
                if reply.silent:
                    await self._over.wait()
                if reply.cut:
                    break
                await self._write(writer, reply)
                if reply.close:
                    break
        writer.close()
        self._writers.discard(writer)

    async def _read(self, reader, nth):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (text.partition(":") for text in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        return Request(line, headers, body, nth)

    async def _write(self, writer, reply):
        length = 1 << 40 if reply.endless else len(reply.body)
        headers = {"Content-Length": str(length)} | dict(reply.headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {reply.status} Whatever\r\n{lines}\r\n".encode("latin-1")
        writer.write(reply.raw or head + reply.body)
        await writer.drain()
        while reply.endless:
            writer.write(b"x" * 65536)
            await writer.drain()


class MemoryJournal:
    """The part of the `Journal` port that delivery needs."""

    def __init__(self):
        self.waiting: dict[str, tuple[int, Outgoing]] = {}
        self.marked: list[str] = []
        self.batches = 0
        self.errors: dict[str, list[str]] = {}
        self.buried: dict[str, str] = {}
        self.reads = 0
        self.broken = 0
        """How many calls fail from now on."""
        self._seq = count(1)

    def write(self, *outgoing):
        for event in outgoing:
            self.waiting[event.id] = next(self._seq), event
        return outgoing

    def pending(self, *, after, limit):
        self._check()
        later = [row for row in self.waiting.values() if row[0] > after]
        return [(s, Delivery(outgoing=o, state=OutgoingState.PENDING)) for s, o in later[:limit]]

    def outgoing(self, event_id):
        self.reads += 1
        return self.waiting[event_id][1] if event_id in self.waiting else None

    def sent(self, ids):
        self._check()
        self.batches += 1
        self.marked += ids
        for event_id in ids:
            self.waiting.pop(event_id, None)

    def attempted(self, event_id, *, error):
        self.errors.setdefault(event_id, []).append(error)

    async def bury(self, event_id, *, error):
        self._check()
        self.waiting.pop(event_id, None)
        self.buried[event_id] = error

    def _check(self):
        if self.broken:
            self.broken -= 1
            raise JournalUnavailable("the disk is full")


class RealClock:
    """The time as it is."""

    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class HandClock:
    """Time passes when the test says so."""

    def __init__(self):
        self.seconds = 0.0
        self._sleepers = []

    def now(self):
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds

    async def sleep(self, seconds):
        waking = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.seconds + seconds, waking))
        await waking

    async def let_pass(self, seconds):
        """Let time pass, stopping at every moment somebody waits for."""
        until = self.seconds + seconds
        await self._settle()
        while True:
            self._sleepers = [each for each in self._sleepers if not each[1].done()]
            due = min((due for due, _ in self._sleepers), default=until)
            if due > until or not self._sleepers:
                break
            self.seconds = max(self.seconds, due)
            for moment, waking in self._sleepers:
                if moment <= self.seconds and not waking.done():
                    waking.set_result(None)
            await self._settle()
        self.seconds = until

    async def _settle(self):
        for _ in range(20):
            await asyncio.sleep(0)


class ScriptedSender:
    """Takes every event unless `answer` raises; remembers attempts with their moments."""

    def __init__(self, clock):
        self.answer: Callable[[str], None] = lambda _event: None
        self.attempts: list[tuple[float, str]] = []
        self.taken: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self.held = None
        """An `asyncio.Event` that every attempt waits for."""
        self._clock = clock

    async def send(self, body):
        event = body.decode().split("|")[0]
        self.attempts.append((self._clock.monotonic(), event))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.held:
                await self.held.wait()
            self.answer(event)
        finally:
            self.under_way -= 1
        self.taken.append(event)


@pytest.fixture
def journal():
    return MemoryJournal()


@pytest.fixture
def reply():
    return Reply


def make_outgoing(context="c", number=1, *, first=0, size=0, created_at=NOW):
    """Make the events `context-0`, `context-1` … of a context."""
    return [
        Outgoing(
            id=f"{context}-{n}",
            run="run",
            type="sh.keptn.event.test.started",
            context=context,
            kind="started",
            hops=1,
            body=f"{context}-{n}|".encode().ljust(size, b"."),
            created_at=created_at,
        )
        for n in range(first, first + number)
    ]


@asynccontextmanager
async def in_operation(outbox):
    """Run an outbox while the block lasts; what goes wrong in it fails the test."""
    running = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(true, *, seconds=5.0):
    """Wait until *true* says so, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "this did not come true in time"
        await asyncio.sleep(0.002)


class Post:
    """An outbox with a scripted sender and the time in the hands of the test."""

    make = staticmethod(make_outgoing)
    until = staticmethod(until)

    def __init__(self, journal):
        self.journal = journal
        self.clock = HandClock()
        self.sender = ScriptedSender(self.clock)

    def write(self, *arguments, **options):
        return self.journal.write(*make_outgoing(*arguments, **options))

    def operating(self, **options):
        options = {"journal": self.journal, "sender": self.sender, "clock": self.clock} | options
        return in_operation(Outbox(options.pop("journal"), options.pop("sender"), **options))


class Way:
    """An outbox with short pauses that delivers over HTTP to a sink."""

    until = staticmethod(until)

    def __init__(self, journal, sink, outbox):
        self.journal = journal
        self.sink = sink
        self.outbox = outbox

    def offer(self, *arguments, **options):
        self.outbox.offer(self.journal.write(*make_outgoing(*arguments, **options)))

    @property
    def received(self):
        return [request.event for request in self.sink.received]


@pytest.fixture
def post(journal):
    return Post(journal)


@pytest.fixture
def with_sink():
    """Start a sink and a sender that knows it."""

    @asynccontextmanager
    async def start(**options):
        sink = Sink()
        await sink.start()
        sender = HttpSink(options.pop("url", sink.url), **options)
        await sender.start()
        try:
            yield sink, sender
        finally:
            await sender.close()
            await sink.stop()

    return start


@pytest.fixture
def in_delivery(journal, with_sink):
    """Start a sink and an outbox that delivers to it."""

    @asynccontextmanager
    async def start(*, attempt_timeout=0.2):
        async with with_sink(attempt_timeout=attempt_timeout) as (sink, sender):
            pauses = {"first_pause": 0.02, "longest_pause": 0.1}
            outbox = Outbox(journal, sender, clock=RealClock(), **pauses)
            async with in_operation(outbox):
                await until(lambda: not outbox._loading)
                yield Way(journal, sink, outbox)

    return start
