"""`genexec explain`: which scripts an event would run, and why those."""

import asyncio
import json
import os

import click

from service.cli.event_file import HELP, read_one
from service.cli.options import as_json_option, scripts_options, settings_with
from service.config.settings import Settings
from service.event import Event
from service.explanation import as_dict, as_lines, variable_dicts, variable_lines
from service.keptn_events import belonging_of
from service.variables import event_variables
from service.wiring.foreground import explained
from service.wiring.parts import make_rules


@click.command("explain", epilog=HELP)
@click.argument("event", metavar="EVENT")
@scripts_options
@click.option("--variables", is_flag=True, help="Add every variable, its origin; secrets masked.")
@as_json_option
def command(
    event: str, scripts: str | None, layout: str | None, variables: bool, as_json: bool
) -> None:
    """Show which scripts EVENT would run, and why those.

    Every name that may answer the event is looked up on every level, in the order in which
    it counts: what is found, absent, shadowed, at which commit. Nothing is run. It is the
    very decision the service makes.

    \b
    Examples:
      genexec explain test-events/b.test.triggered.http --scripts scripts_examples
      genexec explain event.json --scripts https://git.example.com/scripts.git --variables
    """  # noqa: D301  # click reads the escape
    settings = settings_with(scripts, layout)
    asked = read_one(event, settings.accept)
    if as_json:
        click.echo(json.dumps(_as_json(asked, settings, variables=variables), indent=2))
    else:
        for line in _as_text(asked, settings, variables=variables):
            click.echo(line)


def _as_json(event: Event, settings: Settings, *, variables: bool) -> dict[str, object]:
    belonging = belonging_of(event, settings.default)
    decision = asyncio.run(explained(event, settings))
    answer: dict[str, object] = as_dict(event, belonging, decision)
    if variables:
        rules = make_rules(settings, os.environ)
        values = event_variables(event, belonging, rules.exposed)
        answer["variables"] = variable_dicts(values, rules.masks)
        answer["skipped"] = list(values.skipped)
    return answer


def _as_text(event: Event, settings: Settings, *, variables: bool) -> list[str]:
    belonging = belonging_of(event, settings.default)
    lines = list(as_lines(event, belonging, asyncio.run(explained(event, settings))))
    if variables:
        rules = make_rules(settings, os.environ)
        values = event_variables(event, belonging, rules.exposed)
        lines += ["", "variables", *variable_lines(values, rules.masks)]
    return lines
