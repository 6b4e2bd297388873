"""Requests that are not quite right, and a client that sends many of them at once: R8.

The chapter `requests` sends them to the real program, tests/intake to a web process alone.
"""

import asyncio
import json
from collections.abc import Iterable
from random import Random

_EVENT = {"specversion": "1.0", "source": "many", "type": "org.example.thing", "data": {"n": 1}}
_WAITS = 0.3
_ENDS = 8.0
HUNG = b"HTTP/1.1 000 no answer\r\n\r\n"
"""What stands for a connection that was neither answered nor closed."""


def request(id_: str) -> bytes:
    """Return a good request with an event of this id."""
    body = json.dumps(_EVENT | {"id": id_}).encode()
    return (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/cloudevents+json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    )


_OTHERS = (
    (
        b"GET /api/v1/runs?limit=5&before=7&state=passed&project=sockshop HTTP/1.1\r\n"
        b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
    ),
    (
        b"POST /api/v1/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"project": "a"}'
    ),
)


def mutated(random: Random, number: int) -> bytes:
    """Return a request of which up to four places were changed."""
    data = bytearray(random.choice([request(f"m-{number}"), *_OTHERS]))
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(data))
        kind = random.randrange(5)
        if kind == 0:
            data[at] = random.randrange(256)
        elif kind == 1:
            del data[at : at + random.randint(1, 8)]
        elif kind == 2:
            data[at:at] = random.randbytes(random.randint(1, 8))
        elif kind == 3:
            data[at:at] = data[at : at + random.randint(1, 30)]
        else:
            data[at] ^= 1 << random.randrange(8)
    return bytes(data)


def status_of(answer: bytes) -> bytes:
    """Return the status of an answer, empty when the connection was just closed."""
    return answer.split(b" ", 2)[1] if answer else b""


def is_wrong(answer: bytes) -> bool:
    """Say whether no request may be answered so: with a fault of ours, or not at all.

    501 tells of a method or an encoding that nobody knows, 503 with `Retry-After` of too many
    refreshes at once.
    """
    status = status_of(answer)
    if answer == HUNG or status >= b"500":
        return not (status == b"501" or (status == b"503" and b"\r\nretry-after: " in answer))
    return False


async def exchanges(
    port: int, requests: Iterable[bytes], *, at_once: int = 100, waits: float = _WAITS
) -> list[bytes]:
    """Return the answers, each to a request on a connection of its own.

    A server that says nothing for *waits* seconds is told that nothing more comes.
    """
    waiting, answers = iter(requests), []

    async def go_on() -> None:
        for data in waiting:
            answers.append(await _exchange(port, data, waits))  # noqa: PERF401  # shared by many

    await asyncio.gather(*(go_on() for _ in range(at_once)))
    return answers


async def _exchange(port: int, data: bytes, waits: float) -> bytes:
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(), waits)
        except TimeoutError:
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), _ENDS)
    except ConnectionResetError:
        return b""
    except TimeoutError:
        return HUNG
    finally:
        if writer is not None:
            writer.close()
