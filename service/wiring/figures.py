"""Figures of the engine, on their way to the web process.

`answers` collects them, `talk` carries them as JSON, `web` shows them.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.delivery.outbox import Outbox
from service.figures import Distribution, EngineFigures, ProcessFigures
from service.wiring.counted import ScriptCounts
from service.wiring.talk import Answer
from service.worker import Worker

_SELF = Path("/proc/self")


def process_figures() -> ProcessFigures:
    """Return what this process takes; 0 where the system does not tell."""
    return ProcessFigures(cpu=time.process_time(), memory=_memory(), files=_files())


def engine_figures(
    *,
    worker: Worker,
    outbox: Outbox,
    scripts: Mapping[str, ScriptCounts],
    isolation: str,
    writable: bool,
    at_once: int,
    sink: bool,
    source: bool,
) -> EngineFigures:
    """Return how the engine is doing; *sink* says whether there is one at all."""
    return EngineFigures(
        process=process_figures(),
        isolation=isolation,
        writable=writable,
        running=worker.running,
        at_once=at_once,
        waiting=worker.waiting,
        ended={state.value: count for state, count in worker.ended.items()},
        scripts={_kind(suffix): counts.endings() for suffix, counts in scripts.items()},
        seconds={_kind(suffix): counts.seconds() for suffix, counts in scripts.items()},
        sent=outbox.sent,
        failed=outbox.failed,
        dead=outbox.dead,
        sink=not outbox.trouble if sink else None,
        source=source,
    )


def told(figures: EngineFigures) -> Answer:
    """Return *figures* as the engine's answer."""
    return asdict(figures)


def heard(answer: Answer) -> EngineFigures:
    """Return the figures that an answer of the engine tells."""
    fields: dict[str, Any] = {name: answer[name] for name in EngineFigures.__dataclass_fields__}
    seconds = {kind: Distribution(**said) for kind, said in fields.pop("seconds").items()}
    process = ProcessFigures(**fields.pop("process"))
    return EngineFigures(process=process, seconds=seconds, **fields)


def _kind(suffix: str) -> str:
    return suffix.removeprefix(".")


def _memory() -> int:
    try:
        pages = int((_SELF / "statm").read_text("ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _files() -> int:
    try:
        return sum(1 for _ in (_SELF / "fd").iterdir())
    except OSError:
        return 0
