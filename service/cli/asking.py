"""Options of commands that ask a running service; how they ask it."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult

import click
from click.core import ParameterSource

from service.config.addresses import web_address
from service.desk import Asker
from service.errors import BadSettings, EngineUnavailable
from service.remote.desk import RemoteDesk

_Command = TypeVar("_Command", bound=Callable[..., Any])
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a running service is, and what shows who asks."""

    url: str
    token_file: Path | None
    ca_file: Path | None


def service_options(function: _Command) -> _Command:
    """Add --url, --token-file, --ca-file; the command gets the `Address` they name, *service*."""
    return _url_option("http://127.0.0.1:8080/")(_identity_options(_gathered(function)))


def elsewhere_options(*here: str) -> Callable[[_Command], _Command]:
    """Add the same to a command that answers here unless an address is given.

    Then *service* is None. *here* names the options that say where to look here: who types one
    does not ask a service. Typing options of both kinds is refused.
    """

    def add(function: _Command) -> _Command:
        return _url_option(None)(_identity_options(_gathered(function, here=here)))

    return add


def _gathered(function: _Command, *, here: Sequence[str] = ()) -> _Command:
    """Hand *function* one `Address` in place of three options."""

    @wraps(function)
    def call(*, url: str, token_file: Path | None, ca_file: Path | None, **others: object) -> None:
        asked = _is_asked(click.get_current_context(), here)
        address = Address(url=url, token_file=token_file, ca_file=ca_file)
        function(service=address if asked else None, **others)

    return call  # type: ignore[return-value]  # click calls it by the names of its options


def _is_asked(context: click.Context, here: Sequence[str]) -> bool:
    typed = [
        name
        for name in (*here, "url", "token_file", "ca_file")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    words = [f"--{name.replace('_', '-')}" for name in typed]
    local = [word for name, word in zip(typed, words, strict=True) if name in here]
    if local and "url" in typed:
        raise click.UsageError(f"--url asks a service, {local[0]} looks here; give one of them")
    asked = context.params["url"] is not None and not local
    if not asked and words != local:
        raise click.UsageError(f"{words[-1]} is for a service; name it with --url")
    return asked


def _url_option(default: str | None) -> Callable[[_Command], _Command]:
    else_ = "" if default else "; without it the answer comes from here"
    return click.option(
        "--url",
        metavar="URL",
        envvar="GENEXEC_URL",
        default=default,
        show_default=True,
        help=f"Where the service listens; of a path only the host counts{else_}. [GENEXEC_URL]",
    )


def _identity_options(function: _Command) -> _Command:
    function = click.option(
        "--ca-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Authorities to trust instead of the usual ones.",
    )(function)
    return click.option(
        "--token-file",
        metavar="FILE",
        envvar="GENEXEC_TOKEN_FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the token that says who asks. [GENEXEC_TOKEN_FILE]",
    )(function)


def ask(question: Callable[[RemoteDesk], Awaitable[_T]], service: Address) -> _T:
    """Return the answer of the service; ends the command with 69 when it cannot be reached."""
    parts = address_parts("--url", service.url)
    desk = RemoteDesk(
        f"{parts.scheme}://{parts.netloc}",
        token_file=service.token_file or "",
        ca_file=service.ca_file or "",
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


def address_parts(option: str, url: str) -> SplitResult:
    """Return the parts of what somebody gave as the address of a service, or refuse it."""
    parts = web_address(url)
    if parts is None:
        example = "http://127.0.0.1:8080/"
        raise click.UsageError(f"{option} {url!r} is no address of a service, such as {example}")
    return parts


def myself() -> Asker:
    """Return who calls the command, as far as the system knows."""
    try:
        return Asker(name=getpass.getuser())
    except (OSError, KeyError):  # a container whose user has no name
        return Asker(name="")
