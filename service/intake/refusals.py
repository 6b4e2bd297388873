"""How a request is refused: one shape, one log record, one reference.

`gate`, `http` and `worker` answer through this, so that what the event reader, the limits, the
guard and the HTTP parser refuse looks alike: a code for programs, a sentence, and a reference
under which the log tells more. A flood of refusals is counted in the log and not written out.
"""

import asyncio
import json
import logging
import secrets
from dataclasses import dataclass

from service.errors import GenexecError
from service.http_binding import code_of, status_of
from service.intake.asgi import Response
from service.intake.tally import Tally

JSON_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
CLOSE = (b"connection", b"close")

_RETRY_AFTER = {429: b"2", 503: b"5"}
_RECORDS_PER_SECOND = 10
_LONGEST = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """Why a request is not served, before anybody answers it."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusals:
    """Makes the answers of one door; used from its event loop only."""

    def __init__(self, tally: Tally) -> None:
        """What is refused is counted by *tally*."""
        self._tally = tally
        self._counted = 0

    def answer(
        self,
        status: int,
        code: str,
        message: str,
        *,
        sender: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Response:
        """Refuse a request for a reason its sender may read."""
        self._tally.refused(status, code)
        reference = _new_reference()
        message = _printable(message)
        self._record(status, code, message, reference=reference, sender=sender)
        if status in _RETRY_AFTER and not any(name == b"retry-after" for name, _ in headers):
            headers = (*headers, (b"retry-after", _RETRY_AFTER[status]))
        return Response(
            status=status,
            headers=(*JSON_HEADERS, *headers),
            body=_body(code=code, message=message, reference=reference),
        )

    def deny(
        self,
        denial: Denial,
        *,
        sender: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Response:
        """Refuse a request for the reason that *denial* gives."""
        headers = (*denial.headers, *headers)
        return self.answer(
            denial.status, denial.code, denial.message, sender=sender, headers=headers
        )

    def refuse(
        self,
        error: GenexecError,
        *,
        sender: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Response:
        """Answer an *error* as the table in `http_binding` says."""
        status = status_of(error)
        if status == 500:
            return self.failure(error, sender=sender)
        return self.answer(status, code_of(error), str(error), sender=sender, headers=headers)

    def failure(self, error: Exception, *, sender: str) -> Response:
        """Answer 500 for an *error* of ours; the log gets all of it, the sender the reference."""
        self._tally.refused(500, "internal-error")
        reference = _new_reference()
        _log.error(
            "request not answered because of an internal error",
            exc_info=error,
            extra={"reference": reference, "sender": sender},
        )
        body = _body(code="internal-error", reference=reference)
        return Response(status=500, headers=JSON_HEADERS, body=body)

    def _record(self, status: int, code: str, message: str, *, reference: str, sender: str) -> None:
        if not self._counted:
            asyncio.get_running_loop().call_later(1.0, self._sum_up)
        self._counted += 1
        if self._counted <= _RECORDS_PER_SECOND:
            _log.info(
                "request refused with %d: %s",
                status,
                message,
                extra={"code": code, "reference": reference, "sender": sender},
            )

    def _sum_up(self) -> None:
        unwritten = self._counted - _RECORDS_PER_SECOND
        self._counted = 0
        if unwritten > 0:
            _log.info("%d more requests were refused within a second", unwritten)


def _body(**fields: str) -> bytes:
    return json.dumps(fields).encode("ascii") + b"\n"


def _new_reference() -> str:
    return secrets.token_hex(4)


def _printable(message: str) -> str:
    """Show control characters, and those that change the direction of text, as `?`."""
    return "".join(sign if sign.isprintable() else "?" for sign in message[:_LONGEST])
