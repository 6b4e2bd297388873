"""`genexec send`: post an event to a running service."""

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import click
import requests
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from requests.auth import AuthBase

from service.cli.asking import address_parts
from service.cli.event_file import read_file
from service.cli.options import as_json_option
from service.errors import BadEvent
from service.event import Acceptance, text

_TIMEOUT = (5, 35)


@click.command("send")
@click.argument("file", metavar="FILE")
@click.option(
    "--to",
    metavar="URL",
    envvar="GENEXEC_URL",
    default="http://127.0.0.1:8080/",
    show_default=True,
    help="Where the service listens.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    envvar="GENEXEC_TOKEN_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the token that says who sends. [GENEXEC_TOKEN_FILE]",
)
@click.option("--binary", is_flag=True, help="Send a JSON event in binary mode (ce-* headers).")
@click.option("--new-id", is_flag=True, help="Give the event a fresh id, so that it runs again.")
@as_json_option
def command(
    *, file: str, to: str, token_file: Path | None, binary: bool, new_id: bool, as_json: bool
) -> None:
    """Post the event in FILE to a running service and print its answer.

    FILE is a request as in test-events/*.http (its own address is not used), a JSON file
    with one event or an array of events, or - for JSON on standard input.

    \b
    Example:
      genexec send test-events/a.action.triggered.poweroutageaction.http --to http://localhost:8080/
    """  # noqa: D301  # click wants the backspace itself
    address_parts("--to", to)
    headers, body = _message(file, binary=binary, new_id=new_id)
    identity = _Bearer(_token_in(token_file)) if token_file else None
    try:
        answer = requests.post(
            to, data=body, headers=headers, auth=identity, timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        click.echo(f"genexec: {to} cannot be reached: {_cause(error)}", err=True)
        raise click.exceptions.Exit(69) from error
    if as_json:
        click.echo(json.dumps({"status": answer.status_code, "answer": _body(answer)}))
    else:
        click.echo(f"{answer.status_code} {answer.reason}")
        click.echo(answer.text.strip())
    if answer.status_code in (429, 503):
        raise click.exceptions.Exit(75)
    if not 200 <= answer.status_code < 300:
        raise click.exceptions.Exit(65)


class _Bearer(AuthBase):
    """Shows a token; as a header alone it would give way to a password in ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _token_in(file: Path) -> str:
    """Return the token in *file*; what the file holds is never printed."""
    try:
        words = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the token file {file} cannot be read as text") from error
    if len(words) != 1 or not words[0].isprintable():
        raise click.UsageError(f"the token file {file} must hold one token and nothing else")
    return words[0]


def _message(file: str, *, binary: bool, new_id: bool) -> tuple[Mapping[str, str | bytes], bytes]:
    message = read_file(file)
    if not (binary or new_id):
        return {name: value.encode() for name, value in message.headers}, message.body
    documents = [dict(event.document) for event in message.events(Acceptance.LENIENT)]
    if len(documents) != 1:
        raise BadEvent(f"{file} holds {len(documents)} events; --binary and --new-id take one")
    document = documents[0]
    if new_id:
        document["id"] = str(uuid4())
    if not binary:
        return {"content-type": "application/cloudevents+json"}, json.dumps(document).encode()
    if document["specversion"] != "1.0":
        raise BadEvent(f"{file}: binary mode is for CloudEvents 1.0")
    texts = {k: text(v) if isinstance(v, bool) else v for k, v in document.items() if k != "data"}
    try:
        event = JSONFormat().read(None, json.dumps(document | texts))
    except (BaseCloudEventException, ValueError) as error:
        raise BadEvent(f"{file} has no binary form: {error}") from error
    written = to_binary_event(event)
    added = set() if "time" in document else {"ce-time"}  # the package adds the time of now
    return {k: v for k, v in written.headers.items() if k not in added}, written.body


def _cause(error: requests.RequestException) -> str:
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner))


def _body(answer: requests.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return answer.text
