"""Options of commands that ask a running service; how they ask it."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from service.desk import Asker
from service.errors import BadSettings, EngineUnavailable
from service.remote.desk import RemoteDesk

_Command = TypeVar("_Command", bound=Callable[..., Any])
_T = TypeVar("_T")


def service_options(function: _Command) -> _Command:
    """Add --url, --token-file, --ca-file."""
    function = click.option(
        "--ca-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Authorities to trust instead of the usual ones.",
    )(function)
    function = click.option(
        "--token-file",
        metavar="FILE",
        envvar="GENEXEC_TOKEN_FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the token that says who asks. [GENEXEC_TOKEN_FILE]",
    )(function)
    return click.option(
        "--url",
        metavar="URL",
        envvar="GENEXEC_URL",
        default="http://127.0.0.1:8080/",
        show_default=True,
        help="Where the service listens; of a path only the host counts. [GENEXEC_URL]",
    )(function)


def ask(
    question: Callable[[RemoteDesk], Awaitable[_T]],
    *,
    url: str,
    token_file: Path | None,
    ca_file: Path | None,
) -> _T:
    """Return the answer of the service; ends the command with 69 when it cannot be reached."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.UsageError(f"--url {url!r} is no address of a service")
    desk = RemoteDesk(
        f"{parts.scheme}://{parts.netloc}", token_file=token_file or "", ca_file=ca_file or ""
    )

    async def asked() -> _T:
        return await question(desk)

    try:
        with closing(desk):
            return asyncio.run(asked())
    except EngineUnavailable as error:
        click.echo(f"genexec: {error}", err=True)
        raise click.exceptions.Exit(69) from error
    except BadSettings as error:
        raise click.UsageError(str(error)) from error


def myself() -> Asker:
    """Return who calls the command, as far as the system knows."""
    try:
        return Asker(name=getpass.getuser())
    except (OSError, KeyError):  # a container whose user has no name
        return Asker(name="")
