"""Memory while a script writes a hundred megabytes, beside that of the idle service."""

from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.load import event_of, loaded


def measure(bench: Bench) -> list[Row]:
    """Compare what the kernel noted as the peak of each process with what they have idle."""
    size = bench.size.output
    with bench.running("memory", GENEXEC_OUTPUT_LIMIT=str(2 * size)) as service:
        loaded(service, bench.tools, count=200)
        found: dict[str, list[float]] = {"idle": [], "peak": []}
        event = event_of("benchbig", bytes=size)
        for _ in range(min(3, bench.size.rounds)):
            found["idle"].append(float(service.forget_peak()))
            loaded(service, bench.tools, event=event, count=1, outstanding=1)
            found["peak"].append(float(service.peak_memory()))
        kept = service.memory()
    idle, peak = median(found["idle"]), median(found["peak"])
    return [
        Row(
            what=f"Peak memory while a script writes {size // 10**6} MB ÷ idle",
            value=max(found["peak"]) / found["idle"][0], at_most=1.2,
            how=(
                f"sum of the peaks of all processes: {peak / 2**20:.0f} of {idle / 2**20:.0f} MiB;"
                f" with shared pages counted once {kept / 2**20:.0f} MiB;"
                f" `GENEXEC_OUTPUT_LIMIT={2 * size}`"
            ),
        )
    ]  # fmt: skip
