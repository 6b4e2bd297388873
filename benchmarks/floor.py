"""The bare floor: a C program that starts the same script and keeps no record of it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compiling import compiled

TRIVIAL = 'echo "deployed $DATA_PROJECT"\n'
"""What the floor and the service run: one command, and that is built in."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What the bare machine did; microseconds."""

    rate: float
    """Scripts per second."""
    cpu: float
    """CPU per script, of the script and of its starter."""
    p50: float
    p99: float


def measured_floor(
    folder: Path, *, seconds: float, workers: int | None = None, shell: str = "/bin/bash"
) -> Floor:
    """Run the trivial script over and over, with as many workers as there are cores."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "t.sh"
    script.write_text(TRIVIAL, encoding="utf-8")
    count = workers or len(os.sched_getaffinity(0))
    command = [str(compiled("floor", folder)), str(count), str(seconds), shell, str(script)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Floor(
        rate=said["runs"] / said["seconds"], cpu=said["cpu"], p50=said["p50"], p99=said["p99"]
    )
