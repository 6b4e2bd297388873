"""TLS and mutual TLS with real certificates (row AU-7)."""

import shutil
import socket
import ssl
import subprocess
from http.client import HTTPSConnection

import pytest

from service.errors import BadSettings
from service.intake.tls import Tls, TlsFiles

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


class Authority:
    """A certificate authority in a directory, made with openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "ca.crt"
        subject = ["-subj", f"/CN=authority {folder.name}"]
        usage = ["-addext", "basicConstraints=critical,CA:TRUE"]
        self._openssl("req", "-x509", *self._new("ca"), "-days", "2", *subject, *usage)

    def issue(self, name, *, days=2):
        """Return certificate and key for *name*."""
        self._openssl("req", *self._new(name, ending="csr"), "-subj", f"/CN={name}")
        extension = self.folder / "extension"
        extension.write_text("subjectAltName=IP:127.0.0.1")
        self._openssl(
            "x509", "-req", "-in", self.folder / f"{name}.csr", "-CA", self.certificate,
            "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", str(days),
            "-extfile", extension, "-out", self.folder / f"{name}.crt",
        )  # fmt: skip
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def _new(self, name, *, ending="crt"):
        key = self.folder / f"{name}.key"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        return [*kind, "-keyout", key, "-out", self.folder / f"{name}.{ending}"]

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def make_authority(tmp_path_factory):
    return lambda: Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def authority(make_authority):
    return make_authority()


@pytest.fixture(scope="module")
def encrypted(start_server, authority):
    """A web process that speaks https only."""
    certificate, key = authority.issue("server")
    return start_server(tls={"certificate": str(certificate), "key": str(key)})


@pytest.fixture(scope="module")
def mutual(start_server, authority):
    """A web process that asks clients for a certificate."""
    certificate, key = authority.issue("mutual")
    files = {"certificate": certificate, "key": key, "client_ca": authority.certificate}
    return start_server(tls={name: str(file) for name, file in files.items()})


def trusting(authority, certificate=None):
    context = ssl.create_default_context(cafile=authority.certificate)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def ask(server, context):
    """Return the status of a look at the runs."""
    connection = HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
    try:
        connection.request("GET", "/api/v1/runs")
        return connection.getresponse().status
    finally:
        connection.close()


def test_https_is_spoken_and_the_address_says_so(encrypted, authority):
    assert ask(encrypted, trusting(authority)) == 200
    assert encrypted.address.startswith("https://127.0.0.1:")


def test_http_is_not(encrypted, authority):
    with encrypted.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        answer = connection.recv(100)

    assert not answer.startswith(b"HTTP/")
    assert ask(encrypted, trusting(authority)) == 200


@pytest.mark.parametrize(("version", "reached"), [("-tls1_1", False), ("-tls1_2", True)])
def test_older_versions_than_1_2_are_refused(encrypted, authority, version, reached):
    place = ["-connect", f"127.0.0.1:{encrypted.port}", "-cipher", "ALL:@SECLEVEL=0"]

    said = subprocess.run(
        ["openssl", "s_client", *place, version], input=b"", capture_output=True, check=False
    )

    assert (said.returncode == 0) is reached
    assert ask(encrypted, trusting(authority)) == 200


def test_a_client_with_a_certificate_of_the_authority_is_served(mutual, authority):
    assert ask(mutual, trusting(authority, authority.issue("client"))) == 200


def test_a_client_without_a_certificate_is_refused(mutual, authority):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(mutual, trusting(authority))


def test_a_client_with_an_expired_certificate_is_refused(mutual, authority):
    expired = authority.issue("expired", days=-1)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(mutual, trusting(authority, expired))


def test_a_client_of_another_authority_is_refused_and_the_service_goes_on(
    mutual, authority, make_authority
):
    stranger = make_authority().issue("client")

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(mutual, trusting(authority, stranger))
    assert ask(mutual, trusting(authority, authority.issue("client"))) == 200


def test_refused_handshakes_leave_no_trace_in_the_log(encrypted, mutual):
    assert [record["trace"] for record in encrypted.log() + mutual.log() if record["trace"]] == []


def test_a_handshake_has_the_time_of_a_header(start_server, authority):
    certificate, key = authority.issue("hasty")
    hasty = start_server(tls={"certificate": str(certificate), "key": str(key)}, header_timeout=0.5)

    with hasty.connect() as connection:
        connection.settimeout(5)
        assert connection.recv(100) == b""


def test_a_renewed_certificate_is_served_without_a_restart(
    start_server, authority, make_authority, tmp_path, wait_for
):
    files = {"certificate": tmp_path / "tls.crt", "key": tmp_path / "tls.key"}
    for file, content in zip(files.values(), authority.issue("old"), strict=True):
        shutil.copy(content, file)
    server = start_server(tls={name: str(file) for name, file in files.items()})
    other = make_authority()
    assert ask(server, trusting(authority)) == 200

    for file, content in zip(files.values(), other.issue("new"), strict=True):
        shutil.copy(content, file)

    wait_for(lambda: served_by(server, other))
    files["certificate"].write_text("broken")
    wait_for(lambda: "the old stay in force" in server.log_file.read_text())
    assert ask(server, trusting(other)) == 200


def served_by(server, authority):
    try:
        return ask(server, trusting(authority)) == 200
    except ssl.SSLError:
        return False


def test_files_that_cannot_be_used_are_refused_by_name(authority, make_authority, tmp_path):
    certificate, key = authority.issue("good")
    other_key = make_authority().issue("other")[1]
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "empty").write_text("")

    for wrong in (other_key, locked, tmp_path / "empty", tmp_path / "gone"):
        with pytest.raises(BadSettings, match=f"GENEXEC_TLS_KEY_FILE {wrong} cannot be used"):
            Tls(TlsFiles(certificate=certificate, key=wrong))
    with pytest.raises(BadSettings, match="GENEXEC_TLS_CLIENT_CA_FILE "):
        Tls(TlsFiles(certificate=certificate, key=key, client_ca=tmp_path / "empty"))


def test_the_key_may_stand_in_the_file_of_the_certificate(authority, tmp_path):
    certificate, key = authority.issue("both")
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())

    assert Tls(TlsFiles(certificate=both)).context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_connection_that_breaks_off_in_the_handshake_is_forgotten(encrypted, authority):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", encrypted.port)) as connection:
            connection.sendall(b"\x16\x03\x01")

    assert ask(encrypted, trusting(authority)) == 200
