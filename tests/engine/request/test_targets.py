"""Where `.http` requests may go (HT-5 to HT-8, promise R13)."""

import asyncio
import socket

import pytest

from service.engine.targets import Targets
from service.errors import BadSettings, BadTarget
from service.outcome import Ending

LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0x7f.1",
    "0x7f.0.0.1",
    "0x7F000001",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "2130706433",
    "2130706434",
    "0",
    "0.0.0.0",
    "0x0",
    "00",
    "0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "metadata.localhost",
]
SPECIAL = {
    "224.0.0.1": "multicast",
    "[ff02::1]": "multicast",
    "169.254.1.1": "link-local",
    "0xa9fe0101": "link-local",
    "[fe80::1]": "link-local",
    "[::ffff:169.254.1.1]": "link-local",
    "255.255.255.255": "reserved",
    "240.0.0.1": "reserved",
    "[2001:0:7f00:1::]": "loopback",
    "[2001:0:c000:201::80ff:fffe]": "loopback",
}
METADATA = [
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "[fd00:0ec2:0:0::0254]",
    "[fd20:ce::254]",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "instance-data",
]
KUBERNETES = [
    "kubernetes",
    "kubernetes.default",
    "Kubernetes.Default.svc",
    "kubernetes.default.svc.",
    "kubernetes.default.svc.cluster.local",
    "10.96.0.1",
    "0x0a600001",
    "[::ffff:10.96.0.1]",
    "[fd00:10:96::1]",
]
SERVICE = ["10.96.0.1", "fd00:10:96:0::1", "api.cluster.example"]


def addresses(host, **rules):
    return [where[0] for _, where in Targets(**rules).addresses(host.strip("[]"), 80)]


@pytest.mark.promise("R13")
@pytest.mark.parametrize("host", LOOPBACK)
def test_no_spelling_of_loopback_is_connected_to(serve, send, host):
    here = serve()
    there = serve(address="::1", port=here.port)

    execution = send(f"GET {here.url(host=host)}", runner={"allow_hosts": []})

    assert execution.ending is Ending.NOT_RUN
    assert "which is not among the allowed hosts" in execution.detail
    assert (here.connections, there.connections) == (0, 0)


@pytest.mark.promise("R13")
@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0", "[::1]", "localhost."])
def test_the_same_spellings_are_connected_to_when_their_addresses_are_allowed(serve, send, host):
    here = serve()
    there = serve(address="::1", port=here.port)
    allowed = ["127.0.0.0/8", "::1", "0.0.0.0"]

    execution = send(f"GET {here.url(host=host)}", runner={"allow_hosts": allowed})

    assert execution.http_status == 200
    assert here.connections + there.connections == 1


@pytest.mark.promise("R13")
@pytest.mark.parametrize(("host", "what"), SPECIAL.items())
def test_special_addresses_are_refused(host, what):
    with pytest.raises(BadTarget, match=what):
        addresses(host)


@pytest.mark.promise("R13")
@pytest.mark.parametrize("host", METADATA)
def test_metadata_services_are_refused_even_when_allowed(host):
    everything = ["0.0.0.0/0", "::/0", host]

    with pytest.raises(BadTarget, match="a metadata service, which no request may reach"):
        addresses(host, allow_hosts=everything)


@pytest.mark.promise("R13")
@pytest.mark.parametrize("host", KUBERNETES)
def test_the_kubernetes_api_is_refused(host):
    with pytest.raises(BadTarget, match="is the Kubernetes API"):
        addresses(host, kubernetes_hosts=SERVICE)


def test_the_kubernetes_api_may_be_allowed():
    assert addresses("10.96.0.1", kubernetes_hosts=SERVICE, allow_hosts=["10.96.0.1:80"]) == [
        "10.96.0.1"
    ]


def test_a_name_of_the_kubernetes_api_may_be_handed_in(monkeypatch):
    answer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [answer])

    with pytest.raises(BadTarget, match=r"api.cluster.example is the Kubernetes API"):
        addresses("API.cluster.example.", kubernetes_hosts=SERVICE)


PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fd12::1]", "[::ffff:10.0.0.1]"]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_reached_unless_switched_off(host):
    assert addresses(host) == [host.strip("[]")]
    with pytest.raises(BadTarget, match="is a private address"):
        addresses(host, deny_private=True)
    assert addresses(host, deny_private=True, allow_hosts=["10.0.0.0/8", "0.0.0.0/0", "fd12::/16"])


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]"])
def test_public_addresses_are_reached(host):
    assert addresses(host, deny_private=True) == [host.strip("[]")]


@pytest.mark.parametrize(
    ("entry", "host", "port", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("127.0.0.1:81", "127.0.0.1", 80, False),
        ("127.0.0.1", "127.0.0.2", 80, False),
        ("127.0.0.0/8", "127.0.0.2", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:81", "::1", 80, False),
        ("::1", "::1", 80, True),
        ("LocalHost", "localhost", 80, True),
        ("localhost:81", "localhost", 80, False),
        ("localhost", "127.0.0.1", 80, False),
        ("127.0.0.1", "::ffff:127.0.0.1", 80, True),
    ],
)
def test_an_allowed_host_is_a_name_an_address_or_a_network_with_or_without_port(
    entry, host, port, reached
):
    targets = Targets(allow_hosts=[entry])

    if reached:
        assert targets.addresses(host, port)
    else:
        with pytest.raises(BadTarget):
            targets.addresses(host, port)


@pytest.mark.parametrize("entry", ["", "http://a/", "a b", "10.0.0.0/99", "*.example"])
def test_an_allowed_host_that_is_none_is_refused(entry):
    with pytest.raises(BadSettings, match="neither a host"):
        Targets(allow_hosts=[entry])


def resolver(*answers):
    """Answer the first question with the first addresses, the second with the next."""
    waiting = list(answers)

    def answer(host, port, **_):
        addresses = waiting.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in addresses]

    return answer


def test_a_name_that_changes_its_address_is_asked_for_once(
    serve, make_runner, make_order, monkeypatch
):
    allowed = serve(address="127.0.0.2")
    denied = serve(address="127.0.0.1", port=allowed.port)
    runner = make_runner(allow_hosts=["127.0.0.2"])
    order = make_order(f"GET {allowed.url(host='rebinding.example')}")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.2"], ["127.0.0.1"]))

    execution = asyncio.run(runner.run(order))

    assert execution.http_status == 200
    assert (allowed.connections, denied.connections) == (1, 0)


@pytest.mark.promise("R13")
def test_one_denied_address_of_a_name_is_enough(serve, make_runner, make_order, monkeypatch):
    allowed = serve(address="127.0.0.2")
    denied = serve(address="127.0.0.1", port=allowed.port)
    runner = make_runner(allow_hosts=["127.0.0.2"])
    order = make_order(f"GET {allowed.url(host='mixed.example')}")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.2", "127.0.0.1"]))

    execution = asyncio.run(runner.run(order))

    assert execution.detail == (
        "mixed.example is a loopback address, which is not among the allowed hosts"
    )
    assert (allowed.connections, denied.connections) == (0, 0)


def test_the_next_address_is_tried_when_one_refuses(serve, make_runner, make_order, monkeypatch):
    target = serve(address="127.0.0.2")
    runner = make_runner(allow_hosts=["127.0.0.0/8"])
    order = make_order(f"GET {target.url(host='two.example')}")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.3", "127.0.0.2"]))

    execution = asyncio.run(runner.run(order))

    assert (execution.http_status, target.connections) == (200, 1)
