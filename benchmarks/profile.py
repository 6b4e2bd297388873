"""Where the CPU of an event goes, by module: py-spy looks at each process during a load.

py-spy is not among our dependencies: `.venv/bin/python -m pip install py-spy`.
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.compiling import Unavailable
from benchmarks.load import loaded

_PER_SECOND = 250
_WATCHED = {"engine": "engine", "worker": "web", "runner": "runner"}
_SHOWN = 14


def profile(bench: Bench, *, seconds: float) -> dict[str, list[tuple[str, float]]]:
    """Return, per process, the modules and the microseconds each takes per event."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which(
        "py-spy"
    )
    if program is None:
        raise Unavailable("py-spy is not installed (pip install py-spy)")
    with bench.running("profile") as service:
        loaded(service, bench.tools, seconds=1)
        parts = service.parts()
        cost = loaded(service, bench.tools, seconds=seconds).cpu
        watching = [
            subprocess.Popen(
                [
                    program, "record", "--format", "raw", "--duration", str(int(seconds)),
                    "--rate", str(_PER_SECOND), "--threads", "--nonblocking",
                    "--pid", str(parts[part]), "--output", str(bench.tools / part),
                ],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for part in _WATCHED
        ]  # fmt: skip
        loaded(service, bench.tools, seconds=seconds + 1.5)
        for process in watching:
            process.wait(30)
    return {
        name: _shared_out(_by_module((bench.tools / part).read_text(encoding="utf-8")), cost[name])
        for part, name in _WATCHED.items()
    }


def _by_module(stacks: str) -> Counter[str]:
    """Count samples by the innermost frame that is in a module of ours, or else in a library."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        found[_named(frames.split(";"))] += int(count)
    return found


def _named(frames: list[str]) -> str:
    for frame in reversed(frames):
        file = frame.rpartition("(")[2].partition(":")[0]
        if "service/" in file:
            return "service/" + file.rpartition("service/")[2]
    return "libraries: " + (frames[-1].rpartition("(")[2].partition(":")[0] or "?")


def _shared_out(samples: Mapping[str, int], cost: float) -> list[tuple[str, float]]:
    """Share the CPU of a process out among its modules, the most expensive first."""
    whole = sum(samples.values()) or 1
    ordered = sorted(samples.items(), key=lambda item: -item[1])
    shares = [(name, cost * count / whole) for name, count in ordered[:_SHOWN]]
    rest = sum(count for _, count in ordered[_SHOWN:])
    return [*shares, ("the rest", cost * rest / whole)]
