"""The command `genexec`: serve, and everything done by hand.

Each command is a module of its own; `COMMANDS` is the list. They are loaded when called, so
that `genexec --help` is quick and `genexec serve` stays small.
"""

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from service import __version__
from service.errors import BadSettings, GenexecError, TryAgainLater

COMMANDS: Mapping[str, str] = {
    "serve": "Receive events and run the scripts that bear their names.",
    "run": "Run one event once, here and now, without a server.",
    "explain": "Show which scripts an event would run, and why those.",
    "check": "Look for mistakes in a repository of scripts.",
    "migrate": "Tell what becomes of a repository made for a predecessor.",
    "send": "Post an event to a running service.",
    "runs": "List what was run.",
    "show": "Show everything about one run.",
    "rerun": "Have the event of a run answered once more.",
    "cancel": "End a run of a running service.",
    "dead": "List the events that could not be delivered.",
    "resend": "Deliver such events after all.",
    "repair": "Look for damage in the journal, salvage what can be read.",
    "settings": "Show the settings in force and where each comes from.",
}
_INTERNAL = ("engine", "web")

EXIT_CODES = """\b
Exit codes:
  0   done; for run: every script passed
  1   a script did not pass, or check found a mistake, or migrate found work
  2   the command line is wrong
  65  the event or file is not what it should be      (EX_DATAERR)
  69  something needed is not there or not reachable  (EX_UNAVAILABLE)
  70  a fault of genexec itself                       (EX_SOFTWARE)
  75  try again later                                 (EX_TEMPFAIL)
  78  a setting is wrong                              (EX_CONFIG)
"""


class LoadedWhenCalled(click.Group):
    """Finds each command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name not in _INTERNAL:
            return None
        command: click.Command = import_module(f"service.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise click.UsageError(error.message + hint, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LoadedWhenCalled,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="genexec")
def genexec() -> None:
    """Answer an event by running the script that bears its name.

    Settings come from GENEXEC_… variables and the YAML file that GENEXEC_CONFIG names; see
    `genexec settings`. Start with: genexec explain EVENT.json --scripts DIRECTORY
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors become one line and an exit code."""
    try:
        code: Any = genexec.main(args=arguments, prog_name="genexec", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort as error:
        click.echo(f"genexec: broken off: {error.__context__!r}", err=True)
        code = 130
    except GenexecError as error:
        for line in str(error).splitlines():
            click.echo(f"genexec: {line}", err=True)
        code = exit_code(error)
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code or 0)


def exit_code(error: GenexecError) -> int:
    """Return the exit code of an error, as sysexits.h has them."""
    if isinstance(error, BadSettings):
        return 78
    return 75 if isinstance(error, TryAgainLater) else 65
