"""`genexec repair`: look for damage in the journal, salvage what is sound."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from service.cli.options import as_json_option
from service.config.reading import read_settings
from service.errors import JournalUnreadable
from service.journal.care import Salvaged, look, make_sound
from service.journal.inspection import Inspection
from service.journal.lock import lock_state_directory
from service.logs import set_up


@click.command("repair")
@click.option("--salvage", is_flag=True, help="Put new files in place of damaged ones.")
@click.option("--discard", is_flag=True, help="The same, even where nothing can be read.")
@click.option("--state-dir", metavar="DIR", help="Where the journal is kept. [GENEXEC_STATE_DIR]")
@as_json_option
def command(salvage: bool, discard: bool, state_dir: str | None, as_json: bool) -> None:
    """Look for damage in the journal; with --salvage, do something about it.

    The service must be stopped. It looks itself whenever it starts, but not longer than a few
    seconds; this looks at everything. Without an option nothing is changed, and the exit code
    is 1 when there is damage.

    A damaged file is never deleted: it is kept beside the new one, under a name with
    `damaged` and the time in it. Events whose runs cannot be read are not run again.
    """
    overrides = {"state_dir": state_dir} if state_dir is not None else {}
    directory = read_settings(os.environ, **overrides).state_dir
    if not directory.is_dir():
        raise JournalUnreadable(f"there is no journal in {directory}")
    with closing(lock_state_directory(directory)):
        if not salvage and not discard:
            _tell_damage(look(directory), as_json=as_json)
            return
        set_up(as_json=False, level="critical")
        done = make_sound(directory, now=datetime.now(UTC), seconds=float("inf"), discard=discard)
        _tell_salvaged(done, as_json=as_json)


def _tell_damage(found: Mapping[Path, Inspection], *, as_json: bool) -> None:
    if as_json:
        damage = {str(path): list(inspection.damage) for path, inspection in found.items()}
        click.echo(json.dumps({"damage": damage}, indent=2))
    else:
        for path, inspection in found.items():
            click.echo(f"{path}: {'; '.join(inspection.damage) or 'no damage'}")
    if any(inspection.damage for inspection in found.values()):
        if not as_json:
            click.echo("Nothing was changed. To save what can be read: genexec repair --salvage")
        raise click.exceptions.Exit(1)


def _tell_salvaged(done: Sequence[Salvaged], *, as_json: bool) -> None:
    if as_json:
        entries = [
            {
                "file": str(one.file),
                "damage": list(one.damage),
                "kept_as": None if one.kept_as is None else str(one.kept_as),
                "rows": one.rows,
                "lost": one.lost,
            }
            for one in done
        ]
        click.echo(json.dumps({"salvaged": entries}, indent=2))
        return
    for one in done:
        click.echo(f"{one.file}: {'; '.join(one.damage)}")
        click.echo(f"  saved     {_counts(one.rows)}")
        click.echo(f"  damaged   {_counts(one.lost)}")
        click.echo(f"  kept as   {one.kept_as or '-'}")
    if not done:
        click.echo("no damage")


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in rows.items()) or "no rows seen"
