"""Who may be listened to: refused at start, all at once."""

import pytest

from service.config.reading import read_settings
from service.errors import BadSettings

SENDERS = "- {name: ci, tokens: [token-of-the-tests]}\n"


def problems(**settings):
    with pytest.raises(BadSettings) as error:
        read_settings({f"GENEXEC_{name.upper()}": str(value) for name, value in settings.items()})
    return str(error.value).splitlines()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_authentication(host):
    assert read_settings({"GENEXEC_HOST": host}).senders_file is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_addresses_need_senders_or_an_explicit_word(host, tmp_path):
    senders = tmp_path / "senders.yaml"
    senders.write_text(SENDERS)

    (problem,) = problems(host=host)

    assert problem.startswith(f"GENEXEC_HOST={host} would take events from other machines")
    assert read_settings({"GENEXEC_HOST": host, "GENEXEC_OPEN": "yes"}).host == host
    assert read_settings({"GENEXEC_HOST": host, "GENEXEC_SENDERS_FILE": str(senders)}).host == host


def test_everything_wrong_with_the_senders_is_told_at_start(tmp_path):
    senders = tmp_path / "senders.yaml"
    senders.write_text("- {name: ci}\n- {tokens: [short]}\n")

    said = problems(senders_file=senders, host="0.0.0.0", default_project="a/b")

    assert len(said) == 4
    assert said[0].startswith("GENEXEC_DEFAULT_PROJECT ")
    assert said[1].startswith(f"GENEXEC_SENDERS_FILE {senders}: sender 'ci': has no credentials")


def test_a_senders_file_that_is_not_there_is_refused(tmp_path):
    (problem,) = problems(senders_file=tmp_path / "gone")

    assert problem.startswith("GENEXEC_SENDERS_FILE names a file that is not there")


def test_keys_and_authorities_are_of_no_use_without_a_certificate(tmp_path):
    (tmp_path / "x").write_text("x")

    said = problems(tls_key_file=tmp_path / "x", tls_client_ca_file=tmp_path / "x")

    assert said == [
        "GENEXEC_TLS_KEY_FILE is of no use without GENEXEC_TLS_CERT_FILE",
        "GENEXEC_TLS_CLIENT_CA_FILE is of no use without GENEXEC_TLS_CERT_FILE",
    ]


def test_a_certificate_that_is_none_is_refused(tmp_path):
    (tmp_path / "x").write_text("x")

    (problem,) = problems(tls_cert_file=tmp_path / "x")

    assert problem.startswith(f"GENEXEC_TLS_CERT_FILE {tmp_path / 'x'} cannot be used: ")


def test_what_genexec_send_reads_is_no_unknown_setting():
    settings = read_settings({"GENEXEC_URL": "http://localhost/", "GENEXEC_TOKEN_FILE": "/x"})

    assert settings.tls_cert_file is None


def test_host_names_are_names_and_nothing_else():
    assert read_settings({"GENEXEC_HOST_NAMES": "A.example, b"}).host_names == ("a.example", "b")
    assert problems(host_names="https://a.example")[0].startswith("GENEXEC_HOST_NAMES must be")


def test_the_tolerance_is_five_minutes_by_default():
    assert read_settings({}).signature_tolerance == 300.0
