"""What the processes share: clock, source of scripts, rules, runners."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from service.config.reading import OWN
from service.config.settings import Settings
from service.engine.isolation import IsolationMode, insist
from service.engine.processes import ProcessRunner
from service.engine.protocol import Ready
from service.engine.request import RequestRunner
from service.errors import BadSettings
from service.exposure import exposed_environment
from service.masks import Masks, secret_values
from service.ports import Runner, Source
from service.scripts import Layout
from service.sources.address import check_address
from service.sources.credentials import Credentials
from service.sources.directory import DirectorySource
from service.sources.git import GitSource
from service.sources.keptn.address import check_keptn_address
from service.sources.keptn.source import KeptnSource
from service.story import Rules
from service.wiring.environments import opened_python_runner
from service.wiring.interpreters import ONE_FILE, Absent, find_python, find_shell
from service.wiring.punctual import PunctualRunner

FOLLOW_UP_TYPES = (
    "sh.keptn.events.deployment-finished",
    "sh.keptn.events.tests-finished",
    "sh.keptn.event.*.finished",
)
DIRECTORY_BRANCH = "main"

_REPORTING = 20.0
"""Seconds after deadline and grace in which the runner must have told the end of a script."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def opened_source(settings: Settings) -> AsyncIterator[Source]:
    """Open the source of scripts. Raises `BadSettings` when there is none."""
    if not settings.scripts:
        raise BadSettings(
            "GENEXEC_SCRIPTS is not set: name a directory of scripts or the address of a "
            "Git repository (on the command line: --scripts DIR|GITURL)"
        )
    if settings.from_keptn:
        with closing(keptn_source(settings)) as keptn:
            yield keptn
        return
    if not settings.from_git:
        yield DirectorySource(
            settings.scripts,
            branches=settings.layout is Layout.BRANCHES,
            default_branch=settings.git_branch or DIRECTORY_BRANCH,
            script_limit=settings.script_limit,
        )
        return
    source = GitSource(
        check_address(settings.scripts, schemes=settings.git_schemes),
        mirrors_dir=settings.state_dir / "mirrors",
        default_branch=settings.git_branch or None,
        interval=settings.git_interval,
        timeout=settings.git_timeout,
        credentials=credentials_of(settings),
        script_limit=settings.script_limit,
        max_staleness=settings.git_max_staleness,
        clock=SystemClock(),
    )
    await source.start()
    try:
        yield source
    finally:
        await source.close()


def keptn_source(settings: Settings) -> KeptnSource:
    """Return the source that asks Keptn. Raises `SourceMisconfigured`."""
    return KeptnSource(
        check_keptn_address(settings.scripts),
        token_file=settings.keptn_token_file,
        ca_file=settings.keptn_ca_file,
        interval=settings.keptn_scripts_interval,
        timeout=settings.keptn_scripts_timeout,
        script_limit=settings.script_limit,
        clock=SystemClock(),
    )


def credentials_of(settings: Settings) -> Credentials:
    """Return what proves to the Git remote that we may read."""
    return Credentials(
        user=settings.git_user,
        token_file=settings.git_token_file,
        ssh_key_file=settings.git_ssh_key_file,
        known_hosts_file=settings.git_known_hosts_file,
        ca_file=settings.git_ca_file,
        proxy=settings.git_proxy,
    )


def make_rules(settings: Settings, environment: Mapping[str, str]) -> Rules:
    """Return what the operator decided about running scripts."""
    exposed = exposed_environment(environment, own=OWN, patterns=settings.expose_env)
    return Rules(
        layout=settings.layout,
        exposed=exposed,
        masks=Masks(secret_values(exposed, settings.mask_env)),
        follow_up_types=(*FOLLOW_UP_TYPES, *settings.follow_up_types),
        timeout=settings.timeout,
    )


@asynccontextmanager
async def opened_runners(
    settings: Settings,
    connection: socket.socket,
    *,
    runs_dir: Path,
    hidden: Sequence[Path],
    environment: Mapping[str, str],
    masks: Masks,
) -> AsyncIterator[tuple[ProcessRunner, Ready, Mapping[str, Runner]]]:
    """Open the runners by file suffix; before them that of the runner process and its report.

    *connection* leads to it. *hidden* is what no script may touch. *environment* is that of
    the service; the Kubernetes API it names may not be reached by `.http` files. Raises
    `BadSettings` when scripts are less isolated than is required.
    """
    _make(settings.work_dir)
    processes = _process_runner(settings, connection, runs_dir=runs_dir, hidden=hidden, masks=masks)
    requests = _request_runner(settings, environment.get("KUBERNETES_SERVICE_HOST", ""))
    ready = await processes.start()
    try:
        insist(settings.isolation, ready.level, ready.lacks)
        margin = settings.grace + _REPORTING
        punctual, punctual_requests = (
            PunctualRunner(runner=runner, margin=margin, give_up=processes.close)
            for runner in (processes, requests)
        )
        async with opened_python_runner(
            settings, punctual, processes.client, runs_dir=runs_dir, environment=environment
        ) as python:
            runners: dict[str, Runner] = {".sh": punctual, ".py": python}
            if not find_shell(settings):
                runners[".sh"] = Absent(".sh", "bash or sh", settings)
            if not find_python(settings):
                runners[".py"] = Absent(".py", "python3", settings)
            runners[".http"] = punctual_requests
            yield processes, ready, runners
    finally:
        await processes.close()
        requests.close()


def _make(work_dir: Path | None) -> None:
    """Make what is not there yet of the directory. Raises `BadSettings`."""
    if work_dir is None:
        return
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=work_dir).close()
    except OSError as error:
        raise BadSettings(
            f"GENEXEC_WORK_DIR={work_dir} cannot be used: {error.strerror}"
        ) from error


def _process_runner(
    settings: Settings,
    connection: socket.socket,
    *,
    runs_dir: Path,
    hidden: Sequence[Path],
    masks: Masks,
) -> ProcessRunner:
    wheels = (settings.python_wheels,) if settings.python_wheels else ()
    return ProcessRunner(
        connection,
        runs_dir=runs_dir,
        blobs_dir=settings.state_dir / "blobs",
        bash=find_shell(settings),
        python=find_python(settings),
        path=f"{Path(sys.executable).parent}:{settings.script_path}",
        grace=settings.grace,
        disk_limit=settings.disk_limit,
        output_limit=settings.output_limit,
        output_kept=settings.output_kept,
        memory_limit=settings.memory_limit,
        process_limit=settings.process_limit,
        warm_python=settings.warm_python and not ONE_FILE,
        isolated=settings.isolation is not IsolationMode.OFF,
        readable=(Path(sys.prefix), Path(sys.base_prefix), *wheels, *settings.script_readable),
        writable=settings.script_writable,
        hidden=hidden,
        environments_dir=settings.environments_dir,
        masks=masks,
    )


def _request_runner(settings: Settings, kubernetes: str) -> RequestRunner:
    return RequestRunner(
        connect_timeout=settings.http_connect_timeout,
        read_timeout=settings.http_read_timeout,
        total_timeout=settings.http_timeout,
        response_limit=settings.http_response_limit,
        allow_hosts=settings.http_allow,
        deny_private=settings.http_deny_private,
        kubernetes_hosts=(kubernetes,) if kubernetes else (),
        ca_file=str(settings.http_ca_file) if settings.http_ca_file else None,
        workers=settings.at_once,
    )
