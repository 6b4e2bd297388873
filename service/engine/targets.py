"""Where a `.http` request may go: the address decides, not its spelling.

`Targets.addresses` resolves a name once and judges every address it gets; `request`
connects to exactly these. Texts are not judged by their looks: `0x7f.1` and `2130706433`
are loopback to the resolver and odd words to everybody else.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from service.errors import BadSettings, BadTarget

_NAME = re.compile(r"[a-z0-9._-]+", re.ASCII)
_METADATA_NAMES = {"metadata", "metadata.goog", "metadata.google.internal"}
_METADATA_NAMES |= {"instance-data", "instance-data.ec2.internal"}
_METADATA = {
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # nearly everybody
        "169.254.170.2",  # credentials of Amazon's containers
        "169.254.170.23",  # credentials of Amazon's pods
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "fd00:ec2::254",  # Amazon
        "fd00:ec2::23",  # Amazon's pods
        "fd20:ce::254",  # Google
    )
}
_SPECIAL = [
    (ipaddress.ip_network(text), what)
    for text, what in (
        ("0.0.0.0/8", "an unspecified address"),
        ("::/128", "an unspecified address"),
        ("127.0.0.0/8", "a loopback address"),
        ("::1/128", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("fe80::/10", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
]
_CARRIERS = [
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated, RFC 2765
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 of a site
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("2002::/16"), 80),  # 6to4
]
"""IPv6 networks with an IPv4 address inside, and how many bits stand right of it."""


Address = tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]
"""What a socket is made for and what it connects to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A name or a network, on one port or on all."""

    name: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def covers(self, address: IPv4Address | IPv6Address, name: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        return address in self.network if self.network else name == self.name


class Targets:
    """Says which addresses may be connected to."""

    def __init__(
        self,
        *,
        allow_hosts: Sequence[str] = (),
        deny_private: bool = False,
        kubernetes_hosts: Sequence[str] = (),
    ) -> None:
        """Take as *allow_hosts* networks, and names or addresses that may have a `:port`.

        *kubernetes_hosts* are further names and addresses of the Kubernetes API. Raises
        `BadSettings` for an entry that is neither name, address nor network.
        """
        self._allowed = [_entry(entry) for entry in allow_hosts]
        self._deny_private = deny_private
        self._kubernetes = [_entry(host) for host in kubernetes_hosts]

    def addresses(self, host: str, port: int) -> list[Address]:
        """Return what *host* resolves to, in the order to try, each found to be allowed.

        Raises `BadTarget` when the name or one of its addresses is not, and `OSError` when
        the name cannot be resolved.
        """
        name = host.rstrip(".").lower()
        if name in _METADATA_NAMES:
            raise BadTarget(f"{name} is a metadata service, which no request may reach")
        what = _known_name(name)
        if what and not any(entry.name == name for entry in self._allowed):
            raise BadTarget(f"{name} is {what}, which is not among the allowed hosts")
        found: list[Address] = []
        for family, where in _resolved("localhost" if name == "localhost" else host, port):
            for address in _judged(ipaddress.ip_address(str(where[0]).partition("%")[0])):
                self._judge(address, name, port)
            found.append((family, where))
        return found

    def _judge(self, address: IPv4Address | IPv6Address, name: str, port: int) -> None:
        if address in _METADATA:
            raise BadTarget(f"{name} is a metadata service, which no request may reach")
        what = self._special(address, name, port)
        if what and not any(entry.covers(address, name, port) for entry in self._allowed):
            raise BadTarget(f"{name} is {what}, which is not among the allowed hosts")

    def _special(self, address: IPv4Address | IPv6Address, name: str, port: int) -> str:
        if any(entry.covers(address, name, port) for entry in self._kubernetes):
            return "the Kubernetes API"
        what = next((what for network, what in _SPECIAL if address in network), "")
        if not what and self._deny_private and not address.is_global:
            return "a private address"
        return what


def _resolved(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # an empty label, or one of more than 63 characters
        raise BadTarget("the host is not a name that can be looked up") from error
    return [(family, where) for family, _, _, _, where in answers]


def _known_name(name: str) -> str:
    """Say what a name stands for that no name server needs to be asked about."""
    if name in {"kubernetes", "kubernetes.default"}:
        return "the Kubernetes API"
    if f"{name}.".startswith("kubernetes.default.svc."):
        return "the Kubernetes API"
    return "a loopback address" if name.endswith(".localhost") else ""


def _judged(address: IPv4Address | IPv6Address) -> Sequence[IPv4Address | IPv6Address]:
    """Return the IPv4 addresses that *address* carries, else the address itself."""
    if isinstance(address, IPv4Address) or int(address) == 1:
        return (address,)
    if address.teredo:
        return address.teredo
    for network, right in _CARRIERS:
        if address in network:
            return (IPv4Address(int(address) >> right & 0xFFFFFFFF),)
    return (address,)


def _entry(entry: str) -> _Entry:
    text = entry.strip().lower()
    network = _network(text)
    if network:
        return _Entry(network=network)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = text, ""
    network = _network(host)
    name = "" if network else host.rstrip(".")
    if not network and not _NAME.fullmatch(name):
        raise BadSettings(f"{entry!r} is neither a host, host:port nor a network")
    return _Entry(name=name, network=network, port=int(port) if port else None)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
