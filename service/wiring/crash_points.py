"""Twelve places at which a process of the service kills itself, for tests.

`engine` and `web` hand their ports through here; `campaign/` arms a point, waits for the
death and checks what the next start makes of it. With `GENEXEC_TEST_CRASH_AT=<point>[:<nth>]`
the process dies by SIGKILL at the nth passing of the point.

Nobody switches this on by accident: the variable does nothing unless the state directory
holds a file `crash-test` with exactly the text of the variable. The file is used up by the
crash, so that even a forgotten variable costs one process once. The variable is no setting:
it cannot stand in a configuration file, and when the file is missing the log says so.

| point            | the process dies                                                     |
|------------------|----------------------------------------------------------------------|
| received         | web: the body was read, nothing is written                           |
| committed        | web: the event is on disk, nobody was told                           |
| answered         | web: the 202 has left, the engine was not called                     |
| looked-up        | engine: it is known which scripts exist                              |
| started-queued   | engine: the stroke of run and `started` is on its way to the disk    |
| started-sent     | engine: the sink has taken `started`, the journal was not told       |
| run-recorded     | engine: the stroke of run and `started` is on disk, no script runs   |
| spawned          | engine: the process of the script exists                             |
| ended            | engine: the script has ended, nothing is written about it            |
| result-recorded  | engine: the stroke of result and `finished` is on its way to the disk |
| finished-queued  | engine: the stroke of result and `finished` is on disk, nothing left |
| finished-sent    | engine: the sink has taken `finished`, the journal was not told      |

Run and `started` are one stroke here, result and `finished` another: of each pair, the first
is the moment when nobody knows whether the stroke will be found, the second is after it.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from service.config.reading import CRASH_AT
from service.intake.asgi import Application, Message, Receive, Scope, Send
from service.outcome import Execution
from service.ports import Inbox, Journal, Order, Runner, Sender, Source
from service.runs import Arrival, Attempt, Outgoing, Receipt, Run
from service.scripts import Found, Listing, LookUp
from service.strict_json import parse
from service.wiring.spawned import is_spawned, processes

log = logging.getLogger(__name__)

POINTS = (
    "received", "committed", "answered", "looked-up", "started-queued", "started-sent",
    "run-recorded", "spawned", "ended", "result-recorded", "finished-queued", "finished-sent",
)  # fmt: skip
KEY_FILE = "crash-test"


class CrashPoint:
    """The point that is armed, or none: then every port is handed back as it came."""

    def __init__(self, name: str = "", *, nth: int = 1, key: Path = Path()) -> None:
        self._name = name
        self._left = nth
        self._key = key

    def inbox(self, inbox: Inbox) -> Inbox:
        return _Inbox(inbox, self) if self._name else inbox

    def application(self, application: Application) -> Application:
        return _Door(application, self) if self._name else application

    def source(self, source: Source) -> Source:
        return _Source(source, self) if self._name else source

    def journal(self, journal: Journal) -> Journal:
        return _Journal(journal, self) if self._name else journal

    def runners(self, runners: Mapping[str, Runner]) -> Mapping[str, Runner]:
        if not self._name:
            return runners
        return {suffix: _Runner(runner, self) for suffix, runner in runners.items()}

    def sender(self, sender: Sender | None) -> Sender | None:
        return _Sender(sender, self) if self._name and sender else sender

    def passing(self, name: str) -> bool:
        """Count a passing of the point *name*; say whether the process has to die of it."""
        if name != self._name:
            return False
        self._left -= 1
        return self._left == 0

    def die(self) -> NoReturn:
        """Use up the key and end this process as the kernel would."""
        self._key.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives SIGKILL")

    def pass_by(self, name: str) -> None:
        if self.passing(name):
            self.die()


def crash_point(environment: Mapping[str, str], state_dir: Path) -> CrashPoint:
    """Return the point that the variable names and the key file allows, else one that is none."""
    wanted = environment.get(CRASH_AT, "")
    if not wanted:
        return CrashPoint()
    key = state_dir / KEY_FILE
    name, _, nth = wanted.partition(":")
    try:
        allowed = key.read_text(encoding="utf-8").strip() == wanted
    except OSError:
        allowed = False
    if not allowed or name not in POINTS or not (nth or "1").isdecimal():
        log.error("%s=%s is for tests and has no effect without %s", CRASH_AT, wanted, key)
        return CrashPoint()
    log.warning("this process kills itself at the point %r", wanted)
    return CrashPoint(name, nth=int(nth or "1"), key=key)


class _Door:
    def __init__(self, inner: Application, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._inner(scope, receive, send)
            return
        accepted = False

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                self._point.pass_by("received")
            return message

        async def answered(message: Message) -> None:
            nonlocal accepted
            await send(message)
            accepted = accepted or message.get("status") == 202
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if accepted and last:
                self._point.pass_by("answered")

        await self._inner(scope, received, answered)


class _Inbox:
    def __init__(self, inner: Inbox, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Receipt]:
        receipts = await self._inner.accept(arrivals)
        self._point.pass_by("committed")
        return receipts


class _Source:
    def __init__(self, inner: Source, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point
        self.refresh, self.names = inner.refresh, inner.names
        self.troubles = inner.troubles

    async def look_up(self, question: LookUp) -> Listing:
        listing = await self._inner.look_up(question)
        self._point.pass_by("looked-up")
        return listing

    async def read(self, found: Found) -> bytes:
        return await self._inner.read(found)


class _Journal:
    def __init__(self, inner: Journal, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point
        self.waiting = inner.waiting
        self.accepted = inner.accepted
        self.abandoned = inner.abandoned
        self.ignore = inner.ignore
        self.hold = inner.hold
        self.hops = inner.hops
        self.pending = inner.pending
        self.outgoing = inner.outgoing
        self.sent = inner.sent
        self.attempted = inner.attempted
        self.bury = inner.bury

    async def begin(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        stroke = self._inner.begin(run, attempts, outgoing)
        starts = any(event.kind == "started" for event in outgoing)
        await self._stroke(stroke, "started-queued" if starts else "")
        self._point.pass_by("run-recorded")

    async def end(
        self, run: Run, attempts: Sequence[Attempt], outgoing: Sequence[Outgoing]
    ) -> None:
        await self._stroke(self._inner.end(run, attempts, outgoing), "result-recorded")
        self._point.pass_by("finished-queued")

    async def _stroke(self, stroke: Awaitable[None], name: str) -> None:
        if not self._point.passing(name):
            await stroke
            return
        await asyncio.wait({asyncio.ensure_future(stroke)}, timeout=0)  # its thread has it now
        self._point.die()


class _Runner:
    def __init__(self, inner: Runner, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point
        self.cancel = inner.cancel

    async def run(self, order: Order) -> Execution:
        before = processes()
        running = asyncio.ensure_future(self._inner.run(order))
        if await is_spawned(order.run, running, before):
            self._point.pass_by("spawned")
        execution = await running
        self._point.pass_by("ended")
        return execution


class _Sender:
    def __init__(self, inner: Sender, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point

    async def send(self, body: bytes) -> None:
        await self._inner.send(body)
        event = parse(body)
        kind = str(event["type"]).rpartition(".")[2] if isinstance(event, Mapping) else ""
        if kind in ("started", "finished"):
            self._point.pass_by(f"{kind}-sent")
