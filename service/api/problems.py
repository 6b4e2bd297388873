"""How the API answers what it cannot do: one shape, one sentence, one id.

`app` installs this. The shape is that of the intake; errors are mapped to a status by the
table in `http_binding`.
"""

import logging
import secrets

from flask import Flask, Response, jsonify
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException

from service.errors import GenexecError
from service.http_binding import code_of, status_of

_RETRY_SECONDS = "5"
_SENTENCES = {
    404: "there is nothing at this address",
    405: "this address is not asked with this method",
    413: "the request body is too large",
}

_log = logging.getLogger(__name__)


def answer_problems(app: Flask) -> None:
    """Let *app* answer every error as JSON, without a trace of its insides."""
    app.register_error_handler(GenexecError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def _known(error: GenexecError) -> Response:
    status = status_of(error)
    if status == 500:
        return _unknown(error)
    return _problem(status, code_of(error), str(error))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = error.name.lower().replace(" ", "-")
    ours = error.description if isinstance(error, BadRequest | Forbidden) else None
    response = _problem(status, code, _SENTENCES.get(status) or ours or error.name)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unknown(error: Exception) -> Response:
    reference = _new_reference()
    _log.error(
        "API request not answered because of an internal error",
        exc_info=error,
        extra={"reference": reference},
    )
    response = jsonify(code="internal-error", reference=reference)
    response.status_code = 500
    return response


def _problem(status: int, code: str, message: str) -> Response:
    reference = _new_reference()
    message = "".join(sign if sign.isprintable() else "?" for sign in message)
    _log.debug("%d: %s", status, message, extra={"code": code, "reference": reference})
    response = jsonify(code=code, message=message, reference=reference)
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def _new_reference() -> str:
    return secrets.token_hex(4)
