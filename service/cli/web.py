"""`genexec web`: the web process; only the supervisor starts it."""

import os
import socket

import click

from service.config.reading import read_settings
from service.engine.sandbox import work_in_batches
from service.logs import set_up
from service.wiring.own_process import end_with_parent, keep_memory_private
from service.wiring.web import run_web


@click.command("web", hidden=True)
@click.option("--draining", type=int, required=True)
@click.option("--talk", type=int, required=True)
@click.option("--listening", type=int, required=True)
@click.option("--wake", type=int, required=True)
@click.option("--parent", type=int, required=True)
def command(draining: int, talk: int, listening: int, wake: int, parent: int) -> None:
    """Run the web process; the numbers are inherited descriptors."""
    end_with_parent(parent)
    keep_memory_private()
    work_in_batches()
    settings = read_settings(os.environ)
    set_up(as_json=settings.log_format == "json", level=settings.log_level)
    run_web(
        settings,
        listening=listening,
        talk=socket.socket(fileno=talk),
        wake=wake,
        draining=draining,
    )
