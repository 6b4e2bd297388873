"""Answers to what never became a request.

`connection` calls this for what gunicorn's parser refuses, and for a connection that is not
served: there is no request that an application could answer.
"""

from collections.abc import Iterable

from service.intake.refusals import Refusals

_REASONS = {
    400: ("Bad Request", "bad-request", "the request is not well-formed HTTP/1.1"),
    408: ("Request Timeout", "request-timeout", "the request header did not arrive in time"),
    414: ("URI Too Long", "uri-too-long", "the request line is too long"),
    426: ("Upgrade Required", "upgrade-required", "this upgrade is not offered"),
    431: (
        "Request Header Fields Too Large",
        "header-too-large",
        "the request header has too many lines, or one that is too long",
    ),
    500: ("Internal Server Error", "internal-error", "see the log"),
    501: ("Not Implemented", "not-implemented", "this transfer coding is not understood"),
    503: ("Service Unavailable", "unavailable", "try again later"),
}


def refused(
    refusals: Refusals, status: int, *, sender: str, lines: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Return a whole answer, counted and logged; *lines* are added to its head."""
    reason, code, sentence = _REASONS.get(status, _REASONS[500])
    refusal = refusals.answer(status, code, sentence, sender=sender)
    head = [b"HTTP/1.1 %d %s" % (status, reason.encode("ascii"))]
    head += [b"%s: %s" % header for header in refusal.headers]
    head += [f"{name}: {value}".encode("latin-1") for name, value in lines]
    head += [b"content-length: %d" % len(refusal.body), b"connection: close", b"", b""]
    return b"\r\n".join(head) + refusal.body
