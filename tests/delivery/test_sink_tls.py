"""Sending over TLS: to a sink whose certificate is trusted, and to none else."""

import asyncio
import os
import shutil
import ssl
import subprocess

import pytest

from service.delivery.sink import HttpSink
from service.errors import SinkUnavailable

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl") and not os.environ.get("CI"), reason="openssl is not installed"
)

ANSWER = b"HTTP/1.1 202 Yes\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test"
    names = "-addext subjectAltName=IP:127.0.0.1 -days 2"
    command = f"openssl {key} {names} -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=20)
    return folder


@pytest.fixture
def send_twice(certificate):
    """Send two events to a sink with the certificate; return how many connections it saw."""

    async def story():
        connections = []

        async def serve(reader, writer):
            connections.append(writer)
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.rpartition(b"content-length: ")[2]))
                writer.write(ANSWER)

        async def answer(reader, writer):
            try:
                await serve(reader, writer)
            except asyncio.IncompleteReadError:
                writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        sender = HttpSink(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await sender.start()
        try:
            await sender.send(b"e1|")
            await sender.send(b"e2|")
        finally:
            await sender.close()
            server.close()
        return len(connections)

    return lambda: asyncio.run(story())


def test_events_go_to_a_sink_whose_certificate_is_trusted(send_twice, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))

    assert send_twice() == 1


def test_a_sink_with_a_certificate_of_nobody_is_unavailable(send_twice):
    with pytest.raises(SinkUnavailable, match="certificate verify failed"):
        send_twice()
