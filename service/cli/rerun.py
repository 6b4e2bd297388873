"""`genexec rerun RUN`: the same event once more."""

import json

import click

from service.cli.asking import Address, ask, myself, service_options
from service.cli.options import as_json_option


@click.command("rerun")
@click.argument("run", metavar="RUN")
@service_options
@as_json_option
def command(run: str, service: Address, as_json: bool) -> None:
    """Have the event of RUN answered once more by a running service.

    RUN is the id of a run, the beginning of one, or `last`. It becomes a new event with a new
    id, and a new run; the id of that is printed. Which scripts run is decided anew.
    """
    new = ask(lambda desk: desk.rerun(run, myself()), service)
    click.echo(json.dumps({"run": new}) if as_json else new)
