"""`genexec engine`: the engine process; only the supervisor starts it."""

import asyncio
import os
import socket

import click

from service.config.reading import read_settings
from service.engine.sandbox import work_in_batches
from service.logs import set_up
from service.wiring.engine import run_engine
from service.wiring.own_process import end_with_parent, keep_memory_private


@click.command("engine", hidden=True)
@click.option("--runner", type=int, required=True)
@click.option("--talk", type=int, required=True)
@click.option("--wake", type=int, required=True)
@click.option("--parent", type=int, required=True)
def command(runner: int, talk: int, wake: int, parent: int) -> None:
    """Run the engine process; the numbers are inherited descriptors."""
    end_with_parent(parent)
    keep_memory_private()
    work_in_batches()
    settings = read_settings(os.environ)
    set_up(as_json=settings.log_format == "json", level=settings.log_level)
    with socket.socket(fileno=runner) as to_runner, socket.socket(fileno=talk) as to_web:
        running = run_engine(settings, os.environ, runner=to_runner, talk=to_web, wake=wake)
        raise SystemExit(asyncio.run(running))
