"""The files of a repository, wherever it is, for `check` and `migrate`."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from service.checking.findings import File
from service.config.settings import Settings
from service.errors import BadSettings
from service.keptn_events import NAME
from service.scripts import Layout
from service.sources.address import check_address
from service.sources.catalogue import (
    Catalogued,
    directory_files,
    in_scripts_folder,
    mirror_files,
)
from service.sources.commands import Commands
from service.sources.mirror import Mirror
from service.wiring.parts import DIRECTORY_BRANCH, SystemClock, credentials_of, keptn_source


def repository_files(
    settings: Settings, folder: Path, wanted: Callable[[str], bool] = in_scripts_folder
) -> tuple[str, list[File]]:
    """Return the default branch and every file; a Git mirror is made below *folder*.

    Of a Git repository, only files whose path is *wanted* have content.
    Raises `SourceUnavailable`, or `BadSettings` for an address that stands for many
    repositories, or for a Keptn without a project.
    """
    if settings.from_keptn:
        return "", _keptn_files(settings)
    if "{project}" in settings.scripts:
        raise BadSettings("{project} stands for many repositories: name one of them to check it")
    if not settings.from_git:
        branches = settings.layout is Layout.BRANCHES
        found = directory_files(
            Path(settings.scripts), limit=settings.script_limit, branches=branches
        )
        default = (settings.git_branch or DIRECTORY_BRANCH) if branches else ""
        return default, [_file(one) for one in found]
    address = check_address(settings.scripts, schemes=settings.git_schemes)
    commands = Commands(
        scheme=address.scheme, credentials=credentials_of(settings), timeout=settings.git_timeout
    )
    try:
        mirror = Mirror(
            parent=folder,
            address=settings.scripts,
            name="scripts",
            default_branch=settings.git_branch or None,
            commands=commands,
            clock=SystemClock(),
        )
        default, catalogued = mirror_files(
            mirror, commands, limit=settings.script_limit, wanted=wanted
        )
    finally:
        commands.close()
    stages = settings.layout is Layout.BRANCHES
    return default, [
        _file(one)
        for one in catalogued  # branches that no event looks at are nobody's mistake
        if one.branch == default or (stages and NAME.fullmatch(one.branch))
    ]


def _keptn_files(settings: Settings) -> list[File]:
    if not settings.default_project:
        raise BadSettings(
            "Keptn is asked project by project: name one in GENEXEC_DEFAULT_PROJECT, and a stage "
            "in GENEXEC_DEFAULT_STAGE"
        )
    with closing(keptn_source(settings)) as source:
        return [_file(one) for one in asyncio.run(source.files(settings.default))]


def _file(one: Catalogued) -> File:
    return File(branch=one.branch, path=one.path, content=one.content, link=one.link)
