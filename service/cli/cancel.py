"""`genexec cancel RUN`: end a run of a running service."""

import json

import click

from service.cli.asking import Address, ask, myself, service_options
from service.cli.options import as_json_option


@click.command("cancel")
@click.argument("run", metavar="RUN")
@service_options
@as_json_option
def command(run: str, service: Address, as_json: bool) -> None:
    """End RUN, which a running service has accepted and not finished.

    RUN is the id of a run, the beginning of one, or `last`. A script that runs gets
    GENEXEC_GRACE to end; a run that waits is ended at once. Whoever waits for its answer is
    told. Exit code 1 when the run was over already.
    """
    cancelled = ask(lambda desk: desk.cancel(run, myself()), service)
    if as_json:
        click.echo(json.dumps({"run": run, "cancelled": cancelled}))
    else:
        click.echo(f"{run} is being ended" if cancelled else f"{run} was over already")
    if not cancelled:
        raise click.exceptions.Exit(1)
