"""A desk that keeps its runs in memory, and chats that ask it."""

import asyncio
import itertools
import json
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import yaml

from service.botkube.blueprints import own_blueprints
from service.botkube.chat import Chat
from service.botkube.programs import Programs
from service.botkube.server import Description, Request
from service.desk import Listed, Ran, Shown
from service.errors import UnknownRun, UnknownScript
from service.keptn_events import Belonging
from service.states import State

ACCEPTED = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CARTS = Belonging(project="shop", stage="dev", service="carts")


def a_run(run="r-1", **fields):
    made = {
        "id": run,
        "type": "sh.keptn.event.test.triggered",
        "state": State.PASSED,
        "reason": "",
        "place": CARTS,
        "asked_by": "Ada",
        "script": "test.triggered.sh",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "accepted_at": ACCEPTED,
        "seconds": 1.25,
        "result": "pass",
        "message": "12 tests passed",
    }
    return Ran(**(made | fields))


class MemoryDesk:
    """Every run passes; what was asked is kept in `asked`."""

    name = "embedded"

    def __init__(self):
        self.asked = []
        self.known = {"r-1": a_run()}
        self.written = {"r-1": [("test.triggered.sh", "first line\nsecond 95% done\nlast line")]}
        self.files = {}
        self.names = [
            "test.triggered.sh",
            "deploy.triggered.py",
            "action.triggered.restart.sh",
            "all.events.sh",
        ]
        self.next_state = State.PASSED
        self.wait_for = 0.0
        self.hangs = False
        self.fails_with = None

    async def _come(self):
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails_with:
            raise self.fails_with

    async def scripts(self, place):
        await self._come()
        if place.project != "shop":
            return []
        return [
            Listed(name=name, level="stage", path=f"dev/{name}", commit="abc", about=f"Do {name}")
            for name in self.names
        ]

    async def script(self, name, place):
        await self._come()
        if name in self.files:
            listed = Listed(name=name, level="project", path=f"generic-executor/{name}")
            return Shown(listed=listed, text=self.files[name])
        if name not in self.names:
            raise UnknownScript(f"there is no script {name}")
        (listed,) = [one for one in await self.scripts(CARTS) if one.name == name]
        return Shown(listed=listed, text="#!/bin/bash\necho 100%\n")

    async def explain(self, wish):
        await self._come()
        base = f"{wish.type}.{wish.action}" if wish.action else wish.type
        own = [name for name in self.names if name.rpartition(".")[0] == base]
        runs = own + [name for name in self.names if name.startswith("all.events.")]
        return {
            "event": {"type": wish.type},
            "answers": "task",
            "ignored": "" if runs else "no script",
            "note": "",
            "problem": "",
            "candidates": [
                {"name": name, "level": "stage", "folder": "scripts", "verdict": "runs"}
                for name in runs
            ],
            "runs": [
                {"script": name, "path": f"scripts/{name}", "commit": "0123456789abcdef"}
                for name in runs
            ],
        }

    async def run(self, wish, asker):
        await self._come()
        self.asked.append(("run", wish, asker))
        return self._new(wish.type, wish.place, asker, wish.action)

    async def rerun(self, run, asker):
        await self._come()
        before = await self.found(run)
        self.asked.append(("rerun", run, asker))
        return self._new(before.type, before.place, asker, "")

    def _new(self, type_, place, asker, action):
        run = f"r-{len(self.known) + 1}"
        script = f"action.triggered.{action}.sh" if action else f"{type_}.sh"
        self.known[run] = a_run(
            run,
            type=type_,
            place=place,
            asked_by=asker.name,
            script=script,
            state=State.RUNNING if self.wait_for else self.next_state,
        )
        return run

    async def cancel(self, run, asker):
        await self._come()
        self.asked.append(("cancel", run, asker))
        running = not self.known[run].state.ended
        self.known[run] = replace(self.known[run], state=State.CANCELLED)
        return running

    async def found(self, run):
        await self._come()
        if run not in self.known:
            raise UnknownRun(f"there is no run {run}")
        return self.known[run]

    async def wait(self, run, *, seconds):
        await asyncio.sleep(min(seconds, self.wait_for))
        return await self.found(run)

    async def runs(self, *, limit, place):
        await self._come()
        return list(self.known.values())[::-1][:limit]

    async def output(self, run):
        await self.found(run)
        return self.written.get(run, [])

    async def status(self):
        await self._come()
        return {"version": "1.0.0", "runs": {"running": 1, "queued": 0}, "levels": ["a", "b"]}


DEFAULTS = {
    "scripts": "/scripts",
    "defaults": {"project": "shop", "stage": "dev", "service": "carts"},
    "allow": [
        {
            "users": ["<@U1>", "ada"],
            "commands": ["run", "action", "send", "rerun", "cancel", "cmd"],
        }
    ],
}


@pytest.fixture
def desk():
    return MemoryDesk()


@pytest.fixture
def make_run():
    return a_run


@pytest.fixture
def make_chat(desk):
    """Make a chat whose ids count up from 1."""

    def make(**options):
        ids = itertools.count(1)

        @asynccontextmanager
        async def open_desk(config, kubeconfig):
            yield desk

        made = {
            "description": Description(
                version="1.0.0", description="d", schema="{}", documentation_url="", dependencies={}
            ),
            "programs": Programs(path=os.environ["PATH"]),
            "blueprints": own_blueprints(),
            "new_id": lambda: f"id{next(ids)}",
        }
        return Chat(open_desk, **(made | options))

    return make


@pytest.fixture
def chat(make_chat):
    return make_chat()


def request_of(command, *, platform="slack", config=None, **fields):
    made = {
        "slack": {"interactive": True, "user": "<@U1>", "display_name": "Ada"},
        "teams": {"interactive": True, "user": "ada", "display_name": "ada"},
        "text": {"interactive": False, "user": "ada", "display_name": "ada"},
    }[platform]
    blocks = [DEFAULTS, *([config] if config else [])]
    return Request(
        **(
            {
                "command": command,
                "configs": [yaml.safe_dump(block).encode() for block in blocks],
                "state": b"",
                "kubeconfig": b"",
                "url": "https://chat/1",
            }
            | made
            | fields
        )
    )


@pytest.fixture
def type_in(chat):
    """Type a command; return the message as Botkube reads it."""

    def type_(command, *, using=None, **options):
        async def session():
            (answer,) = await (using or chat).execute(request_of(command, **options))
            return answer

        return json.loads(asyncio.run(session()))

    return type_


@pytest.fixture
def make_request():
    return request_of


@pytest.fixture
def words():
    """Everything that a message says, in one text."""

    def collect(value):
        if isinstance(value, dict):
            return " ".join(collect(one) for one in value.values())
        if isinstance(value, list):
            return " ".join(collect(one) for one in value)
        return str(value)

    return collect


@pytest.fixture
def commands():
    """The commands behind the buttons of a message, by caption, as Botkube sends them."""

    def collect(message):
        return {
            button["name"]: button["command"].removeprefix("{{BotName}} ")
            for section in message.get("sections", [])
            for button in section.get("buttons", [])
            if "command" in button
        }

    return collect


@pytest.fixture
def selects():
    """The selects of a message: caption, command, values."""

    def collect(message):
        return {
            one["name"]: SimpleNamespace(
                command=one["command"].removeprefix("{{BotName}} "),
                values=[o["value"] for group in one["optionGroups"] for o in group["options"]],
                initial=one.get("initialOption", {}).get("value"),
                block=section["selects"].get("id"),
            )
            for section in message.get("sections", [])
            for one in section.get("selects", {}).get("items", [])
        }

    return collect
