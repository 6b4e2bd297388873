"""Questions from one process to another over a socket."""

import asyncio
import json
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import SourceUnavailable, UnknownRun
from service.wiring.talk import Answerer, Asker

PATIENCE = 10.0


@pytest.fixture
def ends():
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield pair
    for end in pair:
        end.close()


async def echo(**details):
    return {"said": details}


async def unavailable(**_):
    raise SourceUnavailable("the remote is away")


class Engine:
    """Answers on an event loop in a thread, like the engine process."""

    def __init__(self, connection, answers):
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(connection, answers))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE)

    def _run(self, connection, answers):
        async def serve():
            answerer = Answerer(connection, answers)
            answerer.start()
            self._ready.set()
            await self._ended.wait()
            answerer.close()
            await asyncio.sleep(0)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve())


def test_a_question_is_answered(ends):
    ours, theirs = ends
    with Engine(theirs, {"echo": echo}):
        answer = Asker(ours).ask("echo", seconds=PATIENCE, project="sockshop")

    assert answer["said"] == {"project": "sockshop"}


def test_several_threads_get_each_its_own_answer(ends):
    ours, theirs = ends
    asker = Asker(ours)
    with Engine(theirs, {"echo": echo}), ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(asker.ask, "echo", seconds=PATIENCE, number_=str(n)) for n in range(50)
        ]
        answers = [future.result()["said"]["number_"] for future in asked]

    assert answers == [str(number) for number in range(50)]


def test_what_is_not_available_now_is_an_answer(ends):
    ours, theirs = ends
    with Engine(theirs, {"refresh": unavailable}):
        answer = Asker(ours).ask("refresh", seconds=PATIENCE, project="p")

    assert answer["unavailable"] == "the remote is away"


def test_an_engine_that_is_away_is_noticed_in_time(ends):
    ours, _ = ends
    began = time.monotonic()

    with pytest.raises(SourceUnavailable, match="the engine does not answer"):
        Asker(ours).ask("echo", seconds=0.05)

    assert time.monotonic() - began < 2


def test_questions_do_not_wait_for_each_other(ends):
    """A refresh may take a minute; readiness and metrics must not hang that long."""
    ours, theirs = ends

    async def slow(**_):
        await asyncio.sleep(1)
        return {"said": "slow"}

    asker = Asker(ours)
    with Engine(theirs, {"slow": slow, "echo": echo}), ThreadPoolExecutor(1) as pool:
        first = pool.submit(asker.ask, "slow", seconds=PATIENCE)
        assert asker.ask("echo", seconds=0.8, a="b")["said"] == {"a": "b"}
        assert first.result(PATIENCE)["said"] == "slow"


def test_who_asks_at_the_end_of_the_service_is_let_go(ends):
    """A refresh takes half a minute; the web process has three seconds to end."""
    ours, _ = ends
    began = time.monotonic()

    with pytest.raises(SourceUnavailable):
        Asker(ours).ask("refresh", seconds=PATIENCE, unless=lambda: True)

    assert time.monotonic() - began < 2


def test_a_long_answer_comes_whole(ends):
    ours, theirs = ends

    async def long(**_):
        return {"said": "ä" * 1_000_000}

    with Engine(theirs, {"long": long}):
        assert Asker(ours).ask("long", seconds=PATIENCE)["said"] == "ä" * 1_000_000


def test_what_will_never_work_is_an_answer(ends):
    ours, theirs = ends

    async def refused(**_):
        raise UnknownRun

    with Engine(theirs, {"cancel": refused}):
        answer = Asker(ours).ask("cancel", seconds=PATIENCE)

    assert answer == {"refused": "There is no run with this id.", "kind": "UnknownRun"}


def test_an_engine_whose_end_is_closed_is_noticed(ends):
    ours, theirs = ends
    theirs.close()

    with pytest.raises(SourceUnavailable, match="the engine does not answer"):
        Asker(ours).ask("echo", seconds=PATIENCE)


def test_an_engine_that_never_reads_does_not_hold_anybody_up_for_ever(ends):
    ours, _ = ends
    asker = Asker(ours)

    def ask_until_full():
        for _ in range(10_000):
            ours.settimeout(0)
            ours.send(b"x" * 1000)

    with pytest.raises(BlockingIOError):
        ask_until_full()
    with pytest.raises(SourceUnavailable):
        asker.ask("echo", seconds=0.05)


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(ends):
    ours, theirs = ends
    asker = Asker(ours)
    with pytest.raises(SourceUnavailable):
        asker.ask("first", seconds=0.02)
    late = json.loads(theirs.recv(65536))["number"]
    theirs.send(struct.pack("!QII", late, 0, 1) + b'{"said": "late"}')

    with Engine(theirs, {"echo": echo}):
        answer = asker.ask("echo", seconds=PATIENCE, a="b")

    assert answer["said"] == {"a": "b"}


def test_a_slow_answer_does_not_hold_up_the_next_question(ends):
    ours, theirs = ends
    begun = threading.Event()

    async def slow(**_):
        begun.set()
        await asyncio.sleep(PATIENCE)
        return {}

    with Engine(theirs, {"slow": slow, "echo": echo}):
        asker = Asker(ours)
        with pytest.raises(SourceUnavailable):
            asker.ask("slow", seconds=0.05)
        assert begun.is_set()
        answer = asker.ask("echo", seconds=PATIENCE, a="b")

    assert answer["said"] == {"a": "b"}


def test_questions_nobody_reads_the_answers_of_are_dropped(ends):
    """The web process is away: the engine must go on."""
    ours, theirs = ends

    async def long_answer(**_):
        return {"said": "x" * 1_000_000}

    async def story():
        answerer = Answerer(theirs, {"long": long_answer})
        answerer.start()
        ours.settimeout(0)
        for number in range(200):
            ours.send(json.dumps({"number": number, "question": "long"}).encode())
            for _ in range(4):
                await asyncio.sleep(0)
        under_way = len(answerer._tasks)
        answerer.close()
        return under_way

    assert asyncio.run(story()) == 64
