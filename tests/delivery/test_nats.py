"""Events to a real NATS server, with and without a stream."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nats
import pytest

from service.delivery.nats import NatsSink
from service.errors import SinkRefused, SinkUnavailable
from service.nats_server import NatsServer

FINISHED = "sh.keptn.event.test.finished"


class Server:
    def __init__(self, folder, *options):
        self.folder, self.options = folder, options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self.up()

    def up(self):
        program = str(Path(sys.executable).parent / "nats-server")
        store = ["-sd", str(self.folder), "-a", "127.0.0.1", "-p", str(self.port)]
        command = [program, *store, *self.options]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < deadline, "nats-server does not listen"
            time.sleep(0.02)

    def down(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path, "-js")
    yield server
    server.down()


def event(type_=FINISHED, **more):
    return json.dumps({"specversion": "1.0", "id": "1", "type": type_} | more).encode()


def sending(server, story, **options):
    async def told():
        sink = NatsSink(NatsServer(url=server.url), **({"attempt_timeout": 3} | options))
        try:
            async with await nats.connect(server.url) as client:
                return await story(sink, client)
        finally:
            await sink.close()

    return asyncio.run(told())


def test_the_type_is_the_subject_and_the_message_is_the_event(server):
    async def story(sink, client):
        listening = await client.subscribe("sh.keptn.>")
        await client.flush()
        await sink.send(event())
        message = await listening.next_msg(timeout=5)
        return message.subject, message.data

    assert sending(server, story) == (FINISHED, event())


def test_where_a_stream_keeps_the_subject_it_has_the_event_when_send_returns(server):
    async def story(sink, client):
        await client.jetstream().add_stream(name="keptn", subjects=["sh.keptn.>"])
        await sink.send(event(id="1"))
        await sink.send(event(id="2"))
        return (await client.jetstream().stream_info("keptn")).state.messages

    assert sending(server, story) == 2


def test_a_stream_keeps_an_event_once_that_is_sent_again(server):
    async def story(sink, client):
        await client.jetstream().add_stream(name="keptn", subjects=["sh.keptn.>"])
        await sink.send(event(id="1"))
        await sink.send(event(id="1"))
        return (await client.jetstream().stream_info("keptn")).state.messages

    assert sending(server, story) == 1


def test_a_server_that_is_away_is_tried_again_later(server):
    async def story():
        sink = NatsSink(NatsServer(url=server.url), attempt_timeout=1)
        try:
            with pytest.raises(SinkUnavailable, match=r"NATS at nats://127\.0\.0\.1"):
                await sink.send(event())
            server.up()
            await sink.send(event())
            server.down()
            with pytest.raises(SinkUnavailable):
                await sink.send(event())
            server.up()
            async with asyncio.timeout(10):
                while True:
                    with suppress(SinkUnavailable):
                        return await sink.send(event())
                    await asyncio.sleep(0.05)
        finally:
            await sink.close()

    server.down()
    asyncio.run(story())


@pytest.mark.parametrize("type_", ["App Deployment.Finished", "sh..x", "sh.*", "sh.>", ""])
def test_a_type_that_is_no_subject_is_refused(server, type_):
    async def story(sink, client):
        with pytest.raises(SinkRefused, match="no subject"):
            await sink.send(event(type_))

    sending(server, story)


def test_an_event_larger_than_the_server_takes_is_refused(server):
    async def story(sink, client):
        with pytest.raises(SinkRefused, match="takes no event of"):
            await sink.send(event(data="x" * (2 << 20)))

    sending(server, story)


def test_closing_without_having_sent_is_nothing(server):
    async def story(sink, client):
        return None

    sending(server, story)


def test_a_token_is_read_from_its_file_at_each_connect(tmp_path):
    token = tmp_path / "token"
    token.write_text("wrong\n")
    server = Server(tmp_path, "--auth", "s3cr3t")

    async def story():
        sink = NatsSink(NatsServer(url=server.url, token_file=token), attempt_timeout=2)
        try:
            with pytest.raises(SinkUnavailable) as refused:
                await sink.send(event())
            assert "s3cr3t" not in str(refused.value)
            token.write_text("s3cr3t\n")
            await sink.send(event())
        finally:
            await sink.close()

    asyncio.run(story())
    server.down()
