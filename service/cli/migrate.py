"""`genexec migrate`: what becomes of a repository made for a predecessor."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import click

from service.checking.findings import File
from service.cli.options import as_json_option, settings_with
from service.cli.terminal import shown
from service.config.settings import Settings
from service.errors import BadScript, BadSettings
from service.migration.dialect import is_wanted
from service.migration.judgement import Dialect, Judgement, Remark, Verdict
from service.migration.whole import LOOKED_FOR, Report, guess_layout, judge_files
from service.scripts import Layout
from service.wiring.new_folder import refuse_used, write_folder
from service.wiring.parts import DIRECTORY_BRANCH
from service.wiring.repository_files import repository_files

_UNREADABLE = 65


@click.command("migrate")
@click.argument("scripts", metavar="[DIR|GITURL]", required=False)
@click.option(
    "--from",
    "origin",
    type=click.Choice([one.value for one in Dialect]),
    help="What it was made for; guessed from the files when not given.",
)
@click.option("--layout", metavar="LAYOUT", help="branches, directories or folders; guessed.")
@click.option("--write", "target", metavar="DIR", help="Write what can be written to a new folder.")
@as_json_option
def command(
    scripts: str | None, origin: str | None, layout: str | None, target: str | None, as_json: bool
) -> None:
    """Tell what becomes of a repository made for a predecessor. Nothing is run.

    Reads scripts of generic-executor-service 0.3 and 0.8, and job/config.yaml of
    job-executor-service. Says for each file whether it runs unchanged, runs differently or
    needs work, and why. --write puts the scripts as they should be into a new folder, in the
    same layout; the repository itself is never changed.

    Exit codes: 0 when nothing needs work, 1 when something does (with --write: still does),
    65 when a file cannot be read or nothing of a predecessor is there.
    """
    folder = Path(target) if target else None
    if folder:
        refuse_used(folder)
    settings, default_branch, files = _read(scripts, layout)
    report = judge_files(
        files,
        dialect=Dialect(origin) if origin else None,
        layout=settings.layout,
        default_branch=default_branch,
        limit=settings.script_limit,
    )
    if not report.judgements:
        raise BadScript(
            "nothing of a predecessor was found: neither scripts in generic-executor/ nor "
            f"job/config.yaml (layout {settings.layout}; --layout names another)"
        )
    written = write_folder(folder, _to_write(report, settings.layout)) if folder else None
    code = _code(report, written=folder is not None)
    if as_json:
        answer = _as_json(report, settings.layout, written)
        click.echo(json.dumps({"exit": code} | answer, indent=2))
    else:
        for line in _as_text(report, settings.layout, default_branch, target, written):
            click.echo(shown(line))
    raise click.exceptions.Exit(code)


def _read(scripts: str | None, layout: str | None) -> tuple[Settings, str, list[File]]:
    """Return the files, in the layout that was named or that they show."""
    settings = settings_with(scripts, layout)
    if not settings.scripts:
        raise BadSettings("nothing to migrate: name a directory or a Git address")
    guessed = layout is None
    if guessed and settings.from_git:
        settings = settings_with(scripts, Layout.BRANCHES)
    with TemporaryDirectory(prefix="genexec-migrate-") as place:
        default_branch, files = repository_files(settings, Path(place), is_wanted)
    if guessed:
        found = guess_layout(files, default_branch)
        if default_branch and found is not Layout.BRANCHES:
            files = [file for file in files if file.branch == default_branch]
        settings = settings_with(scripts, found)
    return settings, default_branch, files


def _code(report: Report, *, written: bool) -> int:
    if not all(judgement.readable for judgement in report.judgements):
        return _UNREADABLE
    verdicts = {one.verdict_written if written else one.verdict for one in report.judgements}
    return int(Verdict.WORK in verdicts)


def _to_write(report: Report, layout: Layout) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield paths and contents; with branches the first folder is the branch."""
    for judgement in report.judgements:
        for one in judgement.written:
            above = one.branch if layout is Layout.BRANCHES else ""
            yield PurePosixPath(above, one.path), one.content


def _as_text(
    report: Report, layout: Layout, default_branch: str, target: str | None, written: int | None
) -> Iterator[str]:
    if report.scripts:
        why = "; ".join(report.why[:4]) or "as you said"
        yield f"scripts of generic-executor-service {report.scripts}: {why}"
    yield f"layout {layout}"
    for judgement in report.judgements:
        yield ""
        yield f"{_where(judgement.file)}: {judgement.verdict}"
        yield from (f"  {_remark(one)}" for one in judgement.remarks)
    yield ""
    counts = {
        verdict: sum(one.verdict is verdict for one in report.judgements) for verdict in Verdict
    }
    yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    yield LOOKED_FOR
    if written is not None:
        named = f" --layout {layout}" if layout is not Layout.FOLDERS else ""
        yield (
            f"{written} files written to {target}; see what is left with: "
            f"{_branch_setting(layout, default_branch)}genexec check {target}{named}"
        )
    elif any(one.mended for judgement in report.judgements for one in judgement.remarks):
        yield "what is marked (*) is taken care of in what --write DIR writes"


def _branch_setting(layout: Layout, default_branch: str) -> str:
    """Return what a command needs in front to know the default branch of a directory."""
    named = layout is Layout.BRANCHES and default_branch != DIRECTORY_BRANCH
    return f"GENEXEC_GIT_BRANCH={default_branch} " if named else ""


def _remark(remark: Remark) -> str:
    line = f"line {remark.line}: " if remark.line else ""
    return f"{line}{remark.verdict}: {remark.message}{' (*)' if remark.mended else ''}"


def _where(file: File) -> str:
    return f"{file.branch}:{file.path}" if file.branch else file.path


def _as_json(report: Report, layout: Layout, written: int | None) -> dict[str, object]:
    return {
        "scripts": report.scripts,
        "why": list(report.why),
        "layout": layout,
        "files": [_file_record(judgement) for judgement in report.judgements],
        "written": written,
    }


def _file_record(judgement: Judgement) -> dict[str, object]:
    return {
        "branch": judgement.file.branch,
        "path": judgement.file.path,
        "verdict": judgement.verdict,
        "becomes": [one.path for one in judgement.written],
        "remarks": [
            {
                "verdict": one.verdict,
                "line": one.line,
                "message": one.message,
                "mended": one.mended,
            }
            for one in judgement.remarks
        ],
    }
