"""The same script, whichever way it is asked for, gives the same record but for its origin."""

import asyncio
import json
from contextlib import closing

import pytest
import requests

from service.remote.desk import RemoteDesk

SCRIPT = {
    "test.triggered.sh": 'echo "$PROJECT/$STAGE/$SERVICE $LABEL_COLOR $TYPE $ENV_REGION"\n'
    'echo \'{"labels": {"seen": "yes"}}\' > "$GENEXEC_RESULT_FILE"\nexit 0\n'
}
ORIGIN = {"id", "seq", "event_id", "source", "context", "accepted_at", "started_at", "ended_at"}
ORIGIN |= {"asked_by", "asked_url", "sender", "event", "outgoing", "outputs", "would_send"}
TIMES = {"started_at", "ended_at"}


def essence(record):
    """Return what is left of a record without its origin and times."""
    kept = {name: value for name, value in record.items() if name not in ORIGIN}
    kept["attempts"] = [
        {name: value for name, value in attempt.items() if name not in TIMES}
        for attempt in record["attempts"]
    ]
    kept["data"] = record["event"]["data"]
    kept.pop("scripts", None)
    kept.pop("next", None)
    return kept


@pytest.fixture
def environment(shelf, variables):
    """Make the environment of an engine with a state directory of this name."""
    return lambda name: variables(shelf(SCRIPT), name=name, GENEXEC_EXPOSE_ENV="REGION")


@pytest.fixture
def ask(wish, alice):
    """Ask at a desk and wait for the end; return the run."""

    async def asked(desk):
        run = await desk.run(wish(values={"COLOR": "blue"}), alice)
        await desk.wait(run, seconds=15)
        return run

    return asked


def test_by_event_by_hand_and_by_both_desks(environment, serve, embedded, genexec, ask):
    service, inside = environment("service"), environment("inside")
    address = serve(service)

    async def local():
        async with embedded(inside) as engine:
            return await ask(engine.desk())

    by_remote = genexec(service, "show", asyncio.run(remotely(address, ask)), "--json")
    event = {k: v for k, v in by_remote["event"].items() if not k.startswith("genexec")}
    text = json.dumps(event | {"id": "by-hand", "source": "test"})
    headers = {"Content-Type": "application/cloudevents+json"}
    sent = requests.post(address, data=text, headers=headers, timeout=10).json()["runs"][0]
    asyncio.run(remotely(address, lambda desk: desk.wait(sent, seconds=15)))
    by_event = genexec(service, "show", sent, "--json")
    by_hand = genexec(environment("hand"), "run", "-", "--json", stdin=text)
    by_embedded = genexec(inside, "show", asyncio.run(local()), "--json")

    assert by_remote["state"] == "passed"
    assert essence(by_event) == essence(by_remote)
    assert essence(by_hand) == essence(by_remote)
    assert essence(by_embedded) == essence(by_remote)
    assert by_hand["outputs"] == [one["output"] for one in by_embedded["outputs"]]


async def remotely(address, question):
    with closing(RemoteDesk(address)) as desk:
        return await question(desk)
