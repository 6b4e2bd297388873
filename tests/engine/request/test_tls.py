"""`.http` scripts over TLS: verification is never switched off (HT-16)."""

import shutil
import ssl
import subprocess

import pytest

from service.outcome import Ending

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture(scope="module")
def make_certificate(tmp_path_factory):
    """Make self-signed certificates; return the file that holds certificate and key."""

    def make(name="IP:127.0.0.1", days=2):
        folder = tmp_path_factory.mktemp("certificate")
        (folder / "names").write_text(f"subjectAltName={name}\n")
        key = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test"
        sign = f"x509 -req -in request.pem -signkey key.pem -days {days} -extfile names"
        for command in (f"{key} -keyout key.pem -out request.pem", f"{sign} -out certificate.pem"):
            subprocess.run(
                ["openssl", *command.split()],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=20,
            )
        both = folder / "both.pem"
        both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
        return both

    return make


@pytest.fixture
def send_tls(serve, send):
    """Send a request to a target with *certificate*, trusting only *trusted*."""

    def run(certificate, *, trusted=None):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        target = serve(tls=tls)
        runner = {"ca_file": str(trusted)} if trusted else {}
        url = target.url().replace("http:", "https:")
        return send(f"POST {url}\n\nx", runner=runner), target

    return run


def test_a_certificate_of_a_trusted_authority_is_taken(send_tls, make_certificate):
    certificate = make_certificate()

    execution, target = send_tls(certificate, trusted=certificate)

    assert (execution.http_status, execution.stdout) == (200, b"ok")
    assert len(target.requests) == 1


def test_a_self_signed_certificate_is_refused(send_tls, make_certificate):
    execution, target = send_tls(make_certificate())

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == "the certificate is not trusted: self-signed certificate"
    assert target.requests == []


def test_an_expired_certificate_is_refused(send_tls, make_certificate):
    certificate = make_certificate(days=-1)

    execution, target = send_tls(certificate, trusted=certificate)

    assert execution.detail == "the certificate is not trusted: certificate has expired"
    assert target.requests == []


def test_a_certificate_of_another_name_is_refused(send_tls, make_certificate):
    certificate = make_certificate(name="DNS:other.example")

    execution, target = send_tls(certificate, trusted=certificate)

    assert execution.detail.startswith("the certificate is not trusted: IP address mismatch")
    assert target.requests == []


def test_a_target_that_does_not_shake_hands_has_a_short_cause(serve, send):
    address = serve().url().replace("http:", "https:")

    execution = send(f"GET {address}", runner={"connect_timeout": 0.2})

    assert (execution.ending, execution.detail) == (Ending.NOT_RUN, "no connection within 0.2 s")
