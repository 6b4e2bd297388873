"""One sender of the senders file: its keys become credentials and permissions.

`senders_file` calls this for each item of its list. What is wrong is noted by `Fields`; an
entry with a note is never used, so that a value that could not be read needs no better one.
"""

import base64
import binascii
import ipaddress
import re
from hashlib import sha256

from service.intake.fields import SHORTEST, Fields
from service.intake.roll import Entry, Network
from service.intake.senders import Scope, Sender, project_patterns, type_patterns
from service.intake.signatures import (
    BODY,
    Algorithm,
    Encoding,
    Signature,
    github,
    places_in,
    standard_webhooks,
)

_CREDENTIALS = {
    "tokens": "tokens_file",
    "github_secret": "github_secret_file",
    "gitlab_token": "gitlab_token_file",
    "standard_webhooks_secret": "standard_webhooks_secret_file",
}
"""Where a secret may stand, and the key that names a file of them instead."""
_KEYS = (
    "name", *_CREDENTIALS, *_CREDENTIALS.values(), "addresses", "signature", "types", "projects",
    "scopes",
)  # fmt: skip
_SIGNATURE_KEYS = (
    "header", "algorithm", "encoding", "prefix", "content", "timestamp_header", "secret",
    "secret_file",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_HASHED = "sha256:"


def read_entry(fields: Fields) -> Entry:
    """Return the sender that these keys describe."""
    fields.check_keys(_KEYS)
    secrets = {key: fields.secrets(key, file) for key, file in _CREDENTIALS.items()}
    signatures = []
    if secrets["github_secret"]:
        signatures.append(github(_shared("github_secret", secrets["github_secret"], fields)))
    if secrets["standard_webhooks_secret"]:
        keys = [_webhook_key(secret, fields) for secret in secrets["standard_webhooks_secret"]]
        signatures.append(standard_webhooks(tuple(keys)))
    if "signature" in fields and (inner := fields.inner("signature")):
        signatures.append(_signature(inner))
    proofs = (*_CREDENTIALS, "addresses", *_CREDENTIALS.values(), "signature")
    if not any(key in fields for key in proofs):
        fields.note(f"has no credentials: give {', '.join(_CREDENTIALS)}, addresses or signature")
    sender = _sender(fields)
    if "addresses" in fields and sender.scopes != {Scope.SEND}:
        fields.note("addresses: show too little for other scopes than send")
    return Entry(
        sender=sender,
        networks=_networks(fields),
        tokens=tuple(_digest("tokens", token, fields) for token in secrets["tokens"]),
        gitlab_tokens=tuple(
            _digest("gitlab_token", token, fields) for token in secrets["gitlab_token"]
        ),
        signatures=tuple(signatures),
    )


def _sender(fields: Fields) -> Sender:
    name = fields.text("name")
    if not _NAME.fullmatch(name):
        fields.note("needs a name of letters, digits, '.', '_', '@' and '-'")
    scopes = fields.texts("scopes") or [Scope.SEND]
    known = set(Scope)
    for scope in scopes:
        if scope not in known:
            fields.note(f"scopes: {scope!r} is none of {', '.join(Scope)}")
    try:
        types = type_patterns(fields.texts("types") or ["**"])
    except ValueError as error:
        fields.note(f"types: {error}")
        types = None
    return Sender(
        name=name,
        scopes=frozenset(Scope(scope) for scope in scopes if scope in known),
        types=types,
        projects=project_patterns(fields.texts("projects") or ["*"]),
    )


def _networks(fields: Fields) -> tuple[Network, ...]:
    networks = []
    for text in fields.texts("addresses"):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            fields.note(f"addresses: {text!r} is no address and no network")
    return tuple(networks)


def _signature(fields: Fields) -> Signature:
    fields.check_keys(_SIGNATURE_KEYS)
    timestamp = fields.header("timestamp_header") if "timestamp_header" in fields else ""
    content = fields.text("content", f"{{{timestamp}}}.{{body}}" if timestamp else "{body}")
    try:
        places = [place.lower() for place in places_in(content)]
        if places.count(BODY) != 1:
            fields.note("content: must have {body} once")
        if timestamp and timestamp not in places:
            fields.note(f"content: must have {{{timestamp}}}, too, or anybody could change it")
    except ValueError as error:
        fields.note(f"content: {error}")
    secrets = fields.secrets("secret", "secret_file")
    if "secret" not in fields and "secret_file" not in fields:
        fields.note("needs a secret or a secret_file")
    return Signature(
        header=fields.header("header").encode("utf-8"),
        algorithm=fields.choice("algorithm", Algorithm, Algorithm.SHA256),
        encoding=fields.choice("encoding", Encoding, Encoding.HEX),
        prefix=fields.text("prefix"),
        content=content,
        timestamp=timestamp.encode("utf-8"),
        secrets=_shared("secret", secrets, fields),
    )


def _shared(key: str, secrets: list[str], fields: Fields) -> tuple[bytes, ...]:
    return tuple(secret.encode() for secret in secrets if fields.is_long_enough(key, secret))


def _digest(key: str, token: str, fields: Fields) -> bytes:
    if token.startswith(_HASHED):
        digits = token.removeprefix(_HASHED)
        if _DIGEST.fullmatch(digits):
            return bytes.fromhex(digits)
        fields.note(f"{key}: 'sha256:' is followed by 64 hexadecimal digits")
    elif fields.is_long_enough(key, token) and not _TOKEN.fullmatch(token):
        fields.note(f"{key}: a token has ASCII characters only, and no blanks")
    return sha256(token.encode()).digest()


def _webhook_key(secret: str, fields: Fields) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) < SHORTEST:
        what = f"'whsec_' and at least {SHORTEST} bytes in base64"
        fields.note(f"standard_webhooks_secret: must be {what}")
    return key
