"""The judgement about a repository: every file, and all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.checking.findings import File
from service.migration.dialect import guess_dialect
from service.migration.job_folder import judge_jobs
from service.migration.judgement import Dialect, Judgement
from service.migration.scripts_folder import judge_scripts
from service.scripts import Layout

LOOKED_FOR = (
    "looked for: names, folders, sibling files, variables, programs and modules the image lacks, "
    "files beside the script, closed places, background processes, long sleeps, header values, "
    "bodies, placeholders, words of the output. Not seen: what is put together at run time, what "
    "called programs do, whether a message is one JSON object. Try each script with genexec run."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All judgements; `scripts` is the dialect of the scripts, None when there are none."""

    scripts: Dialect | None
    why: tuple[str, ...]
    """The reasons for a guess; empty when the dialect was named."""
    judgements: tuple[Judgement, ...]


def guess_layout(files: Sequence[File], default_branch: str) -> Layout:
    """Return the layout a repository most likely has: Keptn's leave their marks."""
    if any(file.path.startswith(".keptn-stages/") for file in files):
        return Layout.DIRECTORIES
    keptn = any(
        file.path == "shipyard.yaml" and file.branch in ("", default_branch) for file in files
    )
    return Layout.BRANCHES if keptn and default_branch else Layout.FOLDERS


def judge_files(
    files: Sequence[File],
    *,
    dialect: Dialect | None,
    layout: Layout,
    default_branch: str,
    limit: int,
) -> Report:
    """Judge every file of a predecessor; *dialect* None looks at all and guesses.

    *limit* is the size of a script in bytes.
    """
    files = sorted(files, key=lambda file: (file.branch, file.path))
    judgements: list[Judgement] = []
    guess = guess_dialect(files)
    scripts = guess.dialect if dialect is None else dialect
    if scripts not in (None, Dialect.JOBS):
        judgements += judge_scripts(
            files, scripts, layout=layout, default_branch=default_branch, limit=limit
        )
    if dialect in (None, Dialect.JOBS):
        judgements += judge_jobs(files, layout=layout, default_branch=default_branch, limit=limit)
    return Report(
        scripts=None if scripts is Dialect.JOBS else scripts,
        why=guess.reasons if dialect is None else (),
        judgements=tuple(judgements),
    )
