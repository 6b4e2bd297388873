"""Requests that a page in somebody's browser makes without their knowing.

A page from elsewhere can post here from the browser of whoever looks at it, and a name that is
first the page's and then ours (DNS rebinding) lets it read the answers. Browsers say from
where a request was made and which name they used; programs may say nothing. `gate` asks about
every request that is not open to everybody.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from service.intake.asgi import Request
from service.intake.refusals import Denial
from service.intake.senders import Scope

_INSIDE = (".localhost", ".svc", ".cluster.local")
_FOREIGN = Denial(
    status=403, code="foreign-origin", message="the request was made by a page from elsewhere"
)


class Browsers:
    """Tells pages of ours from foreign ones.

    *names* are host names by which browsers may reach the service, in lower case. With
    *any_name* the others are good as well: where credentials are asked for, a foreign page has
    none to show, whatever name it uses.
    """

    def __init__(self, *, names: Collection[str], any_name: bool) -> None:
        self._names = frozenset(names)
        self._any_name = any_name

    def denial(self, request: Request, scope: Scope) -> Denial | None:
        """Return why a request is not served, None when it may be."""
        host = request.header(b"host").decode("latin-1").lower()
        if scope is Scope.READ:
            if not host or self._is_ours(host):
                return None
            return Denial(
                status=403,
                code="unknown-host",
                message="the service has another name; GENEXEC_HOST_NAMES adds one",
            )
        if request.header(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            return _FOREIGN
        origins = [value.decode("latin-1").lower() for value in request.values(b"origin")]
        if all(self._is_own(origin, host) for origin in origins):
            return None
        return _FOREIGN

    def _is_own(self, origin: str, host: str) -> bool:
        origin = origin.partition("://")[2]
        if not origin:  # "null" is a page without a place
            return False
        return _place(origin) in self._names or (origin == host and self._is_ours(host))

    def _is_ours(self, host: str) -> bool:
        """Say whether a `Host` header names us, and cannot be a stranger's name for us."""
        name = _place(host)
        if self._any_name or name in self._names or _is_address(name):
            return True
        return bool(name) and ("." not in name or name.endswith(_INSIDE))


def _place(host: str) -> str:
    """Return the name in `name:port`, empty when there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
