"""Events per second from POST to delivered `finished`, and CPU per event, by the floor."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from benchmarks.bench import Bench, Row
from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.service import Service
from benchmarks.witness import rate_of

OUTSTANDING = 32
_MEMORY = Path("/dev/shm")
_WARM = 0.3


def end_to_end_rate(bench: Bench, service: Service, *, task: str = "bench") -> float:
    """Return events per second of one round; every event is checked."""
    load = loaded(
        service, bench.tools, task=task, seconds=bench.size.seconds, outstanding=OUTSTANDING
    )
    bench.costs.append(load.cpu)
    return rate_of(load.seen, "f", warm=min(_WARM, bench.size.seconds / 3))


def measure(bench: Bench) -> list[Row]:
    """Measure the floor, the service as it is, and with directories of runs in memory."""
    cpu_of_floor: list[float] = []

    def floor() -> float:
        found = measured_floor(bench.tools, seconds=bench.size.seconds / 2)
        cpu_of_floor.append(found.cpu)
        return found.rate

    with ExitStack() as stack:
        service = stack.enter_context(bench.running("end-to-end"))
        variants = {"floor": floor, "ours": lambda: end_to_end_rate(bench, service)}
        if _MEMORY.is_dir():
            memory = mkdtemp(prefix="genexec-bench-", dir=_MEMORY)
            stack.callback(shutil.rmtree, memory)
            folder = "end-to-end-memory"
            other = stack.enter_context(bench.running(folder, GENEXEC_WORK_DIR=memory))
            variants["memory"] = lambda: _apart(bench, other)
            loaded(other, bench.tools, count=100)
        loaded(service, bench.tools, count=100)
        found = bench.turns(variants)
    bench.known["rate"], bench.known["floor"] = median(found["ours"]), median(found["floor"])
    bench.known["floor cpu"] = median(cpu_of_floor)
    numbers = f"{median(found['ours']):.0f} of {median(found['floor']):.0f} per second"
    rows = [
        Row(
            what="Events per second, POST to `finished` delivered, trivial `.sh` ÷ bare floor",
            value=ratio(found, "ours", "floor"), at_least=0.50,
            how=f"{numbers}; {OUTSTANDING} events under way",
        ),
    ]  # fmt: skip
    if "memory" in found:
        numbers = f"{median(found['memory']):.0f} per second"
        rows.append(
            Row(
                what="— the same with `GENEXEC_WORK_DIR` on a tmpfs ÷ bare floor",
                value=ratio(found, "memory", "floor"), how=numbers,
            )
        )  # fmt: skip
    return [*rows, *_costs(bench)]


def _apart(bench: Bench, service: Service) -> float:
    """Measure without adding to the costs, which are those of the default settings."""
    before = list(bench.costs)
    rate = end_to_end_rate(bench, service)
    bench.costs[:] = before
    return rate


def _costs(bench: Bench) -> list[Row]:
    """Return the CPU of our processes per event, beside that of a bare run."""
    floor = bench.known["floor cpu"]
    parts = {part: median(cost[part] for cost in bench.costs) for part in bench.costs[0]}
    ours = sum(used for part, used in parts.items() if part not in ("scripts", "load"))
    told = ", ".join(f"{part} {used:.0f}" for part, used in parts.items())
    return [
        Row(
            what="CPU of the service per event ÷ CPU of a bare run",
            value=ours / floor,
            how=f"{ours:.0f} of {floor:.0f} µs; in all: {told}",
        )
    ]
