"""`genexec check`: mistakes in a repository, found without running it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from service.checking.findings import File, Finding, Weight
from service.checking.whole import check_files
from service.cli.options import as_json_option, settings_with
from service.cli.terminal import shown
from service.config.settings import Settings
from service.errors import BadSettings
from service.scripts import Layout
from service.variables import ALWAYS_SET
from service.wiring.repository_files import repository_files


@click.command("check")
@click.argument("scripts", metavar="[DIR|GITURL]", required=False)
@click.option("--layout", metavar="LAYOUT", help="branches, directories or folders.")
@click.option("--strict", is_flag=True, help="Also fail on warnings.")
@as_json_option
def command(scripts: str | None, layout: str | None, strict: bool, as_json: bool) -> None:
    """Look for mistakes in a repository of scripts. Nothing is run.

    Finds names no event can have, folders that are never searched, misspelt directives,
    `.http` files and Python that cannot be read, and files that keep others from being run.
    Each finding names the file, the line and the way out.

    Exit codes: 0 when every script can be reached and read, 1 otherwise.
    """
    settings = settings_with(scripts, layout)
    if not settings.scripts:
        raise BadSettings("nothing to check: name a directory or a Git address")
    with TemporaryDirectory(prefix="genexec-check-") as folder:
        default_branch, files = repository_files(settings, Path(folder))
    findings, reached = check_files(
        files,
        layout=settings.layout,
        default_branch=default_branch,
        script_limit=settings.script_limit,
        variable_names=ALWAYS_SET,
    )
    failing = {Weight.ERROR, Weight.WARNING} if strict else {Weight.ERROR}
    failed = any(finding.weight in failing for finding in findings) or not reached
    if as_json:
        click.echo(json.dumps(_as_json(findings, reached, passed=not failed), indent=2))
    else:
        _print(findings, reached, settings, files)
    raise click.exceptions.Exit(1 if failed else 0)


def _print(
    findings: Sequence[Finding], reached: int, settings: Settings, files: Sequence[File]
) -> None:
    for finding in findings:
        click.echo(shown(str(finding)))
    counts = ", ".join(
        f"{sum(finding.weight is weight for finding in findings)} {weight}s" for weight in Weight
    )
    click.echo(
        f"{reached} scripts in {len(files)} files can be reached "
        f"(layout {settings.layout}): {counts}"
    )
    if not reached:
        click.echo(
            "no script was found: put one into a folder named generic-executor/, "
            f"or name another layout than {settings.layout} with --layout "
            f"({', '.join(Layout)})"
        )


def _as_json(findings: Sequence[Finding], reached: int, *, passed: bool) -> dict[str, object]:
    return {
        "passed": passed,
        "scripts": reached,
        "findings": [
            {k: v for k, v in asdict(finding).items() if k != "file"}
            | {"branch": finding.file.branch, "path": finding.file.path}
            for finding in findings
        ],
    }
