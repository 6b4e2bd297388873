"""`genexec runs`: what was run, newest first."""

import json
from collections.abc import Iterator, Sequence

import click

from service.api.records import summary_record
from service.cli.asking import Address, ask, elsewhere_options
from service.cli.options import as_json_option, open_origins, open_record, state_dir_option
from service.cli.terminal import moment, shown
from service.runs import Summary
from service.states import State
from service.wishes import SOURCE

_NONE = "no such runs here; --state-dir or GENEXEC_STATE_DIR tells where to look"
_COLUMNS = "{:<18} {:<12} {:<20} {:<34} {:<26} {}"


@click.command("runs")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--state", type=click.Choice([str(state) for state in State]))
@click.option("--project", metavar="NAME")
@state_dir_option
@elsewhere_options("state_dir")
@as_json_option
def command(
    *,
    limit: int,
    state: str | None,
    project: str | None,
    state_dir: str | None,
    service: Address | None,
    as_json: bool,
) -> None:
    """List what was run, newest first.

    Reads the record in the state directory; the service need not be running. With --url a
    running service is asked. A run stands for one accepted event: `accepted` waits, `ignored`
    had no script, the others tell how their scripts ended. More about one: genexec show RUN
    """
    wanted = State(state) if state else None
    if service is not None:
        summaries = ask(
            lambda desk: desk.summaries(limit=limit, state=wanted, project=project), service
        )
        none = f"no such runs at {service.url}"
    else:
        runs = open_record(state_dir).runs(limit=limit, state=wanted, project=project)
        summaries, none = open_origins(state_dir).summaries(runs), _NONE
    if as_json:
        click.echo(json.dumps([summary_record(one) for one in summaries], indent=2))
    else:
        for line in _table(summaries) if summaries else [none]:
            click.echo(line)


def _table(summaries: Sequence[Summary]) -> Iterator[str]:
    yield _COLUMNS.format("RUN", "STATE", "ACCEPTED", "TYPE", "WHERE", "WHY").rstrip()
    for summary in summaries:
        run = summary.run
        where = "/".join(filter(None, (run.project, run.stage, run.service)))
        asked = f"asked by {summary.asked_by}" if run.source == SOURCE else ""
        why = "; ".join(filter(None, (run.reason, asked)))
        yield shown(
            _COLUMNS.format(run.id, run.state, moment(run.accepted_at), run.type, where, why)
        ).rstrip()
