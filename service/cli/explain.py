"""`genexec explain`: which scripts an event would run, and why those."""

import asyncio
import json
import os
from collections.abc import Mapping

import click

from service.cli.asking import Address, ask, elsewhere_options
from service.cli.event_file import HELP, read_one
from service.cli.options import as_json_option, scripts_options, settings_with
from service.cli.terminal import shown
from service.config.settings import Settings
from service.event import Event
from service.explanation import as_dict, as_lines, variable_dicts, variable_lines
from service.keptn_events import belonging_of
from service.masks import Masks
from service.variables import Variables, event_variables
from service.wiring.foreground import explained
from service.wiring.parts import make_rules


@click.command("explain", epilog=HELP)
@click.argument("event", metavar="EVENT")
@scripts_options
@elsewhere_options("scripts", "layout")
@click.option("--variables", is_flag=True, help="Add every variable, its origin; secrets masked.")
@as_json_option
def command(
    *,
    event: str,
    scripts: str | None,
    layout: str | None,
    service: Address | None,
    variables: bool,
    as_json: bool,
) -> None:
    """Show which scripts EVENT would run, and why those.

    Every name that may answer the event is looked up on every level, in the order in which
    it counts: what is found, absent, shadowed, at which commit. Nothing is run. It is the
    very decision the service makes; with --url a running service tells what it would do.

    \b
    Examples:
      genexec explain test-events/b.test.triggered.http --scripts scripts_examples
      genexec explain event.json --scripts https://git.example.com/scripts.git --variables
      genexec explain event.json --url http://127.0.0.1:8080/
    """  # noqa: D301  # click reads the escape
    if service and variables:
        raise click.UsageError("--variables are known where scripts run; leave --url out")
    settings = settings_with(scripts, layout)
    asked = read_one(event, settings.accept)
    if service:
        answer = ask(lambda desk: desk.explain_event(asked), service)
    else:
        belonging = belonging_of(asked, settings.default)
        answer = as_dict(asked, belonging, asyncio.run(explained(asked, settings)))
    known = _variables(asked, settings) if variables else None
    if as_json:
        click.echo(json.dumps({**answer, **(_variables_record(*known) if known else {})}, indent=2))
    else:
        for line in as_lines(answer):
            click.echo(shown(line))
        for line in ("", "variables", *variable_lines(*known)) if known else ():
            click.echo(line)


def _variables(event: Event, settings: Settings) -> tuple[Variables, Masks]:
    rules = make_rules(settings, os.environ)
    belonging = belonging_of(event, settings.default)
    return event_variables(event, belonging, rules.exposed), rules.masks


def _variables_record(values: Variables, masks: Masks) -> Mapping[str, object]:
    return {"variables": variable_dicts(values, masks), "skipped": list(values.skipped)}
