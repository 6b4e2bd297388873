"""Sends events to a service and takes its answers, by the C program `programs/load.c`.

It listens on the socket of the service under test, which stays open between two loads.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compiling import compiled
from benchmarks.service import Service
from benchmarks.witness import Seen, insist_on_delivery, read_witness

SETTLE = 60.0
"""Seconds to wait for answers after the last event was sent."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of one load."""

    seen: list[Seen]
    cpu: dict[str, float]
    """Microseconds of CPU per event, by part of the service; `load` is what sent and took."""


def event_of(task: str, *, size: int = 0, **data: object) -> str:
    """Return a Keptn event that wants an answer, as a template for the load."""
    document = {
        "specversion": "1.0",
        "id": "bench-@@@@@@@@@@@@",
        "source": "benchmark",
        "type": f"sh.keptn.event.{task}.triggered",
        "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json",
        "shkeptncontext": "00000000-0000-4000-8000-@@@@@@@@@@@@",
        "data": {
            "project": "project~~",
            "stage": "production",
            "service": "carts",
            "labels": {"build": "4711", "owner": "team-a"},
            "deployment": {
                "deploymentstrategy": "direct",
                "deploymentURIsLocal": ["http://carts.production.svc.cluster.local:80"],
                "deploymentNames": ["direct"],
            },
            "configurationChange": {"values": {"image": "registry.example.com/carts:0.13.1"}},
            "padding": "x" * size,
            **data,
        },
    }
    return json.dumps(document)


def loaded(
    service: Service,
    tools: Path,
    *,
    task: str = "bench",
    event: str | None = None,
    whole: bool = True,
    when_sent: Callable[[], None] = lambda: None,
    **how: float | str,
) -> Load:
    """Put a load on *service* and check what came of it; *how* is for the program.

    Calls *when_sent* when every event is accepted. Raises `NotDelivered`.
    """
    tools.mkdir(parents=True, exist_ok=True)
    template = tools / "event.json"
    template.write_text(event or event_of(task), encoding="utf-8")
    before = service.cpu()
    seen, own = run_load(
        tools, sink=service.sink.fileno(), when_sent=when_sent,
        port=service.port, template=str(template), first=service.sent,
        **{"settle": SETTLE} | how,
    )  # fmt: skip
    after = service.cpu() or before  # it may have been ended meanwhile
    story = [*service.earlier, *seen]
    insist_on_delivery(story, whole=whole)
    if not whole:
        service.earlier = story
    count = sum(1 for line in seen if line.what == "p")
    service.sent += count
    taken = {part: after[part] - before[part] for part in after} | {"load": own}
    return Load(seen=seen, cpu={part: used * 1e6 / count for part, used in taken.items()})


def run_load(
    tools: Path,
    *,
    sink: int | None = None,
    when_sent: Callable[[], None] = lambda: None,
    **how: float | str,
) -> tuple[list[Seen], float]:
    """Run the program; return what it saw and the CPU seconds it took.

    When *when_sent* raises `StopIteration` the program is told to end without waiting for the
    answers that are still to come.
    """
    witness = tools / "witness"
    words = [f"{key}={value}" for key, value in {**how, "witness": witness}.items()]
    program = [str(compiled("load", tools)), *words]
    if sink is not None:
        program.append(f"sink={sink}")
    descriptors = () if sink is None else (sink,)
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, pass_fds=descriptors
    ) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            if said == "sent\n":
                when_sent()
                said = process.stdout.readline()
        except StopIteration:
            process.terminate()
            said = process.stdout.readline()
        except BaseException:  # also when we are interrupted: the program must not stay
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, program)
    return read_witness(witness), float(said)
