"""`.http` scripts: one request in plain text, filled with what the event says.

`parse_http_file` reads the grammar, `fill` puts values where the author put placeholders, in
one pass over the author's text. Called by `engine.request`, which sends the request and
judges where it may go, and by `genexec check`, which shows `problems`. Opens no connection.
"""

from service.http_file.filling import HttpRequest, fill
from service.http_file.grammar import Header, HttpFile, parse_http_file
from service.http_file.placeholders import Placeholder, placeholders, problems

__all__ = [
    "Header",
    "HttpFile",
    "HttpRequest",
    "Placeholder",
    "fill",
    "parse_http_file",
    "placeholders",
    "problems",
]
