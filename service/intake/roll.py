"""The roll: all senders, and how each of them proves who it is.

`senders_file` makes it, `guard` asks it. A secret is compared with those of every sender, also
after one fits, and in constant time: how long an answer takes tells nothing.
"""

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from service.intake.asgi import Request
from service.intake.senders import ANYBODY, Sender
from service.intake.signatures import Signature

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_AUTHORIZATION = b"authorization"
_GITLAB = b"x-gitlab-token"
_SHOWN = (_AUTHORIZATION, _GITLAB, b"origin")
"""With one of these a request does not count by its address: it shows something else, or is
made by a browser, which stands at this address for whoever wrote the page it shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One sender and its credentials; secrets that are only compared are kept as SHA-256."""

    sender: Sender
    tokens: tuple[bytes, ...] = field(default=(), repr=False)
    gitlab_tokens: tuple[bytes, ...] = field(default=(), repr=False)
    networks: tuple[Network, ...] = ()
    signatures: tuple[Signature, ...] = ()


class Roll:
    """The senders in force; never changed, only replaced."""

    def __init__(self, entries: Sequence[Entry], *, anybody: Sender | None = None) -> None:
        """With *anybody* nobody is asked who they are."""
        self._anybody = anybody
        self._tokens = [(token, entry.sender) for entry in entries for token in entry.tokens]
        self._gitlab = [(token, entry.sender) for entry in entries for token in entry.gitlab_tokens]
        self._networks = [(net, entry.sender) for entry in entries for net in entry.networks]
        self._signatures = [(sign, entry.sender) for entry in entries for sign in entry.signatures]
        self.names = tuple(entry.sender.name for entry in entries)

    def at_sight(self, request: Request) -> Sender | None:
        """Return the sender whose token the request shows, or whose address it comes from."""
        if self._anybody is not None:
            return self._anybody
        bearer = _owner(_bearer(request.header(_AUTHORIZATION)), self._tokens)
        gitlab = _owner(request.header(_GITLAB), self._gitlab) if self._gitlab else None
        return bearer or gitlab or (self._by_address(request) if self._networks else None)

    def signature_shown(self, request: Request) -> bool:
        """Say whether the request has to be read to the end to know who sent it."""
        return any(signature.shown(request) for signature, _ in self._signatures)

    def by_signature(
        self, request: Request, body: bytes, *, now: float, tolerance: float
    ) -> tuple[Sender, Signature] | None:
        """Return the sender who signed the request."""
        found = None
        for signature, sender in self._signatures:
            if signature.shown(request) and signature.holds(
                request, body, now=now, tolerance=tolerance
            ):
                found = found or (sender, signature)
        return found

    def _by_address(self, request: Request) -> Sender | None:
        if any(name in _SHOWN for name, _ in request.headers) or self.signature_shown(request):
            return None
        try:
            address = ipaddress.ip_address(request.peer)
        except ValueError:
            return None
        address = getattr(address, "ipv4_mapped", None) or address
        return next((sender for net, sender in self._networks if address in net), None)


def open_roll() -> Roll:
    """Return the roll of a service that asks nobody who they are."""
    return Roll((), anybody=ANYBODY)


def _bearer(authorization: bytes) -> bytes:
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _owner(shown: bytes, tokens: Sequence[tuple[bytes, Sender]]) -> Sender | None:
    digest = sha256(shown).digest()
    owner = None
    for token, sender in tokens:
        if hmac.compare_digest(token, digest):
            owner = sender
    return owner if shown else None
