"""How the resource API of a Keptn is named, and which paths it may be under.

`config` checks the setting with it, `wiring` hands the result to the source. The scheme says
what is spoken behind it: `keptn+http://` or `keptn+https://`. Below the host there may be
the service itself (`/v1`), a distributor or the public API (`/resource-service/v1`, in
older Keptns `/configuration-service/v1`); which one it is, is found out by asking.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from service.errors import SourceMisconfigured

_KEPTN = re.compile(r"keptn[+:]", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_SERVICES = ("resource-service", "configuration-service")
_PORTS = {"http": 80, "https": 443}
_FORM = (
    "write keptn+http://resource-service:8080 inside the cluster, "
    "keptn+https://keptn.example.com/api outside"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptnAddress:
    """The checked address of one Keptn."""

    text: str
    tls: bool
    host: str
    port: int
    bases: tuple[str, ...]
    """Paths under which the resource API may be, the likeliest first."""

    @property
    def place(self) -> str:
        """Return host and port as they stand in a request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"
        )

    def __str__(self) -> str:
        return self.text


def is_keptn_address(address: str) -> bool:
    """Say whether *address* is meant to name a Keptn; it may still be wrong."""
    return _KEPTN.match(address) is not None


def check_keptn_address(address: str) -> KeptnAddress:
    """Return *address* when it names a Keptn.

    Raises `SourceMisconfigured` with the reason and the way out, and without any secret.
    """
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in ("keptn+http", "keptn+https"):
        raise _refused(address, _FORM)
    if "@" in rest:
        raise _refused(
            address,
            "a user or token may not stand in it; put the token into a file and name it in "
            "GENEXEC_KEPTN_TOKEN_FILE",
        )
    parts = _parts(address, f"{scheme.removeprefix('keptn+')}://{rest}")
    return KeptnAddress(
        text=address,
        tls=parts.scheme == "https",
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        bases=_bases(parts.path.rstrip("/")),
    )


def _parts(address: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError as error:
        raise _refused(address, "its host or port cannot be read") from error
    if not usable:
        raise _refused(address, f"its host is not a plain name; {_FORM}")
    if "{" in address:
        raise _refused(address, "{project} has no place in it: Keptn is asked for every project")
    if "?" in address or "#" in address or not _PATH.fullmatch(parts.path):
        raise _refused(address, f"only a plain path may follow the host; {_FORM}")
    return parts


def _bases(path: str) -> tuple[str, ...]:
    if path.endswith("/v1"):
        return (path,)
    if path.endswith(_SERVICES):
        return (f"{path}/v1",)
    below = tuple(f"{path}/{service}/v1" for service in _SERVICES)
    return below if path.endswith("/api") else (f"{path}/v1", *below)


def _refused(address: str, why: str) -> SourceMisconfigured:
    head, at, tail = address.rpartition("@")
    scheme = head.partition("://")[0] + "://" if "://" in head else ""
    shown = re.split("[?#]", f"{scheme}***@{tail}" if at else tail)[0]
    shown = "".join(sign if sign.isprintable() else "?" for sign in shown)[:200]
    return SourceMisconfigured(f"the address of the scripts, {shown}, cannot be used: {why}")
