"""Doubles of our own ports, and a stage where the story of an event is played.

Time is the loop's: it jumps to the next timer when nothing else is to do, so that nine
minutes of looking again take milliseconds. What happens is written into one diary, in
order. `test_doubles.py` proves that the journal here keeps the promises of the real one.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from service.errors import JournalUnavailable
from service.handling import Handling
from service.keptn_events import Belonging, belonging_of
from service.masks import Masks
from service.outcome import Ending, Execution
from service.runs import Accepted, Waiting
from service.scripts import Found, Layout, Listing
from service.story import Rules
from service.wiring.parts import FOLLOW_UP_TYPES
from service.worker import Worker

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
LONGEST = 2 * 3600.0
OUR_SOURCE = "generic-executor-service"


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits for it."""

    def __init__(self):
        self._passed = 0.0
        super().__init__()

    def time(self):
        return self._passed

    def _run_once(self):
        if not self._ready:
            timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]
            assert timers, "everybody waits, and nothing will ever happen"
            self._passed = max(self._passed, min(timers))
            assert self._passed < LONGEST, "the story has no end"
        super()._run_once()


class LoopClock:
    """The clock of a story: what the loop says."""

    def now(self):
        return NOW + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@dataclass
class Shelf:
    """Implements `ports.Source` with files by path; branches are not told apart."""

    files: dict = field(default_factory=dict)
    commit: str = "c" * 40
    fresh: bool = True
    note: str = ""
    problem: str = ""
    away: Exception | None = None
    unreadable: dict = field(default_factory=dict)
    """Name: the error that reading it raises."""
    looks: list = field(default_factory=list)
    reads: list = field(default_factory=list)

    async def look_up(self, question):
        self.looks.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        if self.away:
            raise self.away
        found = {}
        for place in question.places:
            for name in question.names:
                path = f"{place.folder}/{name}"
                if path in self.files:
                    found[place, name] = self.found(question.project, place, name)
        commits = dict.fromkeys(question.places, self.commit)
        return Listing(
            found=found, commits=commits, fresh=self.fresh, note=self.note, problem=self.problem
        )

    def found(self, project, place, name):
        path = f"{place.folder}/{name}"
        return Found(
            project=project,
            place=place,
            name=name,
            path=path,
            blob=f"blob of {path}",
            commit=self.commit,
        )

    async def names(self, project, places):
        folders = {f"{place.folder}/" for place in places}
        return sorted(
            {p.rpartition("/")[2] for p in self.files if p.rpartition("/")[0] + "/" in folders}
        )

    async def read(self, found):
        self.reads.append(found.path)
        await asyncio.sleep(0)
        if found.name in self.unreadable:
            raise self.unreadable[found.name]
        return self.files[found.path]

    async def refresh(self, project):
        return f"nothing new in {project}"

    def troubles(self):
        return ()


class Actors:
    """Implements `ports.Runner`: every script does what it was told, else it passes.

    A deed is an `Execution`, an exception, something to call for it, or a number of seconds
    to take. The deeds of a script are done one after another, the last one again and again.
    """

    def __init__(self, diary):
        self.diary = diary
        self.orders = []
        self.deeds = {}
        self.playing = {}
        self.at_once = Counter()
        self.cancelled = []

    def will(self, name, *deeds):
        self.deeds[name] = list(deeds)

    async def run(self, order):
        self.orders.append(order)
        self.diary.append(("runs", order.name))
        deeds = self.deeds.get(order.name) or [says("")]
        deed = deeds.pop(0) if len(deeds) > 1 else deeds[0]
        ended = asyncio.get_running_loop().create_future()
        self.playing[order.run] = (ended, order)
        self._count()
        try:
            return await self._do(deed, ended)
        finally:
            del self.playing[order.run]

    def _count(self):
        projects = Counter(order.event.fields["project"] for _, order in self.playing.values())
        self.at_once |= projects | {"all": projects.total()}

    async def _do(self, deed, ended):
        if isinstance(deed, Exception):
            await asyncio.sleep(0)
            raise deed
        if isinstance(deed, Execution) or callable(deed):
            await asyncio.sleep(0)
            return deed() if callable(deed) else deed
        asyncio.get_running_loop().call_later(deed, lambda: ended.done() or ended.set_result(None))
        return await ended or says("")

    async def cancel(self, run):
        self.cancelled.append(run)
        if run not in self.playing:
            return False
        ended, _ = self.playing[run]
        if not ended.done():
            ended.set_result(Execution(ending=Ending.CANCELLED))
        return True


def says(stdout, exit_code=0, **facts):
    """Return the execution of a script that said this."""
    output = stdout.encode()
    return Execution(
        **({"ending": Ending.EXIT, "exit_code": exit_code, "stdout": output, "output": output})
        | facts
    )


class Notebook:
    """Implements as much of `ports.Journal` as handling takes, in memory."""

    def __init__(self, diary):
        self.diary = diary
        self.events = {}
        self.runs = {}
        self.attempts = {}
        self.sent = {}
        self.broken = {}
        """Method: how often it still fails, with what."""

    def accept(self, event, belonging, run):
        seq = len(self.events) + 1
        self.events[seq] = Accepted(
            seq=seq, run=run, event=event, belonging=belonging, at=NOW + timedelta(milliseconds=seq)
        )
        return self.events[seq]

    def breaks(self, method, times=1, error=None):
        self.broken[method] = [error or JournalUnavailable("no space left on device")] * times

    def waiting(self, *, after, limit):
        self._may_break("waiting")
        begun = {run.seq for run in self.runs.values()}
        rows = [
            Waiting(seq=seq, run=accepted.run, project=accepted.belonging.project)
            for seq, accepted in self.events.items()
            if seq > after and seq not in begun
        ]
        return rows[:limit]

    def accepted(self, seq):
        self._may_break("accepted")
        return self.events[seq]

    def abandoned(self):
        return [
            (run, self.events[run.seq], self.entries(run.id))
            for run in self.runs.values()
            if not run.state.ended and run.ended_at is None
        ]

    def entries(self, run):
        return [entry for (of, *_), entry in sorted(self.attempts.items()) if of == run]

    async def ignore(self, run):
        await self._write("ignore", run, (), ())

    async def hold(self, run):
        await self._write("hold", run, (), ())

    async def begin(self, run, attempts, outgoing):
        await self._write("begin", run, attempts, outgoing)

    async def end(self, run, attempts, outgoing):
        await self._write("end", run, attempts, outgoing)

    async def _write(self, stroke, run, attempts, outgoing):
        await asyncio.sleep(0)
        self._may_break(stroke)
        known = self.runs.get(run.id)
        if known is not None and (known.state.ended or known.ended_at):
            return
        self.runs[run.id] = run
        for attempt in attempts:
            self.attempts[run.id, attempt.position, attempt.number] = attempt
        for event in outgoing:
            self.sent.setdefault(event.id, event)
        self.diary.append((stroke, run.state, *(event.kind for event in outgoing)))

    def hops(self, event):
        self._may_break("hops")
        if event.source != OUR_SOURCE:
            return 0
        ours = self.sent.get(event.id)
        if ours is not None:
            return ours.hops if ours.kind == "follow-up" else None
        answered = {accepted.event.id for accepted in self.events.values()}
        if event.type.endswith((".started", ".finished")) or (
            event.extension("triggeredid") in answered
        ):
            return None
        return sum(
            event.context == sent.context and sent.kind == "follow-up"
            for sent in self.sent.values()
        )

    def _may_break(self, method):
        if self.broken.get(method):
            raise self.broken[method].pop()


class Stage:
    """A source, runners and a journal around a real `Handling`, made anew at every start."""

    def __init__(self, make_event):
        self.make_event = make_event
        self.diary = []
        self.source = Shelf()
        self.runner = Actors(self.diary)
        self.journal = Notebook(self.diary)
        self.left = []
        self.masks = Masks()
        self.worker = None
        self._numbers = count(1)
        self._event_ids = count(1)
        self.restart()

    def restart(self):
        """Begin anew as another process would, with what is in the journal and on the shelf."""
        self.handling = Handling(
            source=self.source,
            runners=dict.fromkeys((".sh", ".py", ".http"), self.runner),
            journal=self.journal,
            rules=Rules(
                layout=Layout.FOLDERS,
                exposed={"region": "north"},
                masks=self.masks,
                follow_up_types=FOLLOW_UP_TYPES,
                timeout=600.0,
            ),
            clock=LoopClock(),
            new_id=lambda: f"answer-{next(self._event_ids)}",
            leaving=self.leave,
        )

    def leave(self, events):
        self.left += events
        self.diary += [("leaves", event.kind) for event in events]

    def script(self, name, content="echo\n", *, level="sockshop"):
        """Put a script on the shelf."""
        self.source.files[f"{level}/generic-executor/{name}"] = content.encode()

    def accept(self, type_="sh.keptn.event.test.triggered", **attributes):
        """Write down an event as intake does."""
        number = next(self._numbers)
        event = self.make_event(type_, **({"id": f"e-{number}"} | attributes))
        return self.accept_event(event)

    def accept_event(self, event):
        where = belonging_of(event, Belonging())
        return self.journal.accept(event, where, f"run-{len(self.journal.events) + 1}")

    def accept_for(self, project, **attributes):
        """Write down an event of a project."""
        data = {"project": project, "stage": "dev", "service": "carts"}
        return self.accept(data=data, **attributes)

    async def to_the_end(self, handled):
        """Go on until nothing is to be called again."""
        while handled.again is not None:
            await asyncio.sleep(handled.again.seconds)
            handled = await handled.again.go()
        return handled.run

    async def handle(self, accepted):
        """Handle an event to its end."""
        return await self.to_the_end(await self.handling.handle(accepted))

    async def resume(self):
        """Take up what the process before left, to its end."""
        (left,) = self.journal.abandoned()
        return await self.to_the_end(await self.handling.resume(*left))

    def make_worker(self, *, at_once=8, per_project=4):
        return Worker(
            journal=self.journal,
            handling=self.handling,
            runners={".sh": self.runner, ".py": self.runner},
            at_once=at_once,
            per_project=per_project,
        )

    def happened(self, *kinds):
        """Return the entries of the diary that begin with one of *kinds*; all when none."""
        return [entry for entry in self.diary if not kinds or entry[0] in kinds]

    @property
    def scripts_run(self):
        return [order.name for order in self.runner.orders]


@pytest.fixture
def stage(make_event):
    return Stage(make_event)


@pytest.fixture
def play():
    """Play a story to its end on a loop whose time jumps."""

    def play_(story):
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            return runner.run(story)

    return play_


@pytest.fixture
def execution():
    """Make the facts about a script that said something."""
    return says


@pytest.fixture
def notebook():
    return Notebook([])
