"""`genexec dead`: the events that could not be delivered, and why."""

import json
from collections.abc import Iterator, Sequence

import click

from service.api.records import outgoing_record
from service.cli.options import as_json_option, open_record, state_dir_option
from service.cli.terminal import moment, shown
from service.runs import Delivery

_COLUMNS = "{:<36} {:<18} {:<20} {:<34} {}"


@click.command("dead")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@state_dir_option
@as_json_option
def command(limit: int, state_dir: str | None, as_json: bool) -> None:
    """List the events that were given up, newest first.

    The sink refused them, or did not take them in time (GENEXEC_SINK_GIVE_UP), or there was
    none. They are kept until they are as old as GENEXEC_KEEP_RUNS. To deliver them after all:
    genexec resend ID
    """
    letters = open_record(state_dir).dead_letters(limit)
    if as_json:
        click.echo(json.dumps([dict(outgoing_record(letter)) for letter in letters], indent=2))
    else:
        for line in _table(letters) if letters else ["no dead letters"]:
            click.echo(line)


def _table(letters: Sequence[Delivery]) -> Iterator[str]:
    yield _COLUMNS.format("ID", "RUN", "CREATED", "TYPE", "WHY").rstrip()
    for letter in letters:
        out = letter.outgoing
        yield shown(
            _COLUMNS.format(out.id, out.run, moment(out.created_at), out.type, letter.last_error)
        ).rstrip()
