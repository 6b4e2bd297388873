"""A slow disk: every synchronisation takes two milliseconds longer."""

from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.compiling import compiled
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.rows.end_to_end import end_to_end_rate

DELAY = 2000
"""Microseconds."""


def measure(bench: Bench) -> list[Row]:
    """Measure with and without the delay; both preload the same library."""
    library = str(compiled("slow_disk", bench.tools, "-shared", "-fPIC"))

    def with_delay(microseconds: int) -> dict[str, str]:
        return {"LD_PRELOAD": library, "SLOW_DISK_MICROSECONDS": str(microseconds)}

    with (
        bench.running("disk-fast", **with_delay(0)) as fast,
        bench.running("disk-slow", **with_delay(DELAY)) as slow,
    ):
        for service in (fast, slow):
            loaded(service, bench.tools, count=100)
        found = bench.turns(
            {
                "fast": lambda: end_to_end_rate(bench, fast),
                "slow": lambda: end_to_end_rate(bench, slow),
            }
        )
    return [
        Row(
            what="Events per second with every fdatasync 2 ms slower ÷ without",
            value=ratio(found, "slow", "fast"), at_least=0.75,
            how=f"{median(found['slow']):.0f} of {median(found['fast']):.0f} per second",
        )
    ]  # fmt: skip
