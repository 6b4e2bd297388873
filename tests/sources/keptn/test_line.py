"""What leaves for Keptn, and how long and how much of an answer is waited for."""

import asyncio
import logging
import os
import shutil
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.errors import SourceMisconfigured, SourceUnavailable

FILE = "generic-executor/test.triggered.sh"
TOKEN = "the-token-of-keptn"


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


def test_the_token_is_shown_with_every_request(keptn, look_up, shown, token_file):
    keptn.set(token=TOKEN)
    keptn.commit({FILE: b"x"})

    assert shown(look_up(options={"token_file": token_file})) == [f"*:{FILE}"]
    assert {one["token"] for one in keptn.asked()} == {TOKEN}


def test_without_a_token_file_no_token_is_shown(keptn, look_up):
    look_up()

    assert {one["token"] for one in keptn.asked()} == {""}


def test_the_token_is_read_from_its_file_at_every_use(keptn, use_keptn, ask, token_file, clock):
    keptn.set(token=TOKEN)
    keptn.commit({FILE: b"x"})
    token_file.write_text("an old one")

    async def scene():
        async with use_keptn(token_file=token_file) as source:
            with pytest.raises(SourceUnavailable, match=r"refuses the look-up \(401\)"):
                await source.look_up(ask())
            token_file.write_text(TOKEN)
            clock.ahead += 100
            return await source.look_up(ask())

    assert len(asyncio.run(scene()).found) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "must hold one line, the token"),
        (b"one\ntwo\n", "must hold one line, the token"),
        (b"\xff", "cannot be read: not ASCII"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_token_that_cannot_be_used_is_an_error(keptn, look_up, token_file, content, why):
    token_file.unlink()
    if content is not None:
        token_file.write_bytes(content)

    with pytest.raises(SourceUnavailable, match=why):
        look_up(options={"token_file": token_file})

    assert keptn.asked() == []


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_the_token_shows_nowhere(keptn, look_up, token_file, caplog, status):
    caplog.set_level(logging.DEBUG)
    keptn.set(status=status, body='{"code": 1, "message": "TOKEN is not known"}')

    with pytest.raises(SourceUnavailable) as caught:
        look_up(options={"token_file": token_file})

    assert keptn.asked()[0]["token"] == TOKEN
    assert "cannot be looked up" in caplog.text
    assert TOKEN not in str(caught.value) + caplog.text


def test_the_host_is_named_with_its_port(keptn, look_up):
    look_up()

    assert {one["host"] for one in keptn.asked()} == {keptn.url.removeprefix("http://")}


def test_a_proxy_of_the_surroundings_is_not_used(keptn, look_up, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert look_up().fresh


@pytest.mark.parametrize("fault", ["hang", "drip"])
@pytest.mark.parametrize("only", ["hipyard", "pageSize", "generic-executor"])
def test_an_answer_that_does_not_end_is_given_up(keptn, use_keptn, ask, fault, only):
    keptn.commit({FILE: b"x"})
    keptn.set(**{fault: True}, only=only)

    async def scene():
        async with use_keptn(timeout=0.3) as source:
            began = time.monotonic()
            with pytest.raises(SourceUnavailable, match=r"no complete answer within 0\.3 s"):
                await source.look_up(ask())
            return time.monotonic() - began

    assert 0.25 < asyncio.run(scene()) < 3
    assert no_thread_is_left()


def no_thread_is_left():
    deadline = time.monotonic() + 5
    while any(thread.name.startswith("keptn") for thread in threading.enumerate()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_keptn_that_refuses_connections_is_an_error(use_keptn, ask):
    async def scene():
        async with use_keptn(address="keptn+http://127.0.0.1:9") as source:
            await source.look_up(ask())

    with pytest.raises(SourceUnavailable, match=r"Keptn at 127\.0\.0\.1:9 cannot be reached: conn"):
        asyncio.run(scene())


def test_a_host_that_cannot_be_resolved_is_an_error(use_keptn, ask):
    async def scene():
        async with use_keptn(address=f"keptn+http://{'x' * 70}.invalid") as source:
            await source.look_up(ask())

    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        asyncio.run(scene())


class _Greeting(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"code":404,"message":"Project not found"}'
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1, signed by itself, with its key."""
    if not shutil.which("openssl") and not os.environ.get("CI"):
        pytest.skip("openssl is not installed")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout both.pem -out both.pem"
    names = "-subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 {key} {names} -days 2"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, timeout=20)
    return tmp_path / "both.pem"


@pytest.fixture
def tls_server(certificate):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Greeting)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"keptn+https://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask_over_tls(tls_server, use_keptn, ask):
    def look_up(ca_file):
        async def scene():
            async with use_keptn(address=tls_server, ca_file=ca_file) as source:
                await source.look_up(ask())

        asyncio.run(scene())

    return look_up


def test_a_trusted_keptn_is_asked_over_tls(ask_over_tls, certificate):
    with pytest.raises(SourceUnavailable, match="Project not found"):
        ask_over_tls(certificate)


def test_a_keptn_whose_certificate_is_not_trusted_is_not_asked(ask_over_tls):
    with pytest.raises(SourceUnavailable, match="its certificate is not trusted: self-signed"):
        ask_over_tls(None)


def test_a_file_without_certificates_is_refused_at_once(use_keptn, token_file):
    async def scene():
        async with use_keptn(address="keptn+https://h/api", ca_file=token_file):
            pass

    with pytest.raises(SourceMisconfigured, match="GENEXEC_KEPTN_CA_FILE"):
        asyncio.run(scene())
