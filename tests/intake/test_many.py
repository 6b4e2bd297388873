"""Many requests at once, and many that are not quite right (rows IN-30 and IN-31)."""

import asyncio
import json
import random

EVENT = {"specversion": "1.0", "source": "many", "type": "org.example.thing", "data": {"n": 1}}
API = [
    (
        b"GET /api/v1/runs?limit=5&before=7&state=passed&project=sockshop HTTP/1.1\r\n"
        b"Host: x\r\nConnection: close\r\n\r\n"
    ),
    (
        b"POST /api/v1/refresh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"project": "a"}'
    ),
]
MUTATIONS = 2000


def request(id_, *, close=True):
    body = json.dumps(EVENT | {"id": id_}).encode()
    return (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"
        b"Content-Length: %d\r\n%s\r\n%s" % (len(body), b"Connection: close\r\n" * close, body)
    )


async def exchange(port, data, gate):
    """Return the answer; a server that waits for more is told that nothing more comes."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            try:
                return await asyncio.wait_for(reader.read(), 0.3)
            except TimeoutError:
                writer.write_eof()
                return await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


async def exchanges(port, requests):
    gate = asyncio.Semaphore(100)
    return await asyncio.gather(*(exchange(port, data, gate) for data in requests))


def test_of_500_events_at_once_those_beyond_the_queue_are_sent_back(start_server):
    server = start_server(queue=200)

    answers = asyncio.run(exchanges(server.port, [request(f"e-{n}") for n in range(500)]))

    heads = [answer.partition(b"\r\n\r\n")[0] for answer in answers]
    taken = [head for head in heads if head.startswith(b"HTTP/1.1 202 ")]
    refused = [head for head in heads if head.startswith(b"HTTP/1.1 429 ")]
    assert (len(taken), len(refused)) == (200, 300)
    assert all(b"retry-after: 2" in head for head in refused)
    assert len(server.accepted()) == 200


def test_mutated_requests_cause_no_server_error_no_restart_and_no_trace(start_server, wait_for):
    server = start_server(body_timeout=1.0, header_timeout=1.0)
    wait_for(server.worker)
    worker = server.worker()
    chance = random.Random(7)

    answers = asyncio.run(exchanges(server.port, [mutated(chance, n) for n in range(MUTATIONS)]))

    statuses = {answer.split(b" ", 2)[1] for answer in answers if answer}
    assert b"202" in statuses
    assert b"400" in statuses
    assert {status for status in statuses if status >= b"500"} <= {b"501"}
    assert server.worker() == worker
    assert [record for record in server.log() if record["trace"]] == []
    assert [record for record in server.log() if record["level"] != "INFO"] == []


def mutated(chance, number):
    data = bytearray(chance.choice([request(f"m-{number}"), *API]))
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(data))
        kind = chance.randrange(5)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + chance.randint(1, 8)]
        elif kind == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == 3:
            data[at:at] = data[at : at + chance.randint(1, 30)]
        else:
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data)
