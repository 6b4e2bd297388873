"""Which requests were made by pages from elsewhere."""

import pytest

from service.intake.asgi import Request
from service.intake.browsers import Browsers
from service.intake.senders import Scope


def denial(scope, *, names=(), any_name=False, **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request(method="POST", path="/", headers=pairs, peer="")
    found = Browsers(names=names, any_name=any_name).denial(request, scope)
    return found.code if found else ""


@pytest.mark.parametrize("scope", [Scope.SEND, Scope.OPERATE])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:8081",
        "https://127.0.0.1",
        "null",
        "",
        "http://",
        "http://127.0.0.1:8080.evil.example",
        "http://127.0.0.1:8080@evil.example",
        "http://[",
    ],
)
def test_a_post_from_a_foreign_origin_is_refused(scope, origin):
    assert denial(scope, host="127.0.0.1:8080", origin=origin) == "foreign-origin"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "genexec"])
def test_a_post_from_a_page_of_our_own_is_served(host):
    assert denial(Scope.OPERATE, host=host, origin=f"http://{host}") == ""


def test_programs_name_no_origin_and_are_served_under_every_name():
    assert denial(Scope.SEND, host="x.example") == ""


def test_a_page_whose_name_was_pointed_at_us_is_refused():
    """DNS rebinding: origin and host agree, but the name is the stranger's."""
    rebound = {"host": "evil.example:8080", "origin": "http://evil.example:8080"}

    assert denial(Scope.OPERATE, **rebound) == "foreign-origin"
    assert denial(Scope.READ, host="evil.example:8080") == "unknown-host"


def test_where_credentials_are_asked_for_every_name_is_good():
    assert denial(Scope.READ, any_name=True, host="events.example.com") == ""
    own = {"host": "events.example.com", "origin": "https://events.example.com"}
    assert denial(Scope.OPERATE, any_name=True, **own) == ""
    foreign = own | {"origin": "https://evil.example"}
    assert denial(Scope.OPERATE, any_name=True, **foreign) == "foreign-origin"


def test_a_configured_name_is_served_also_behind_a_proxy_that_changes_the_host():
    names = {"events.example.com"}

    assert denial(Scope.READ, names=names, host="Events.example.com") == ""
    behind = {"host": "10.0.0.7:8080", "origin": "https://events.example.com"}
    assert denial(Scope.OPERATE, names=names, **behind) == ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost:80", "[::1]:8080", "10.0.0.7", "genexec:8080", "a.keptn.svc",
     "a.keptn.svc.cluster.local:80", "me.localhost", ""],
)  # fmt: skip
def test_names_that_no_stranger_can_own_are_served(host):
    assert denial(Scope.READ, host=host) == ""


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "a.svc.example", "[", ":"]
)
def test_other_names_are_not_served(host):
    assert denial(Scope.READ, host=host) == "unknown-host"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_so_itself_is_believed(site):
    assert denial(Scope.SEND, host="localhost", sec_fetch_site=site) == "foreign-origin"
    assert denial(Scope.SEND, host="localhost", sec_fetch_site="same-origin") == ""
