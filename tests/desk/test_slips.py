"""A mistyped name in chat, in front of a real `all.events` script, with both engines."""

import json
from contextlib import asynccontextmanager

import pytest

from service.botkube.chat import Chat
from service.botkube.description import describe
from service.botkube.programs import Programs
from service.botkube.server import Request
from service.keptn_events import Belonging

SCRIPTS = {
    "release.triggered.sh": "echo released\n",
    "all.events.sh": 'echo "answered $TYPE"\n',
    "action.triggered.scale.sh": "echo scaled\n",
}
CONFIG = {
    "scripts": "/not-used-here",
    "defaults": {"project": "sockshop"},
    "allow": [{"users": ["ada"], "commands": ["run", "send", "action"]}],
}
PLACE = Belonging(project="sockshop")


@pytest.fixture
def type_at(at):
    """Type commands at a desk of each kind; return the answers, and what was run."""

    def play(*commands, interactive=False):
        async def scene(desk):
            @asynccontextmanager
            async def opened(config, kubeconfig):
                yield desk

            chat = Chat(opened, description=describe(), programs=Programs(path=""), blueprints=())
            answers = []
            for command in commands:
                request = Request(
                    command=f"script {command}", configs=[json.dumps(CONFIG).encode()], state=b"",
                    interactive=interactive, user="ada", display_name="ada", url="", kubeconfig=b"",
                )  # fmt: skip
                answers += await chat.execute(request)
            runs = [(ran.type, ran.script) for ran in await desk.runs(limit=9, place=PLACE)]
            return [json.loads(answer) for answer in answers], runs

        return at(SCRIPTS, scene)

    return play


@pytest.mark.parametrize("verb", ["run", "send", "explain"])
def test_it_is_asked_back_and_nothing_is_run(type_at, verb):
    (answer,), runs = type_at(f"{verb} release.triggerd sockshop/dev version=1.2")

    assert answer["baseBody"]["plaintext"].splitlines()[2:] == [
        f"1. `{{{{BotName}}}} script {verb} release.triggered sockshop/dev version=1.2`",
        f"2. `{{{{BotName}}}} script {verb} release.triggerd sockshop/dev version=1.2 --exact`",
    ]
    assert runs == []


def test_with_buttons_as_well(type_at):
    (answer,), runs = type_at("action scal replicas=3", interactive=True)

    first, second = (one["command"] for one in answer["sections"][0]["buttons"])
    assert first.startswith("{{BotName}} script action scale replicas=3 --once ")
    assert second.startswith("{{BotName}} script action scal replicas=3 --exact --once ")
    assert runs == []


def test_who_insists_and_who_is_far_from_every_name_is_answered_by_all_events(type_at):
    _, runs = type_at("run release.triggerd --exact", "run alert.raised", "run release.triggered")

    assert runs == [
        ("sh.keptn.event.release.triggered", "release.triggered.sh, all.events.sh"),
        ("alert.raised", "all.events.sh"),
        ("release.triggerd", "all.events.sh"),
    ]
