"""How a Keptn is named in `GENEXEC_SCRIPTS`."""

import pytest

from service.errors import SourceMisconfigured
from service.sources.keptn.address import check_keptn_address, is_keptn_address

NEW, OLD = "/resource-service/v1", "/configuration-service/v1"


@pytest.mark.parametrize(
    ("address", "bases"),
    [
        ("keptn+http://resource-service:8080", ("/v1", NEW, OLD)),
        ("keptn+http://localhost:8081/", ("/v1", NEW, OLD)),
        ("keptn+https://keptn.example.com/api", (f"/api{NEW}", f"/api{OLD}")),
        ("keptn+https://example.com/keptn/api/", (f"/keptn/api{NEW}", f"/keptn/api{OLD}")),
        ("keptn+http://h/api/resource-service", (f"/api{NEW}",)),
        ("keptn+http://h/x/v1", ("/x/v1",)),
    ],
)
def test_the_api_may_be_below(address, bases):
    assert check_keptn_address(address).bases == bases


@pytest.mark.parametrize(
    ("address", "tls", "host", "port", "place"),
    [
        ("keptn+http://h", False, "h", 80, "h"),
        ("keptn+http://h:8080", False, "h", 8080, "h:8080"),
        ("keptn+https://h.example/api", True, "h.example", 443, "h.example"),
        ("keptn+https://h:80/api", True, "h", 80, "h:80"),
        ("keptn+http://[::1]:8080", False, "::1", 8080, "[::1]:8080"),
    ],
)
def test_host_and_port_are_read(address, tls, host, port, place):
    read = check_keptn_address(address)

    assert (read.tls, read.host, read.port, read.place) == (tls, host, port, place)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("keptn:http://resource-service:8080", r"write keptn\+http://resource-service:8080"),
        ("keptn://resource-service:8080", r"write keptn\+http://"),
        ("keptn+ftp://h", r"write keptn\+http://"),
        ("KEPTN+HTTP://h", r"write keptn\+http://"),
        ("keptn+http://", "its host is not a plain name"),
        ("keptn+http://-h", "its host is not a plain name"),
        ("keptn+http://h:0", "its host is not a plain name"),
        ("keptn+http://h:99999", "its host or port cannot be read"),
        ("keptn+http://[::1", "its host or port cannot be read"),
        ("keptn+https://h/{project}/api", "Keptn is asked for every project"),
        ("keptn+https://h/api?token=x", "only a plain path"),
        ("keptn+https://h/api#x", "only a plain path"),
        ("keptn+https://h/a/../api", "only a plain path"),
        ("keptn+https://h/a b", "only a plain path"),
        ("keptn+https://h/%2e/api", "only a plain path"),
        ("keptn+https://secret@h/api", "GENEXEC_KEPTN_TOKEN_FILE"),
        ("keptn+https://u:secret@h/api", "GENEXEC_KEPTN_TOKEN_FILE"),
    ],
)
def test_what_names_no_keptn_is_refused_with_the_way_out(address, why):
    with pytest.raises(SourceMisconfigured, match=why) as refused:
        check_keptn_address(address)

    assert "secret" not in str(refused.value)
    assert "token=x" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "is_keptn"),
    [
        ("keptn+http://h", True),
        ("keptn:http://h", True),
        ("Keptn+https://h", True),
        ("keptn", False),
        ("./keptn+x", False),
        ("https://keptn.example.com/x.git", False),
    ],
)
def test_a_keptn_is_told_from_git_and_directories(address, is_keptn):
    assert is_keptn_address(address) is is_keptn
