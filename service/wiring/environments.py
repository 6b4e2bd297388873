"""Environments of Python scripts, as the settings want them."""

import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from service.config.settings import Settings
from service.engine.environments.building import Builder
from service.engine.environments.installer import Installer
from service.engine.environments.runner import PythonRunner
from service.engine.environments.stock import Stock
from service.engine.runner_client import RunnerClient
from service.ports import Runner
from service.wiring.interpreters import ONE_FILE


@asynccontextmanager
async def opened_python_runner(
    settings: Settings,
    runner: Runner,
    client: RunnerClient,
    *,
    runs_dir: Path,
    environment: Mapping[str, str],
) -> AsyncIterator[PythonRunner]:
    """Open what gives Python scripts their packages before *runner* runs them.

    *environment* is that of the service. The program in one file has no installer, so there
    scripts that name packages are refused, as with GENEXEC_PYTHON_ENVIRONMENTS=no.
    """
    if not settings.python_environments or ONE_FILE:
        yield PythonRunner(runner, None)
        return
    own = Path(sys.executable).parent
    installer = Installer(
        python=sys.executable,
        uv=shutil.which("uv", path=f"{own}:{settings.script_path}"),
        index=settings.python_index,
        index_user=settings.python_index_user,
        index_token_file=settings.python_index_token_file,
        wheels=settings.python_wheels,
        source_builds=settings.python_source_builds,
        surroundings=environment,
    )
    builder = Builder(
        client,
        installer,
        home=runs_dir.absolute() / "environment",
        path=settings.script_path,
        nice=shutil.which("nice", path=settings.script_path),
        timeout=settings.python_environment_timeout,
        memory=settings.memory_limit,
        processes=settings.process_limit,
    )
    stock = Stock(
        settings.environments_dir,
        builder=builder,
        installer=installer,
        kept=settings.python_environments_kept,
        wait=settings.python_environment_timeout,
    )
    await stock.start()
    try:
        yield PythonRunner(runner, stock)
    finally:
        await stock.close()
