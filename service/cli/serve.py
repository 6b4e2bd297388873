"""`genexec serve`: check the settings, then become the supervisor."""

import os

import click

from service.cli.options import scripts_options, settings_with
from service.config.rows import ROWS
from service.errors import BadSettings
from service.logs import set_up
from service.supervisor import Supervisor
from service.wiring.own_process import keep_memory_private


@click.command("serve")
@scripts_options
@click.option("--sink", metavar="URL", help="Where answers are posted. [GENEXEC_SINK]")
@click.option(
    "--port", metavar="PORT", help="Port to listen on; 0 takes a free one. [GENEXEC_PORT]"
)
@click.option("--state-dir", metavar="DIR", help="Where the journal is kept. [GENEXEC_STATE_DIR]")
def command(**given: str | None) -> None:
    """Receive events and run the scripts that bear their names.

    Listens on 127.0.0.1:8080 unless told otherwise, answers 202 when an event is on disk,
    and goes on after a restart where it was. Stop it with SIGTERM: what runs gets
    GENEXEC_SHUTDOWN_GRACE to end.

    \b
    Examples:
      genexec serve --scripts scripts_examples
      GENEXEC_SCRIPTS=https://git.example.com/scripts.git GENEXEC_SINK=http://broker/ genexec serve
    """  # noqa: D301  # click reads the escape
    more = {key: value for key, value in given.items() if value is not None}
    scripts, layout = more.pop("scripts", None), more.pop("layout", None)
    settings = settings_with(scripts, layout, **more)
    if not settings.scripts:
        raise BadSettings(
            "GENEXEC_SCRIPTS is not set: name a directory of scripts or the address of a "
            "Git repository (or give --scripts DIR|GITURL)"
        )
    overrides = {key: value for key, value in given.items() if value is not None}
    if scripts is not None:
        overrides["git_schemes"] = ",".join(settings.git_schemes)
    environment = os.environ | {ROWS[key].variable: value for key, value in overrides.items()}
    keep_memory_private()
    set_up(as_json=settings.log_format == "json", level=settings.log_level)
    raise SystemExit(Supervisor(settings, environment).run())
