"""A stream of output: whole, bounded, ended with the run."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import pytest

from service.api.live import Live
from service.states import State

RUN = "1jkq9m2x3-000000"
PATIENCE = 10.0
FIRST = "attempt 1: \x1b[2J<b>ü</b>\n"


class Reading:
    """Somebody who looks at the output; may be slow."""

    def __init__(self, *, path=f"/api/v1/runs/{RUN}/output/0/live", sender=None):
        self.scope = {"type": "http", "method": "GET", "path": path}
        if sender:
            self.scope["genexec.sender"] = sender
        self.status = 0
        self.body = b""
        self.left = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.takes.wait()
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    def events(self):
        blocks = [block for block in self.body.decode().split("\n\n") if block[:1] != ":"]
        pairs = [block.split("\n") for block in blocks if block]
        return [(kind[7:], json.loads(data[6:])) for kind, data in pairs]

    def text(self):
        return "".join(data["text"] for kind, data in self.events() if kind == "output")


@pytest.fixture
def change(reader, make_run):
    """Let the third run be in a state, with its attempts in states by number."""

    def to(state, *attempts, ended=False):
        detail = reader.details[2]
        entries = [
            replace(detail.attempts[0], number=number, state=attempt)
            for number, attempt in enumerate(attempts, 1)
        ]
        run = replace(detail.run, state=state, ended_at=detail.run.accepted_at if ended else None)
        reader.details[2] = replace(detail, run=run, attempts=tuple(entries))

    return to


@pytest.fixture
def play(reader, engine):
    def play_(scene, **settings):
        async def whole():
            live = Live(reader, engine, **{"draining": lambda: False, **settings})
            async with asyncio.timeout(PATIENCE):
                return await scene(live)

        return asyncio.run(whole())

    return play_


async def read(live, reading):
    await live(reading.scope, reading.receive, reading.send)
    return reading


def told(reading, text):
    return reading.text() == text


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


def test_what_has_ended_is_told_whole_and_then_the_end(play, change):
    change(State.PASSED, State.FAILED, State.PASSED, ended=True)

    reading = play(lambda live: read(live, Reading()))

    assert reading.status == 200
    assert reading.events() == [
        ("attempt", {"number": 1}),
        ("output", {"text": "attempt 1: \x1b[2J<b>ü</b>\n"}),
        ("attempt", {"number": 2}),
        ("output", {"text": "attempt 2: \x1b[2J<b>ü</b>\n"}),
        ("end", {"run": RUN, "state": "passed"}),
    ]


def test_what_is_written_meanwhile_is_told_once(play, change, engine):
    change(State.RUNNING, State.FAILED, State.RUNNING)
    whole = "attempt 2: \x1b[2J<b>ü</b>\n"

    async def scene(live):
        reading = Reading()
        serving = asyncio.create_task(read(live, reading))
        for end in (5, 18, 19):  # the last border lies within ü
            engine.output = whole.encode()[:end]
            await until(partial(told, reading, FIRST + whole.encode()[: min(end, 18)].decode()))
        change(State.PASSED, State.FAILED, State.PASSED, ended=True)
        return await serving

    reading = play(scene)

    assert reading.text() == FIRST + whole
    assert [kind for kind, _ in reading.events()].count("attempt") == 2


def test_streams_beyond_the_limit_are_sent_back(play, change):
    change(State.RUNNING, State.RUNNING)

    async def scene(live):
        first, second, third = Reading(), Reading(), Reading()
        serving = asyncio.create_task(read(live, first))
        await until(lambda: first.status)
        await read(live, second)
        first.left.set()
        await serving
        change(State.PASSED, State.PASSED, ended=True)
        await read(live, third)
        return second, third

    second, third = play(scene, most=1)

    assert (second.status, json.loads(second.body)["code"]) == (503, "source-unavailable")
    assert third.status == 200


def test_a_reader_that_takes_nothing_is_let_go(play, change, monkeypatch):
    change(State.RUNNING, State.RUNNING)
    monkeypatch.setattr("service.api.live._SLOW", 0.1)

    async def scene(live):
        reading = Reading()
        reading.takes.clear()
        return await read(live, reading)

    assert play(scene).body == b""


def test_a_stream_ends_when_the_service_does(play, change):
    change(State.RUNNING, State.RUNNING)
    draining = []

    async def scene(live):
        reading = Reading()
        serving = asyncio.create_task(read(live, reading))
        await until(lambda: reading.status)
        draining.append(True)
        return await serving

    assert play(scene, draining=lambda: bool(draining)).status == 200


@pytest.mark.parametrize(
    "path", [f"/api/v1/runs/{RUN}/output/x/live", "/api/v1/runs/zz/output/0/live"]
)
def test_what_is_not_there_is_404(play, path):
    assert play(lambda live: read(live, Reading(path=path))).status == 404


def test_the_output_of_another_project_does_not_exist(play):
    class Restricted:
        def may_touch(self, project):
            return project == "other"

    assert play(lambda live: read(live, Reading(sender=Restricted()))).status == 404
