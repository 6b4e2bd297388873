"""The short way of a whole request: which one may take it, and that nobody can tell."""

import asyncio
import json
import random
import time
from types import SimpleNamespace

import pytest
from gunicorn.asgi.parser import PythonProtocol
from gunicorn.config import Config

from service.intake.connection import Connection
from service.intake.ordinary import OrdinaryRequests, ordinary

PATHS = {b"POST / HTTP/1.1": "/"}
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"


@pytest.fixture
def whole(document):
    """Make a request with an event; *headers* are added to it."""

    def make(headers=b"", **attributes):
        body = json.dumps(document(**attributes)).encode()
        return HEAD + b"Content-Length: %d\r\n%b\r\n" % (len(body), headers) + body

    return make


def test_a_whole_request_is_read_in_one_step():
    data = b"POST / HTTP/1.1\r\nHost: x\r\nContent-LENGTH:2\r\nX-A: b  c\r\n\r\n{}"

    found = ordinary(data, PATHS)

    headers = [(b"host", b"x"), (b"content-length", b"2"), (b"x-a", b"b  c")]
    assert found == ("/", headers, b"{}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\n\r\n{}",
        b"\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST  / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n{}",
    ],
)
def test_what_is_no_request_for_events_goes_the_long_way(data):
    assert ordinary(data, PATHS) is None


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 3\r\n",
        b"Content-Length: 1\r\n",
        b"Content-Length: 02\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: 2 \r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 2\r\nExpect: 100-continue\r\n",
        b"Content-Length: 2\r\nUpgrade: h2c\r\n",
        b"Content-Length: 2\r\nConnection: close\r\n",
        b"Content-Length: 2\r\nConnection: upgrade\r\n",
        b"Content-Length : 2\r\n",
        b" Content-Length: 2\r\n",
        b"Content-Length: 2\r\nX-A: 1\r\nx-a: 1\r\n",
        b"Content-Length: 2\r\nX-A: \r\n",
        b"Content-Length: 2\r\nX-A:\t1\r\n",
        b"Content-Length: 2\r\nX-A: 1\n",
        b"Content-Length: 2\r\nX-A: 1\r\n folded\r\n",
        b"Content-Length: 2\r\nX-A: \0\r\n",
        b"Content-Length: 2\r\nX-A: \xc3\xa4\r\n",
        b"Content-Length: 2\r\nX_A: 1\r\n",
        b"Content-Length: 2\r\nno colon\r\n",
        b"Content-Length: 2\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100)),
        b"Content-Length: 2\r\nX-A: " + b"x" * 8000 + b"\r\n",
    ],
)
def test_what_two_readers_could_understand_differently_goes_the_long_way(lines):
    assert ordinary(b"POST / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n{}", PATHS) is None


SEEDS = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-A: b c\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x:1\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
)
INSERTED = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b"\xff",
    b"_",
    b"0",
    b"+",
    b"chunked",
    b"X",
)


def test_whatever_takes_the_short_way_is_read_alike_by_gunicorns_parser():
    dice = random.Random(7)
    alike = 0
    for _ in range(20_000):
        data = dice.choice(SEEDS)
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(data))
            data = data[:place] + dice.choice(INSERTED) + data[place + dice.randint(0, 1) :]
        found = ordinary(data, PATHS)
        if found is not None:
            assert read_by_gunicorn(data) == found
            alike += 1

    assert alike > 500


def read_by_gunicorn(data):
    body = bytearray()
    parser = PythonProtocol(
        on_body=body.extend,
        limit_request_line=8190,
        limit_request_fields=100,
        limit_request_field_size=8190,
    )
    parser.feed(data)
    assert parser.is_complete
    assert parser.remaining() == b""
    return "/", parser.headers, bytes(body)


def test_a_head_made_to_be_hard_to_match_costs_no_time():
    head = b"POST / HTTP/1.1\r\nHost: x\r\nX-A: " + b" x" * 3900 + b"\x00\r\n\r\n"
    start = time.process_time()

    assert ordinary(head, PATHS) is None
    assert time.process_time() - start < 0.05


def test_a_head_that_comes_again_brings_another_body():
    requests = OrdinaryRequests(PATHS, peer="192.0.2.1")
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    first, _ = requests.read(head + b"{}")

    assert requests.read(head + b"[]") == (first, b"[]")
    assert requests.read(head + b"[ ]") is None
    assert requests.read(head) is None


def test_a_head_that_differs_in_one_byte_is_read_anew():
    requests = OrdinaryRequests(PATHS, peer="")
    data = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    requests.read(data)

    other, _ = requests.read(data.replace(b"Host: x", b"Host: y"))
    assert other.header(b"host") == b"y"
    assert requests.read(data.replace(b"Host: x", b"Host: \0")) is None


def test_the_answer_is_the_same_whichever_way_the_request_comes(server, whole):
    with server.connect(whole()) as at_once:
        direct = at_once.recv(65536)
    with server.connect() as in_pieces:
        request = whole(id="in-pieces")
        in_pieces.sendall(request[:40])
        time.sleep(0.1)  # else both pieces may be read as one
        in_pieces.sendall(request[40:])
        long_way = in_pieces.recv(65536)

    assert direct.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert names_in(direct) == names_in(long_way)


def names_in(answer):
    return [line.partition(b":")[0].lower() for line in answer.split(b"\r\n")]


def test_requests_that_come_one_behind_the_other_are_answered_in_their_order(server, whole):
    ids = [f"behind-{number}" for number in range(5)]

    last = whole(b"Connection: close\r\n", id=ids[-1])
    answer = server.exchange(b"".join(whole(id=id_) for id_ in ids[:-1]) + last)

    assert answer.count(b"HTTP/1.1 202 Accepted") == 5
    runs = [server.accepted(id_)[0]["run"] for id_ in ids]
    assert [part[:16].decode() for part in answer.split(b'{"runs": ["')[1:]] == runs


def test_what_comes_before_the_answer_waits_for_it(start_server, whole):
    slow = start_server(accept_seconds=0.3)
    with slow.connect(whole(id="first")) as connection:
        time.sleep(0.1)  # the first is being written down
        connection.sendall(whole(b"Connection: close\r\n", id="second"))
        answer = b""
        while data := connection.recv(65536):
            answer += data

    assert answer.count(b"HTTP/1.1 202 Accepted") == 2
    assert answer.index(slow.accepted("first")[0]["run"].encode()) < answer.index(
        slow.accepted("second")[0]["run"].encode()
    )


def test_a_kept_connection_serves_both_ways_in_turn(server, whole):
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with server.connect() as connection:
        for number in range(3):
            connection.sendall(whole(id=f"in-turn-{number}"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 202 Accepted")
            connection.sendall(health)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_half_a_header_after_a_whole_request_has_its_deadline(start_server, whole):
    hasty = start_server(header_timeout=1.0)
    with hasty.connect(whole()) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 202 Accepted")
        connection.sendall(b"POST / HT")

        assert connection.recv(65536).startswith(b"HTTP/1.1 408 Request Timeout")


def test_a_whole_request_that_is_in_flight_is_answered_after_term(start_server, whole):
    slow = start_server(accept_seconds=0.5)
    with slow.connect(whole()) as connection:
        time.sleep(0.2)  # it is being written down
        code, _ = slow.terminate()
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 202 Accepted")
    assert b"connection: close" in answer.lower()
    assert code == 0


def test_a_sender_that_is_not_known_is_refused_once(start_server, whole, tmp_path):
    senders = tmp_path / "senders.yaml"
    senders.write_text("- {name: ci, tokens: [correct-horse-battery]}\n")
    guarded = start_server(senders=str(senders))

    with guarded.connect(whole(b"Authorization: Bearer correct-horse-battery\r\n")) as connection:
        taken = connection.recv(65536)
    refused = guarded.exchange(whole(b"Authorization: Bearer wrong\r\n"))

    assert taken.startswith(b"HTTP/1.1 202 Accepted")
    assert refused.startswith(b"HTTP/1.1 401 Unauthorized")
    assert sum("refused with 401" in record["message"] for record in guarded.log()) == 1


def test_a_connection_on_which_nothing_comes_any_more_is_closed():
    class Application:
        paths = ("/",)

        def direct(self, request, body, answer):
            return answer(SimpleNamespace(status=202, headers=(), body=request.method.encode()))

    async def try_it():
        loop = asyncio.get_running_loop()
        worker = worker_for(Application(), loop)
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        answer = await reader.readuntil(b"POST")
        (connection,) = worker.connections
        connection.close_when_idle(loop.time() + 74)
        connection.close_when_idle(loop.time() + 76)
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        server.close()
        return answer, rest

    answer, rest = asyncio.run(try_it())

    assert answer.startswith(b"HTTP/1.1 202 Accepted")
    assert rest == b""


def worker_for(application, loop):
    """Return as much of a worker as a connection uses."""
    settings = Config()
    settings.set("keepalive", 75)
    return SimpleNamespace(
        alive=True,
        app=SimpleNamespace(header_timeout=10.0),
        asgi=application,
        cfg=settings,
        connections=set(),
        direct=application,
        direct_paths=PATHS,
        log=None,
        loop=loop,
        nr=0,
        nr_conns=0,
        max_requests=1000,
        state={},
    )
