"""`genexec settings`: what is in force, where it comes from, what it means."""

import json
import os

import click

from service.config.reading import gather, read_settings
from service.config.rows import ROWS
from service.errors import BadSettings


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", is_flag=True, help="Print the table that stands in the README.")
def command(as_json: bool, markdown: bool) -> None:
    """Show the settings in force and where each comes from.

    Every setting is an environment variable, or a key of the YAML file that GENEXEC_CONFIG
    names: GENEXEC_GIT_INTERVAL=10s is `git_interval: 10s` there. Wrong ones are named, all
    at once, with exit code 78.
    """
    if markdown:
        click.echo(markdown_table(), nl=False)
        return
    given, _ = gather(os.environ)
    wrong = None
    try:
        read_settings(os.environ)
    except BadSettings as error:
        wrong = error
    if as_json:
        entries = {
            key: {"variable": one.row.variable, "value": one.text, "origin": one.origin}
            for key, one in given.items()
        }
        problems = str(wrong).splitlines() if wrong else []
        click.echo(json.dumps({"settings": entries, "problems": problems}, indent=2))
    else:
        width = max(len(row.variable) for row in ROWS.values())
        for one in given.values():
            origin = "" if one.origin == "default" else f"   [{one.origin}]"
            click.echo(f"{one.row.variable:{width}}  {one.text or '-'}{origin}")
    if wrong is not None:
        raise click.exceptions.Exit(78) if as_json else wrong


def markdown_table() -> str:
    """Return the settings as a Markdown table."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for row in ROWS.values():
        also = f" (also `{'`, `'.join(row.also)}`)" if row.also else ""
        default = f"`{row.default}`".replace("|", "\\|") if row.default else ""
        lines.append(f"| `{row.variable}`{also} | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"
