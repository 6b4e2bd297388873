"""An engine that runs one script until it is killed; started by a test."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from service.engine.launch import launch_runner
from service.engine.processes import ProcessRunner
from service.event import Acceptance, read_event
from service.ports import Order


async def main(*, directory, run, script, name="test.sh"):
    path = "/usr/local/bin:/usr/bin:/bin"
    process, connection = launch_runner(path=path)
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    runner = ProcessRunner(
        connection,
        runs_dir=Path(directory) / "runs",
        blobs_dir=Path(directory) / "blobs",
        environments_dir=Path(directory) / "environments",
        bash="/bin/bash",
        python=sys.executable,
        path=path,
        grace=5,
        disk_limit=1 << 20,
        readable=[Path(sys.prefix), Path(sys.base_prefix)],
        writable=[Path("/dev/shm")],
    )
    await runner.start()
    document = {"specversion": "1.0", "id": "1", "source": "test", "type": "test", "data": {}}
    order = Order(
        run=run,
        name=name,
        blob="0" * 40,
        content=script.encode(),
        event=read_event(document, accept=Acceptance.LENIENT, now=datetime.now(UTC)),
        variables={},
        timeout=60,
        project="p",
    )
    # In Python, what is to be killed shall be a fork of a warm interpreter.
    empty = replace(order, content=b"", blob="1" * 40)
    while name.endswith(".py") and not runner.ways.status()["warm"]:
        await runner.run(empty)
    await runner.run(order)


asyncio.run(main(**json.loads(sys.argv[1])))
