"""Sending to real sinks, good and bad."""

import asyncio
import socket
import ssl
import time

import httptools
import pytest

from service.delivery.sink import HttpSink
from service.errors import BadSettings, SinkRefused, SinkUnavailable


def test_an_event_arrives_in_structured_mode(with_sink):
    async def story():
        async with with_sink(headers={"X-Token": "secret-token"}) as (sink, sender):
            await sender.send('{"id":"ä"}'.encode())
            return sink.received[0]

    request = asyncio.run(story())

    assert request.line == "POST /events HTTP/1.1"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["x-token"] == "secret-token"
    assert request.body == '{"id":"ä"}'.encode()


def test_a_connection_is_kept(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(200, body=b'{"keptnContext": "x"}')
            for _ in range(5):
                await sender.send(b"e|")
            return sink.connections

    assert asyncio.run(story()) == 1


def test_a_kept_connection_that_the_sink_closed_is_replaced_at_once(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda request: reply(cut=request.nth == 2)
            await sender.send(b"e1|")
            await sender.send(b"e2|")
            return [request.event for request in sink.received]

    assert asyncio.run(story()) == ["e1", "e2", "e2"]


def test_the_second_try_does_not_take_the_next_closed_connection(with_sink, reply):
    """A sink that was restarted has closed all connections that are kept."""

    async def story():
        async with with_sink(connections=8) as (sink, sender):
            sink.answer = lambda request: reply(cut=request.nth == 2)
            await asyncio.gather(*(sender.send(f"a{n}|".encode()) for n in range(8)))
            await sender.send(b"b|")
            return [(request.event, request.nth) for request in sink.received[8:]]

    assert asyncio.run(story()) == [("b", 2), ("b", 1)]


def test_a_sink_that_closes_after_each_answer_gets_every_event_once(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(close=True)
            for n in range(10):
                await sender.send(f"{n}|".encode())
            return [request.event for request in sink.received]

    received = asyncio.run(story())

    assert list(dict.fromkeys(received)) == [str(n) for n in range(10)]


def test_a_new_connection_that_is_cut_is_left_to_the_next_attempt(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(cut=True)
            with pytest.raises(SinkUnavailable, match="cannot be reached"):
                await sender.send(b"e|")
            return len(sink.received)

    assert asyncio.run(story()) == 1


def test_a_silent_sink_is_left_at_the_deadline(with_sink, reply):
    async def story():
        async with with_sink(attempt_timeout=0.1) as (sink, sender):
            sink.answer = lambda _: reply(silent=True)
            with pytest.raises(SinkUnavailable, match=r"did not answer in 0\.1 s"):
                await sender.send(b"e|")

    started = time.monotonic()
    asyncio.run(story())

    assert time.monotonic() - started < 2


def test_the_second_try_shares_the_deadline_of_the_first(with_sink, reply):
    async def story():
        async with with_sink(attempt_timeout=0.1) as (sink, sender):
            await sender.send(b"e1|")
            sink.answer = lambda request: reply(cut=request.nth == 2, silent=request.nth == 1)
            with pytest.raises(SinkUnavailable, match="did not answer"):
                await sender.send(b"e2|")

    asyncio.run(story())


def test_a_sink_that_is_not_there_is_unavailable(with_sink):
    async def story():
        async with with_sink() as (sink, sender):
            await sink.stop()
            try:
                with pytest.raises(SinkUnavailable, match=f"127.0.0.1:{sink.port}"):
                    await sender.send(b"e|")
            finally:
                await sink.start()

    asyncio.run(story())


@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999 \r\n\r\n", b"\r\n\r\n"])
def test_something_that_does_not_speak_http_is_unavailable(with_sink, reply, raw):
    async def story():
        async with with_sink(attempt_timeout=0.2) as (sink, sender):
            sink.answer = lambda _: reply(raw=raw, close=True)
            with pytest.raises(SinkUnavailable):
                await sender.send(b"e|")

    asyncio.run(story())


def test_a_sink_without_the_tls_it_should_have_is_unavailable(with_sink):
    async def story():
        async with with_sink() as (sink, _):
            sender = HttpSink(sink.url.replace("http:", "https:"), attempt_timeout=0.2)
            await sender.start()
            try:
                with pytest.raises(SinkUnavailable):
                    await sender.send(b"e|")
            finally:
                await sender.close()

    asyncio.run(story())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(with_sink, reply, status):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(status, {"Location": sink.url})
            with pytest.raises(SinkUnavailable, match=f"answers {status}"):
                await sender.send(b"e|")
            return len(sink.received)

    assert asyncio.run(story()) == 1


def test_a_refusal_carries_what_the_sink_said(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(400, body=b'{"message":\n"no such stage"}')
            with pytest.raises(SinkRefused, match=r'answers 400: {"message": "no such stage"}'):
                await sender.send(b"e|")

    asyncio.run(story())


def test_the_patience_a_sink_asks_for_is_handed_on(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(429, {"Retry-After": "17"})
            with pytest.raises(SinkUnavailable) as caught:
                await sender.send(b"e|")
            return caught.value.retry_after

    assert asyncio.run(story()) == 17


def test_an_accepting_answer_without_end_is_not_read_to_its_end(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda request: reply(endless=request.event == "e1")
            await sender.send(b"e1|")
            await sender.send(b"e2|")
            return sink.connections, sink.taken

    assert asyncio.run(story()) == (2, ["e1", "e2"])


def test_an_accepting_answer_whose_body_does_not_come_counts(with_sink, reply):
    async def story():
        async with with_sink(attempt_timeout=0.1) as (sink, sender):
            sink.answer = lambda _: reply(raw=b"HTTP/1.1 202 Yes\r\nContent-Length: 9\r\n\r\nab")
            await sender.send(b"e|")
            return sink.taken

    assert asyncio.run(story()) == ["e"]


def test_a_refusing_answer_without_end_is_cut(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(500, endless=True)
            started = time.monotonic()
            with pytest.raises(SinkUnavailable) as caught:
                await sender.send(b"e|")
            return str(caught.value), time.monotonic() - started

    message, took = asyncio.run(story())

    assert len(message) < 300
    assert took < 0.5


def test_compressed_answers_are_not_unpacked(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(202, {"Content-Encoding": "gzip"}, body=b"not gzip")
            await sender.send(b"e|")
            return sink.received[0].headers["accept-encoding"]

    assert asyncio.run(story()) == "identity"


def test_credentials_of_the_address_are_sent_and_never_shown(with_sink, reply):
    async def story():
        async with with_sink() as (sink, _):
            url = sink.url.replace("//", "//robot:p%40ss-word@") + "?key=query-secret"
            sender = HttpSink(url, headers={"X-Auth": "Token header-secret"})
            await sender.start()
            try:
                sink.answer = lambda r: reply(401, body=f"{r.line} {r.headers}".encode())
                with pytest.raises(SinkUnavailable) as caught:
                    await sender.send(b"e|")
            finally:
                await sender.close()
            return sink.received[0].headers["authorization"], str(caught.value)

    authorization, message = asyncio.run(story())

    assert authorization == "Basic cm9ib3Q6cEBzcy13b3Jk"
    for secret in ("p@ss-word", "p%40ss-word", "header-secret", "query-secret", "cEBzcy13b3Jk"):
        assert secret not in message


def test_nothing_is_taken_from_the_surroundings(with_sink, monkeypatch, tmp_path):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def story():
        async with with_sink() as (sink, sender):
            await sender.send(b"e|")
            return sink.received[0].headers

    assert "authorization" not in asyncio.run(story())


def test_cookies_are_not_kept(with_sink, reply):
    async def story():
        async with with_sink() as (sink, _):
            # Cookies of a bare address would be dropped anyway.
            sender = HttpSink(sink.url.replace("127.0.0.1", "localhost"))
            await sender.start()
            try:
                sink.answer = lambda _: reply(200, {"Set-Cookie": "a=b; Path=/"})
                await sender.send(b"e1|")
                await sender.send(b"e2|")
            finally:
                await sender.close()
            return sink.received[1].headers

    assert "cookie" not in asyncio.run(story())


@pytest.mark.parametrize(
    "url",
    ["", "sink", "ftp://sink/", "http://", "http://sink:99999/", "http://[::1", "http://a b/"],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(BadSettings, match="the address of the sink"):
        HttpSink(url)


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X Y": "a"}, {"": "a"}, {"Content-Length": "1"}, {"Host": "other"}],
)
def test_a_header_that_cannot_be_set_is_refused(headers):
    with pytest.raises(BadSettings, match="cannot be set for the sink"):
        HttpSink("http://sink/", headers=headers)


def test_credentials_in_two_places_are_refused():
    with pytest.raises(BadSettings, match="in its address and in its headers"):
        HttpSink("http://a:b@sink/", headers={"authorization": "Bearer x"})


def test_a_sender_that_was_closed_says_so(with_sink):
    async def story():
        async with with_sink() as (_, sender):
            await sender.close()
            with pytest.raises(SinkUnavailable, match="starts or stops"):
                await sender.send(b"e|")

    asyncio.run(story())


def _all_below(kind):
    return {kind}.union(*(_all_below(below) for below in kind.__subclasses__()))


def test_all_errors_of_the_parser_are_known():
    """What is not below this one would get through."""
    exceptions = {
        value
        for value in vars(httptools).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }

    # The upgrade is no error; the address of a request is never parsed here.
    assert exceptions - {httptools.HttpParserUpgrade} <= _all_below(httptools.HttpParserError)


@pytest.mark.parametrize(
    "error",
    [
        httptools.HttpParserInvalidStatusError("bad"),
        ssl.SSLCertVerificationError(1, "bad"),
        socket.gaierror(-2, "bad"),
        UnicodeError("bad"),
        ConnectionRefusedError(111, "bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_foreign_exception_gets_through(error):
    async def raising(*_arguments):
        raise error

    async def story():
        sender = HttpSink("http://sink/")
        await sender.start()
        sender._connected = raising
        await sender.send(b"e|")

    with pytest.raises(SinkUnavailable, match="bad") as caught:
        asyncio.run(story())

    assert caught.value.__cause__ is error


def _whole(body):
    return b"HTTP/1.1 202 Yes\r\n" + body


@pytest.mark.parametrize(
    "raw",
    [
        _whole(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        _whole(b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nTrailer: z\r\n\r\n"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + _whole(b"Content-Length: 0\r\n\r\n"),
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + _whole(b"Content-Length: 2\r\n\r\nok"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["chunked", "chunked with trailer", "100 first", "103 first", "204"],
)
def test_an_answer_of_any_framing_leaves_the_connection_usable(with_sink, reply, raw):
    async def story():
        async with with_sink(attempt_timeout=0.5) as (sink, sender):
            sink.answer = lambda _: reply(raw=raw)
            for n in range(3):
                await sender.send(f"e{n}|".encode())
            return sink.connections, sink.taken

    assert asyncio.run(story()) == (1, ["e0", "e1", "e2"])


@pytest.mark.parametrize(
    "raw",
    [
        _whole(b"Connection: close\r\nContent-Length: 0\r\n\r\n"),
        _whole(b"Content-Length: 0\r\n\r\n") * 2,
        b"HTTP/1.0 202 Yes\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["close", "two answers", "1.0"],
)
def test_a_connection_that_cannot_be_trusted_is_not_used_again(with_sink, reply, raw):
    async def story():
        async with with_sink(attempt_timeout=0.5) as (sink, sender):
            sink.answer = lambda _: reply(raw=raw)
            await sender.send(b"e1|")
            await sender.send(b"e2|")
            return sink.connections, sink.taken

    assert asyncio.run(story()) == (2, ["e1", "e2"])


def test_an_answer_that_ends_with_its_connection_counts(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(raw=b"HTTP/1.1 409 No\r\n\r\nnot now", close=True)
            with pytest.raises(SinkUnavailable, match="answers 409: not now"):
                await sender.send(b"e|")

    asyncio.run(story())


def test_a_header_without_end_is_cut(with_sink, reply):
    async def story():
        async with with_sink() as (sink, sender):
            sink.answer = lambda _: reply(raw=b"HTTP/1.1 200 Yes\r\n" + b"X: y\r\n" * 20_000)
            with pytest.raises(SinkUnavailable, match="header of the answer is too long"):
                await sender.send(b"e|")

    asyncio.run(story())


def test_a_connection_that_was_idle_for_long_is_not_used_again(with_sink):
    async def story():
        async with with_sink() as (sink, sender):
            await sender.send(b"e1|")
            sender._idle[0].idle_since -= 16
            await sender.send(b"e2|")
            return sink.connections

    assert asyncio.run(story()) == 2


def test_what_nobody_asked_for_ends_the_connection(with_sink):
    async def story():
        async with with_sink() as (sink, sender):
            await sender.send(b"e1|")
            for writer in sink._writers:
                writer.write(_whole(b"Content-Length: 0\r\n\r\n"))
            while sender._idle[0].usable:
                await asyncio.sleep(0)
            await sender.send(b"e2|")
            return sink.connections

    assert asyncio.run(asyncio.wait_for(story(), 5)) == 2


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://sink", "POST / HTTP/1.1", "sink"),
        ("http://sink:80/a?b=c", "POST /a?b=c HTTP/1.1", "sink"),
        ("http://[::1]:81/ä%20", "POST /%C3%A4%20 HTTP/1.1", "[::1]:81"),
        ("http://BÜCHER.example:8080/#x", "POST / HTTP/1.1", "xn--bcher-kva.example:8080"),
    ],
)
def test_the_address_is_written_as_http_wants_it(url, line, host):
    lines = HttpSink(url)._head.decode("ascii").split("\r\n")

    assert (lines[0], lines[1]) == (line, f"host: {host}")
