"""`.http` scripts against real servers (HT-1, HT-9, HT-11 to HT-17)."""

import asyncio
import gzip
import logging
import socket
import struct
import time
import tracemalloc
import zlib

import pytest
import requests

from service.outcome import Ending

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def lines_of(target):
    (head, _), *more = target.requests
    assert not more
    return head.split("\r\n")


def values_of(target, name):
    pairs = [line.split(": ", 1) for line in lines_of(target)[1:]]
    return [value for key, value in pairs if key.lower() == name]


def test_a_request_is_sent_as_written_and_its_answer_kept(serve, send):
    target = serve(OK)

    execution = send(
        f"POST {target.url('//a/%2E%2e/')}${{data.stage}}?q=$PROJECT\n"
        "Content-Type: application/json;charset=utf-8\nX-Token: $ENV_TOKEN\n\n"
        '{"project": "${data.project}", "über": 1}\n',
        ENV_TOKEN="s3cret",
    )

    assert (execution.ending, execution.http_status, execution.detail) == (Ending.EXIT, 200, "")
    assert (execution.stdout, execution.output, execution.cut) == (b"ok", b"ok", 0)
    assert execution.seconds > 0
    (_, body), *_ = target.requests
    assert body == '{"project": "sockshop", "über": 1}\n'.encode()
    assert lines_of(target)[0] == "POST //a/%2E%2E/dev?q=sockshop HTTP/1.1"
    assert values_of(target, "host") == [f"127.0.0.1:{target.port}"]
    assert values_of(target, "content-type") == ["application/json;charset=utf-8"]
    assert values_of(target, "x-token") == ["s3cret"]
    assert values_of(target, "user-agent") == ["generic-executor-service"]


def test_a_value_of_dots_stays_in_its_step_of_the_path(serve, send):
    target = serve(OK)

    send(f"GET {target.url('/a/$V/b')}", V="..")

    assert lines_of(target)[0] == "GET /a/%2E%2E/b HTTP/1.1"


def test_headers_are_sent_twice_when_written_twice_and_framing_is_ours(serve, send):
    target = serve(OK)

    send(
        f"POST {target.url()}\nX: a:b:c\nContent-Length: 999\nTransfer-Encoding: chunked\n"
        "Connection: keep-alive\nUpgrade: h2c\nExpect: 100-continue\nx: ü\nAccept: text/plain\n"
        "User-Agent: mine\n\nbody"
    )

    assert values_of(target, "x") == ["a:b:c", "ü".encode().decode("latin-1")]
    assert values_of(target, "content-length") == ["4"]
    assert values_of(target, "transfer-encoding") == []
    assert values_of(target, "connection") == ["close"]
    assert values_of(target, "upgrade") == values_of(target, "expect") == []
    assert values_of(target, "accept") == ["text/plain"]
    assert values_of(target, "user-agent") == ["mine"]


def test_a_post_without_body_says_so(serve, send):
    target = serve(OK)

    send(f"POST {target.url()}")

    assert values_of(target, "content-length") == ["0"]
    assert values_of(target, "content-type") == []


@pytest.mark.parametrize("status", [200, 201, 204, 299, 300, 304, 400, 404, 500, 503])
def test_the_status_is_reported_whatever_it_is(serve, send, status):
    target = serve(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())

    execution = send(f"GET {target.url()}")

    assert (execution.ending, execution.http_status) == (Ending.EXIT, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/again", "http://127.0.0.1:{port}/", "http://[", "//x"])
def test_a_redirect_is_an_answer_and_not_followed(serve, send, status, location):
    elsewhere = serve(OK)
    where = location.format(port=elsewhere.port)
    target = serve(f"HTTP/1.1 {status} X\r\nLocation: {where}\r\n\r\nbody".encode())

    execution = send(f"POST {target.url()}\n\nx")

    assert (execution.ending, execution.http_status, execution.stdout) == ("exit", status, b"body")
    assert (target.connections, elsewhere.connections) == (1, 0)


def test_cookies_credentials_and_proxies_of_the_surroundings_are_not_used(
    serve, send, monkeypatch, tmp_path
):
    target = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    proxy = serve(OK)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())

    send(f"GET {target.url()}")

    assert (target.connections, proxy.connections) == (1, 0)
    assert values_of(target, "authorization") == values_of(target, "cookie") == []


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("GET {url} x y", "line 1: the address has a blank; write %20"),
        ("GET {url}\nX: $V", "line 2: $V has a line break or control character, which no"),
        ('POST {url}\n\n{{"a": $V}}', "line 3: $V stands outside quotes in a JSON body"),
        ("GET http://$V/", "line 1: $V comes from the event, which may not choose the host"),
        ("GET ftp://127.0.0.1/", "line 1: the address must begin with http:// or https://"),
        ("GET {url}\nX y: z", "line 2: 'X y' is not a header name"),
        ("GET {url}\nX: @@@SKIP_HEADER@@@", "the value of the header X has a meaning of its own"),
    ],
)
def test_what_cannot_be_sent_is_not_sent(serve, send, content, detail):
    target = serve(OK)

    execution = send(content.format(url=target.url()), V="a\r\nX: y")

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail.startswith(detail)
    assert execution.http_status is None
    assert target.connections == 0


def test_a_host_of_event_data_is_reached_when_it_is_allowed(serve, send):
    target = serve(OK)

    execution = send(f"GET http://$V:{target.port}/", V="127.0.0.1")

    assert execution.http_status == 200


def test_placeholders_without_value_are_logged_without_values(serve, send, caplog):
    target = serve(OK)

    with caplog.at_level(logging.WARNING):
        send(f"GET {target.url()}?a=${{data.none}}&b=$V", V="secret")

    assert [record.getMessage() for record in caplog.records] == [
        "test.triggered.http: line 1: ${data.none} has no value and is left empty"
    ]


def test_a_host_written_by_the_author_and_a_cookie_of_the_target_get_along(serve, send):
    target = serve(b"HTTP/1.1 503 X\r\nSet-Cookie: a=b; Max-Age=x\r\nRetry-After: 9\r\n\r\nlater")

    execution = send(f"GET {target.url()}\nHost: elsewhere.example\n")

    assert (execution.http_status, execution.stdout) == (503, b"later")
    assert values_of(target, "host") == ["elsewhere.example"]


def test_a_compressed_answer_is_decoded(serve, send):
    packed = gzip.compress(b"hello")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    target = serve(head.encode() + packed)

    assert send(f"GET {target.url()}").stdout == b"hello"


def test_an_answer_of_exactly_the_limit_is_whole_and_one_byte_more_is_too_much(serve, send):
    exact = serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000)
    longer = serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001)

    assert send(f"GET {exact.url()}", runner={"response_limit": 1000}).ending is Ending.EXIT
    execution = send(f"GET {longer.url()}", runner={"response_limit": 1000})

    assert execution.ending is Ending.OUTPUT_LIMIT
    assert execution.detail == "the answer is larger than 1000 bytes"
    assert (execution.http_status, execution.stdout, execution.cut) == (200, b"x" * 1000, 1)


@pytest.fixture(scope="module")
def bomb():
    """Return 200 KB that are 200 MB."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(packed) < 250_000
    return packed


@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: /"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_bomb_is_left_unread_at_the_limit(serve, send, bomb, status, chunked):
    """A session of `requests` would read the whole body of a redirect it does not follow."""
    head = f"HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\n".encode()
    framing = b"Content-Length: %d\r\n\r\n%b" % (len(bomb), bomb)
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(bomb), bomb)
    target = serve(head + framing)

    tracemalloc.start()
    try:
        execution = send(f"GET {target.url()}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert execution.ending is Ending.OUTPUT_LIMIT
    assert len(execution.stdout) == 1024 * 1024
    assert peak < 30 << 20


def drip(head):
    def behave(line, over):
        line.sendall(head)
        while not over.wait(0.02):
            line.sendall(b"x")

    return behave


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"",
    ],
)
def test_a_dripping_answer_ends_at_the_total_deadline(serve, send, head):
    target = serve(drip(head))

    begun = time.monotonic()
    execution = send(f"GET {target.url()}", timeout=0.3)

    assert execution.ending is Ending.DEADLINE
    assert execution.detail == "no complete answer within 0.3 s"
    assert time.monotonic() - begun < 2


def test_the_total_deadline_of_the_runner_bounds_that_of_the_script(serve, send):
    target = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n"))

    execution = send(f"GET {target.url()}", timeout=600, runner={"total_timeout": 0.2})

    assert execution.ending is Ending.DEADLINE
    assert execution.http_status == 200
    assert set(execution.stdout) == {ord("x")}


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
def test_a_silent_target_ends_at_the_time_for_one_read(serve, send, head):
    def silent(line, over):
        line.sendall(head)
        over.wait(10)

    execution = send(f"GET {serve(silent).url()}", runner={"read_timeout": 0.2})

    assert (execution.ending, execution.detail) == (Ending.DEADLINE, "no data for 0.2 s")


def reset(line, over):
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (reset, "connection reset by peer"),
        (b"", "the connection ended before the answer was complete"),
        (b"SSH-2.0-x\r\n", "the connection ended before the answer was complete"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "the connection ended before the answer was complete",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "the connection ended before the answer was complete",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip",
            "the answer cannot be decoded",
        ),
    ],
)
def test_a_broken_answer_has_a_short_cause(serve, send, answer, detail):
    execution = send(f"GET {serve(answer).url()}?token=s3cret")

    assert (execution.ending, execution.detail) == (Ending.NOT_RUN, detail)


def test_a_closed_port_has_a_short_cause(serve, send):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    execution = send(f"GET http://127.0.0.1:{port}/?token=s3cret")

    assert (execution.ending, execution.detail) == (Ending.NOT_RUN, "connection refused")


def test_a_target_that_does_not_accept_has_a_short_cause(send):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for line in waiting:
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
        execution = send(f"GET http://127.0.0.1:{port}/", runner={"connect_timeout": 0.2})
        for line in waiting:
            line.close()

    assert (execution.ending, execution.detail) == (Ending.NOT_RUN, "no connection within 0.2 s")


def test_a_name_without_address_has_a_short_cause(send):
    too_long_for_any_name_server = ".".join(["a" * 60] * 5)

    execution = send(f"GET http://{too_long_for_any_name_server}/")

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == "the host name cannot be resolved"


@pytest.mark.parametrize("host", ["a..b", ".", "a" * 64])
def test_what_is_no_name_is_refused(send, host):
    execution = send(f"GET http://{host}/")

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == "the host is not a name that can be looked up"


def every_kind_of(error):
    yield error
    for kind in error.__subclasses__():
        yield from every_kind_of(kind)


@pytest.mark.parametrize("kind", list(every_kind_of(requests.RequestException)))
def test_every_error_of_requests_becomes_an_execution(make_runner, kind):
    error = (
        kind("a", "b", 0) if "JSON" in kind.__name__ and "Decode" in kind.__name__ else kind("a")
    )

    execution = make_runner()._failed(error)

    assert execution.ending in {Ending.NOT_RUN, Ending.DEADLINE}
    assert execution.detail


def test_a_cancelled_request_ends_soon(serve, make_runner, make_order):
    target = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n"))
    runner = make_runner()

    async def story():
        running = asyncio.create_task(runner.run(make_order(f"GET {target.url()}")))
        while not target.requests:
            await asyncio.sleep(0.005)
        begun = time.monotonic()
        known = await runner.cancel("r-1")
        return known, await running, time.monotonic() - begun

    known, execution, seconds = asyncio.run(story())

    assert known
    assert (execution.ending, execution.detail) == (Ending.CANCELLED, "cancelled")
    assert seconds < 1


def test_a_waiting_request_is_cancelled_before_it_is_sent(serve, make_runner, make_order):
    target = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n"))
    runner = make_runner(workers=1)

    async def story():
        first = asyncio.create_task(runner.run(make_order(f"GET {target.url()}", run="r-1")))
        while not target.requests:
            await asyncio.sleep(0.005)
        second = asyncio.create_task(runner.run(make_order(f"GET {target.url()}", run="r-2")))
        await asyncio.sleep(0)
        assert await runner.cancel("r-2")
        assert await runner.cancel("r-1")
        return await first, await second

    executions = asyncio.run(story())

    assert [execution.ending for execution in executions] == [Ending.CANCELLED] * 2
    assert target.connections == 1


def test_nothing_is_cancelled_when_nothing_is_on_its_way(serve, make_runner, make_order):
    target = serve(OK)
    runner = make_runner()

    async def story():
        before = await runner.cancel("r-1")
        await runner.run(make_order(f"GET {target.url()}"))
        return before, await runner.cancel("r-1")

    assert asyncio.run(story()) == (False, False)


def test_a_task_that_is_given_up_ends_its_request(serve, make_runner, make_order):
    target = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n"))
    runner = make_runner()

    async def story():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runner.run(make_order(f"GET {target.url()}")), 0.2)

    asyncio.run(story())
    runner._pool.shutdown(wait=True)

    assert runner._running == {}


def test_requests_run_side_by_side(serve, make_runner, make_order):
    def slow(line, over):
        over.wait(0.2)
        line.sendall(OK)

    target = serve(slow)
    runner = make_runner(workers=8)

    async def story():
        orders = [make_order(f"GET {target.url()}", run=f"r-{n}") for n in range(8)]
        return await asyncio.gather(*(runner.run(order) for order in orders))

    begun = time.monotonic()
    executions = asyncio.run(story())

    assert [execution.http_status for execution in executions] == [200] * 8
    assert time.monotonic() - begun < 1
