"""What the connection itself is held to: framing, sizes, deadlines (rows IN-11, 12, 24 to 27)."""

import json
import time
from contextlib import ExitStack

import pytest

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"


@pytest.fixture
def body(document):
    return json.dumps(document()).encode()


@pytest.fixture(scope="module")
def hasty(start_server):
    """A web process that waits a second for a header and a second for a body."""
    return start_server(header_timeout=1.0, body_timeout=1.0)


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def body_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_declared_length_over_the_limit_is_refused_before_the_body(server):
    with server.connect(HEAD + b"Content-Length: 1048577\r\n\r\n") as connection:
        answer = connection.recv(65536)

    assert status_of(answer) == 413
    assert b"connection: close" in answer


def test_a_sender_that_waits_for_100_gets_413_instead(server):
    with server.connect(HEAD + b"Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n") as c:
        assert status_of(c.recv(65536)) == 413


def test_a_large_body_still_being_sent_does_not_hide_the_answer(server):
    answer = server.exchange(HEAD + b"Content-Length: 3000000\r\n\r\n" + b"x" * 2_999_999 + b"x")

    assert status_of(answer) == 413


def test_a_chunked_body_over_the_limit_is_refused(server):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    answer = server.exchange(
        HEAD
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk * 17
        + b"0\r\n\r\n"
    )

    assert status_of(answer) == 413
    assert body_of(answer)["code"] == "event-too-large"


def test_a_chunked_event_is_taken(server, body):
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    answer = server.exchange(
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )

    assert status_of(answer) == 202


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join([b"X-A: 1"] * 200), 431),
        (b"POST /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x", 414),
    ],
)
def test_a_header_beyond_the_limits_is_refused_and_the_next_request_works(
    server, body, head, status
):
    answer = server.exchange(head + b"\r\n\r\n")

    assert status_of(answer) == status
    assert set(body_of(answer)) == {"code", "message", "reference"}
    assert server.post(body).status == 202


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length: " + b"1" * 5000 + b"\r\n",
        b"Content-Length : 4\r\n",
        b" Content-Length: 4\r\n",
        b"Content-Length: 4\n",
        b"X-Null: a\0b\r\n",
        b"Content-Type: text/plain\r\n",
    ],
)
def test_ambiguous_framing_is_refused_and_nothing_after_it_is_read(server, framing):
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = server.exchange(HEAD + framing + b"\r\n0\r\n\r\n" + hidden)

    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1
    assert body_of(answer)["code"] == "bad-request"


def test_bare_line_feeds_are_refused(server):
    answer = server.exchange(b"GET /healthz HTTP/1.1\nHost: x\n\n")

    assert status_of(answer) == 400


def test_a_strange_method_is_refused_without_being_quoted(server):
    answer = server.exchange(b"\x1b[31mGET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert status_of(answer) == 400
    assert b"\x1b" not in answer


def test_two_requests_sent_at_once_are_both_answered(server):
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"

    answer = server.exchange(request + b"\r\n" + request + b"Connection: close\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_sender_that_leaves_in_the_middle_of_the_body_leaves_nothing(server, body, wait_for):
    server.connect(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1]).close()

    assert server.post(body.replace(b"test_a", b"after")).status == 202
    assert server.accepted(json.loads(body)["id"]) == []


def test_stalled_connections_neither_delay_others_nor_stay(hasty, body):
    halves = [hasty.connect(HEAD) for _ in range(50)]
    halves += [hasty.connect(HEAD + b"Content-Length: 9\r\n\r\nx") for _ in range(50)]
    silent = hasty.connect()
    slow_api = b"POST /api/v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
    halves += [hasty.connect(slow_api) for _ in range(20)]
    start = time.monotonic()

    assert hasty.post(body).status == 202
    assert hasty.request("GET", "/healthz").status == 200
    assert hasty.request("GET", "/api/v1/runs").json == {"runs": [], "next": None}
    assert time.monotonic() - start < 0.5
    answers = [read_all(connection) for connection in [*halves, silent]]
    assert {status_of(answer) for answer in answers} == {408}
    assert time.monotonic() - start < 2.5
    assert hasty.accepted() == hasty.accepted(json.loads(body)["id"])


def test_a_header_sent_in_drips_has_no_more_time_than_others(hasty):
    start = time.monotonic()
    with hasty.connect(b"GET /healthz HTTP/1.1\r\n") as connection:
        connection.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - start < 5:
            try:
                answer = connection.recv(4096)
            except TimeoutError:
                connection.sendall(b"X-Drip: 1\r\n")

    assert status_of(answer) == 408
    assert 0.8 < time.monotonic() - start < 2.0


def test_a_second_header_on_a_kept_connection_has_the_same_deadline(hasty):
    with hasty.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert status_of(connection.recv(65536)) == 200
        connection.sendall(b"GET /heal")

        assert status_of(connection.recv(65536)) == 408


def test_a_kept_connection_may_rest(hasty):
    with hasty.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert status_of(connection.recv(65536)) == 200
        time.sleep(1.3)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

        assert status_of(connection.recv(65536)) == 200


def test_more_connections_than_can_be_held_are_refused(start_server, wait_for):
    server = start_server()
    with ExitStack() as held:
        for _ in range(900):
            held.enter_context(server.connect())

        refused = server.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

    assert status_of(refused) == 503
    assert b"retry-after: 5" in refused
    wait_for(lambda: server.request("GET", "/healthz").status == 200)


def test_hostile_input_leaves_no_trace_in_the_log(server, hasty):
    records = server.log() + hasty.log()

    assert [r["trace"] for r in records if r["trace"] and "secret detail" not in r["trace"]] == []


def read_all(connection):
    received = b""
    with connection:
        while data := connection.recv(65536):
            received += data
    return received
