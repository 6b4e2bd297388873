"""What may stand in a setting that says where something is.

Each function takes the text and returns the value, or raises `ValueError` with the part of
a sentence that follows the name of the setting.
"""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from service.config.values import words
from service.engine.targets import Targets
from service.errors import BadSettings
from service.sources.address import SCHEMES

_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,252}", re.ASCII)
_HOST = re.compile(rb"[a-z0-9._:%-]+")
"""A name in the form in which it is looked up, or an IP address."""
_TAKEN = re.compile(r"/(?:healthz|readyz|metrics|api/v1(?:/.*)?)\Z")
_TOPIC = re.compile(r"(?:(?:[A-Za-z0-9_-]+|\*)\.)*(?:[A-Za-z0-9_-]+|\*|>)", re.ASCII)


def schemes(value: str) -> tuple[str, ...]:
    """Take schemes of Git addresses separated by commas."""
    named = words(value)
    if not SCHEMES.issuperset(named):
        raise ValueError(f"must be some of {', '.join(sorted(SCHEMES))}, separated by commas")
    return named


def allowed(value: str) -> tuple[str, ...]:
    """Take hosts, host:port or networks separated by commas."""
    entries = words(value)
    try:
        Targets(allow_hosts=entries)
    except BadSettings as error:
        raise ValueError(f"has an entry that cannot be used: {error}") from error
    return entries


def host(value: str) -> str:
    """Take an address to listen on."""
    if value == "localhost":
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError("must be an IP address such as 127.0.0.1 or 0.0.0.0") from error


def host_names(value: str) -> tuple[str, ...]:
    """Take names of hosts separated by commas; return them in lower case."""
    names = tuple(name.lower() for name in words(value))
    if not all(_HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("must be names such as events.example.com, without scheme and port")
    return names


def url_path(value: str) -> str:
    """Take the path events are posted to."""
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]{0,255}", value, re.ASCII):
        raise ValueError("must be a path such as / or /events")
    if _TAKEN.match(value):
        raise ValueError("must be a path where nothing else is, such as / or /events")
    return value


def sink(value: str) -> str:
    """Take the http or https address that answers are posted to."""
    if not value:
        return ""
    parts = web_address(value if "://" in value else f"http://{value}")
    if parts is None:
        raise ValueError("must be an address such as http://localhost:8081/event")
    if parts.username or parts.password:
        raise ValueError("must not have a user or password in it")
    return parts.geturl()


def proxy(value: str) -> str:
    """Take the address of a proxy, or nothing."""
    if value and web_address(value) is None:
        raise ValueError("must be an address such as http://proxy:3128")
    return value


def web_address(value: str) -> SplitResult | None:
    """Return the parts of an http or https address, None when it is none."""
    return _parts(value, ("http", "https"))


def _parts(value: str, schemes: Collection[str]) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and parts.port != 0
        name = (parts.hostname or "").encode("idna")
    except ValueError:  # brackets that do not match, no port there is, no name there can be
        return None
    return parts if usable and _HOST.fullmatch(name) else None


def index(value: str) -> str:
    """Take the http or https address of an index of packages, or nothing."""
    if not value:
        return ""
    parts = web_address(value)
    if parts is None:
        raise ValueError("must be an address such as https://packages.example.com/simple/")
    if parts.username or parts.password:
        raise ValueError(
            "must not have a user or password in it (GENEXEC_PYTHON_INDEX_TOKEN_FILE has them)"
        )
    return value


def http_address(value: str) -> str:
    """Take an http or https address without credentials, or nothing; return it without a slash."""
    if not value:
        return ""
    parts = web_address(value)
    if parts is None or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://keptn.example.org/api")
    if parts.username or parts.password:
        raise ValueError("must not have a user or password in it")
    return parts.geturl().rstrip("/")


def nats_url(value: str) -> str:
    """Take the address of a NATS server."""
    if _parts(value, ("nats", "tls")) is None:
        raise ValueError("must be an address such as nats://keptn-nats or tls://nats:4222")
    return value


def topics(value: str) -> tuple[str, ...]:
    """Take event types separated by commas, `*` for one part, `>` for all that follow."""
    named = words(value)
    if not named or not all(_TOPIC.fullmatch(topic) for topic in named):
        raise ValueError("must be types such as sh.keptn.event.test.triggered or sh.keptn.>")
    return named
