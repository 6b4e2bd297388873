"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from service.config.reading import read_settings
from service.config.settings import Settings
from service.journal.origins import Origins
from service.journal.reading import Reader

_Command = TypeVar("_Command", bound=Callable[..., Any])


def as_json_option(function: _Command) -> _Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")(
        function
    )


def scripts_options(function: _Command) -> _Command:
    """Add --scripts and --layout."""
    function = click.option(
        "--layout",
        metavar="LAYOUT",
        help="branches, directories or folders. [GENEXEC_LAYOUT]",
    )(function)
    return click.option(
        "--scripts",
        metavar="DIR|GITURL",
        help="Where the scripts are: a directory, a Git address, or keptn+http(s)://… "
        "[GENEXEC_SCRIPTS]",
    )(function)


def settings_with(scripts: str | None, layout: str | None, **more: str) -> Settings:
    """Return the settings, with what the command line says about the scripts.

    An address typed here was typed by the operator: a local repository (`file://…`) and
    plain http are allowed without a further setting.
    """
    overrides = dict(more)
    if scripts is not None:
        overrides["scripts"] = scripts
        overrides["git_schemes"] = "https,ssh,http,git,file"
    if layout is not None:
        overrides["layout"] = layout
    return read_settings(os.environ, **overrides)


def state_dir_option(function: _Command) -> _Command:
    """Add --state-dir."""
    return click.option(
        "--state-dir",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="Where the record is. [GENEXEC_STATE_DIR]",
    )(function)


def open_record(state_dir: str | None) -> Reader:
    """Return a view of the record. Raises `JournalUnreadable` or `UnknownRun`."""
    return Reader(_state_dir(state_dir))


def open_origins(state_dir: str | None) -> Origins:
    """Return the other view of the record."""
    return Origins(_state_dir(state_dir))


def _state_dir(given: str | None) -> Path:
    overrides = {"state_dir": given} if given is not None else {}
    return read_settings(os.environ, **overrides).state_dir
