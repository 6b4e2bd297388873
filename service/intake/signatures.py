"""Signatures: a secret shared with the sender, and the bytes it was used on.

One shape serves GitHub, Standard Webhooks and what others invented: a header with one or more
signatures, made with HMAC over a text in which the raw body stands. The body is never parsed
before; a text that was parsed and written again has other bytes.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum

from service.intake.asgi import Request

BODY = "body"

_MOST_SIGNATURES = 16
_PLACE = re.compile(r"\{([A-Za-z0-9_-]{1,64})\}")
_SECONDS = re.compile(rb"[0-9]{1,12}")


class Algorithm(StrEnum):
    """The hash in the HMAC."""

    SHA256 = "sha256"
    SHA512 = "sha512"


class Encoding(StrEnum):
    """How a signature is written in its header."""

    HEX = "hex"
    BASE64 = "base64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """How one sender signs, with the secrets that are valid now."""

    header: bytes
    """Lower case, as all names of headers here."""
    algorithm: Algorithm = Algorithm.SHA256
    encoding: Encoding = Encoding.HEX
    prefix: str = ""
    content: str = "{body}"
    """What is signed: `{body}` once, and the names of headers in braces."""
    timestamp: bytes = b""
    """The header with the time of signing, in seconds since 1970; empty where there is none."""
    secrets: tuple[bytes, ...] = field(repr=False)

    def shown(self, request: Request) -> bool:
        """Say whether *request* claims to be signed like this."""
        return any(name == self.header for name, _ in request.headers)

    def holds(self, request: Request, body: bytes, *, now: float, tolerance: float) -> bool:
        """Say whether one of the signatures shown is right, and its time near *now*."""
        if self.timestamp and not _near(request.header(self.timestamp), now, tolerance):
            return False
        candidates = self._candidates(request)
        signed = self._signed(request, body)
        if not candidates or signed is None:
            return False
        holds = False
        for secret in self.secrets:
            expected = hmac.digest(secret, signed, self.algorithm.value)
            for candidate in candidates:
                holds |= hmac.compare_digest(expected, candidate)
        return holds

    def covers(self, name: bytes) -> bool:
        """Say whether the header *name* is part of what is signed."""
        return f"{{{name.decode('latin-1')}}}" in self.content.lower()

    def _candidates(self, request: Request) -> list[bytes]:
        text = " ".join(value.decode("latin-1") for value in request.values(self.header))
        words = text.replace(f",{self.prefix}", f" {self.prefix}").split()
        shown = [word.removeprefix(self.prefix) for word in words if word.startswith(self.prefix)]
        decoded = [self._decoded(word) for word in shown[:_MOST_SIGNATURES]]
        return [candidate for candidate in decoded if candidate]

    def _decoded(self, word: str) -> bytes:
        try:
            if self.encoding is Encoding.HEX:
                return bytes.fromhex(word)
            return base64.b64decode(word, validate=True)
        except (ValueError, binascii.Error):
            return b""

    def _signed(self, request: Request, body: bytes) -> bytes | None:
        """Return the bytes that are signed; None when a header of them is not there once."""
        pieces = []
        for position, piece in enumerate(_PLACE.split(self.content)):
            if position % 2 == 0:
                pieces.append(piece.encode("utf-8"))
            elif piece == BODY:
                pieces.append(body)
            elif value := request.header(piece.lower().encode("ascii")):
                pieces.append(value)
            else:
                return None
        return b"".join(pieces)


def places_in(content: str) -> list[str]:
    """Return what stands in braces. Raises `ValueError` for braces with something else."""
    words = _PLACE.split(content)
    if any(sign in literal for literal in words[::2] for sign in "{}"):
        raise ValueError("has braces that hold no name of a header")
    return words[1::2]


def github(secrets: tuple[bytes, ...]) -> Signature:
    """Return how GitHub signs."""
    return Signature(header=b"x-hub-signature-256", prefix="sha256=", secrets=secrets)


def standard_webhooks(secrets: tuple[bytes, ...]) -> Signature:
    """Return how senders sign that follow standardwebhooks.com, with symmetric keys."""
    return Signature(
        header=b"webhook-signature",
        encoding=Encoding.BASE64,
        prefix="v1,",
        content="{webhook-id}.{webhook-timestamp}.{body}",
        timestamp=b"webhook-timestamp",
        secrets=secrets,
    )


def _near(timestamp: bytes, now: float, tolerance: float) -> bool:
    if not _SECONDS.fullmatch(timestamp):
        return False
    return abs(now - int(timestamp)) <= tolerance
