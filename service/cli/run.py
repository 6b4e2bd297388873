"""`genexec run`: one event, once, in the foreground, without a server."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator

import click

from service.api.records import detail_record
from service.cli.event_file import HELP, read_one
from service.cli.options import as_json_option, scripts_options, settings_with
from service.cli.show import about_lines, attempt_lines
from service.cli.terminal import shown
from service.logs import set_up
from service.outcome import readable
from service.states import State
from service.strict_json import parse
from service.wiring.foreground import Done, run_once

_CODES = {State.PASSED: 0, State.WARNED: 0, State.IGNORED: 0, State.UNRESOLVED: 75}


@click.command("run", epilog=HELP)
@click.argument("event", metavar="EVENT")
@scripts_options
@as_json_option
def command(event: str, scripts: str | None, layout: str | None, as_json: bool) -> None:
    """Run the scripts of EVENT once, here and now, without a server.

    Prints how it went and the events that would be sent; sends nothing. The scripts run
    with the same variables, limits and rules as in the service.

    \b
    Example:
      genexec run test-events/b.test.triggered.http --scripts scripts_examples

    Exit codes: 0 when every script passed or none answers the event, 1 when one did not
    pass, 75 when the scripts could not be looked up.
    """  # noqa: D301  # click reads the escape
    settings = settings_with(scripts, layout)
    set_up(as_json=False, level="warning")
    asked = read_one(event, settings.accept)
    done = asyncio.run(run_once(asked, settings, os.environ))
    if as_json:
        click.echo(json.dumps(_as_json(done), indent=2))
    else:
        for line in _as_text(done):
            click.echo(shown(line))
    sys.exit(_CODES.get(done.detail.run.state, 1))


def _as_json(done: Done) -> dict[str, object]:
    return {
        **detail_record(done.detail),
        "outputs": [readable(output) for output in done.outputs.values()],
        "would_send": [parse(outgoing.body) for outgoing in done.outgoing],
    }


def _as_text(done: Done) -> Iterator[str]:
    yield from about_lines(done.detail)
    for attempt in done.detail.attempts:
        output = done.outputs[attempt.position, attempt.number]
        yield from attempt_lines(attempt, readable(output))
    if not done.outgoing:
        yield ""
        yield "would send nothing"
    for outgoing in done.outgoing:
        yield ""
        yield f"would send {outgoing.type}"
        yield from json.dumps(parse(outgoing.body), indent=2, ensure_ascii=False).splitlines()
