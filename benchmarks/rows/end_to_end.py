"""Events per second from POST to delivered `finished`, and CPU per event, by the floor."""

from contextlib import ExitStack
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.service import Service
from benchmarks.witness import rate_of

OUTSTANDING = 32
_MORE = {"GENEXEC_AT_ONCE": "16"}
_WARM = 0.3


def end_to_end_rate(bench: Bench, service: Service, *, task: str = "bench") -> float:
    """Return events per second of one round; every event is checked."""
    load = loaded(
        service, bench.tools, task=task, seconds=bench.size.seconds, outstanding=OUTSTANDING
    )
    bench.costs.append(load.cpu)
    return rate_of(load.seen, "f", warm=min(_WARM, bench.size.seconds / 3))


def measure(bench: Bench) -> list[Row]:
    """Measure the floor, the service as it is, and with twice as many scripts at once."""
    cpu_of_floor: list[float] = []

    def floor() -> float:
        found = measured_floor(bench.tools, seconds=bench.size.seconds / 2)
        cpu_of_floor.append(found.cpu)
        return found.rate

    with ExitStack() as stack:
        service = stack.enter_context(bench.running("end-to-end"))
        more = stack.enter_context(bench.running("end-to-end-more", **_MORE))
        variants = {
            "floor": floor,
            "ours": lambda: end_to_end_rate(bench, service),
            "more": lambda: _apart(bench, more),
        }
        loaded(more, bench.tools, count=100)
        loaded(service, bench.tools, count=100)
        found = bench.turns(variants)
    bench.known["rate"], bench.known["floor"] = median(found["ours"]), median(found["floor"])
    bench.known["floor cpu"] = median(cpu_of_floor)
    numbers = f"{median(found['ours']):.0f} of {median(found['floor']):.0f} per second"
    return [
        Row(
            what="Events per second, POST to `finished` delivered, trivial `.sh` ÷ bare floor",
            value=ratio(found, "ours", "floor"), at_least=0.50,
            how=f"{numbers}; {OUTSTANDING} events under way",
        ),
        Row(
            what="— the same with `GENEXEC_AT_ONCE=16` ÷ bare floor",
            value=ratio(found, "more", "floor"), how=f"{median(found['more']):.0f} per second",
        ),
        *_costs(bench),
    ]  # fmt: skip


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
