"""The API as one ASGI application: views in threads, streams beside them."""

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from flask import Flask

from service.api.live import PATH, Live
from service.intake.asgi import Application, Receive, Scope, Send

_THREADS = 8


def behind_the_gate(api: Flask, live: Live) -> Application:
    """Return what serves every request that is no event."""
    wsgi: Any = api  # the two packages describe the same call with other types
    views = cast("Application", WSGIMiddleware(wsgi, workers=_THREADS))

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        streams = scope["method"] == "GET" and PATH.fullmatch(scope["path"])
        await (live if streams else views)(scope, receive, send)

    return application
