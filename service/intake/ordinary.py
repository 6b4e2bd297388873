"""A request that is whole and beyond doubt, read in one step.

`worker` asks about what comes between two requests. Nearly every sender writes header and body
at once, in a form that no two readers understand differently; such a request needs no parser
that remembers where it is. Whatever is not exactly of this form (in pieces, chunked, with a
header twice, with a byte that is not plain ASCII, with more behind it) is gunicorn's to read,
and to refuse.
"""

import re
from collections.abc import Mapping

from service.intake.asgi import Request

Headers = list[tuple[bytes, bytes]]

_LONGEST_HEAD = 8000
_MOST_LINES = 100
_NAME = rb"[A-Za-z0-9-]+"
_VALUE = rb"[!-~](?:[ -~]*[!-~])?"
_FIELD = re.compile(rb"(%b): ?(%b)\r\n" % (_NAME, _VALUE))
_FIELDS = re.compile(rb"(?:%b: ?%b\r\n)++" % (_NAME, _VALUE))
_NOT_ORDINARY = frozenset(
    (b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer", b"proxy-connection")
)


def ordinary(data: bytes, paths: Mapping[bytes, str]) -> tuple[str, Headers, bytes] | None:
    """Return path, headers (names in lower case) and body when *data* is one ordinary request.

    *paths* are the request lines that are looked for and the path in each. None for anything
    else, which says nothing about whether it is good.
    """
    line = data.find(b"\r\n")
    path = paths.get(data[:line])
    end = data.find(b"\r\n\r\n", line, line + _LONGEST_HEAD)
    if path is None or end < 0:
        return None
    head = data[line + 2 : end + 2]
    if _FIELDS.fullmatch(head) is None:
        return None
    headers = [(name.lower(), value) for name, value in _FIELD.findall(head)]
    fields = dict(headers)
    if (
        len(fields) != len(headers)
        or len(fields) > _MOST_LINES
        or b"host" not in fields
        or fields.get(b"content-length") != b"%d" % (len(data) - end - 4)
        or fields.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or not _NOT_ORDINARY.isdisjoint(fields)
    ):
        return None
    return path, headers, data[end + 4 :]


class OrdinaryRequests:
    """Reads those of one connection; a head that comes again is not read again."""

    def __init__(self, paths: Mapping[bytes, str], *, peer: str) -> None:
        """*paths* as for `ordinary`; *peer* is the address of the other side."""
        self._paths = paths
        self._peer = peer
        self._head = b""
        self._size = 0
        self._request: Request | None = None

    def read(self, data: bytes) -> tuple[Request, bytes] | None:
        """Return request and body when *data* is one ordinary request, else None."""
        if self._request and len(data) == self._size and data.startswith(self._head):
            return self._request, data[len(self._head) :]
        found = ordinary(data, self._paths)
        if found is None:
            return None
        path, headers, body = found
        self._request = Request(method="POST", path=path, headers=headers, peer=self._peer)
        self._size = len(data)
        self._head = data[: self._size - len(body)]
        return self._request, body
