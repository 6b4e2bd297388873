"""How long an event takes at half load, beside one bare run on an idle machine."""

from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.witness import quantile, waits


def measure(bench: Bench) -> list[Row]:
    """Send at half of the measured rate, whatever happens (open loop)."""
    rate = max(20.0, bench.known.get("rate", 200.0) / 2)
    slowest: list[float] = []
    accepted: list[float] = []

    with bench.running("latency") as service:
        loaded(service, bench.tools, count=200)

        def ours() -> float:
            load = loaded(
                service, bench.tools, rate=rate, seconds=bench.size.seconds, connections=64
            )
            ordered = waits(load.seen, "f")
            slowest.append(quantile(ordered, 0.99))
            accepted.append(quantile(waits(load.seen, "a"), 0.99))
            return quantile(ordered, 0.5)

        def bare() -> float:
            return measured_floor(bench.tools, seconds=bench.size.seconds / 4, workers=1).p50

        found = bench.turns({"bare": bare, "ours": ours})
    single = median(found["bare"]) / 1000
    tail = {"ours": slowest, "bare": found["bare"]}
    return [
        Row(
            what="POST to `finished` at half load, median ÷ one bare run",
            value=ratio(found, "ours", "bare"), at_most=3,
            how=f"{median(found['ours']) / 1000:.2f} of {single:.2f} ms at {rate:.0f} per second",
        ),
        Row(
            what="— 99th percentile ÷ one bare run",
            value=ratio(tail, "ours", "bare"), at_most=8,
            how=(
                f"{median(slowest) / 1000:.2f} of {single:.2f} ms; "
                f"acceptance, 99th percentile: {median(accepted) / 1000:.2f} ms"
            ),
        ),
    ]  # fmt: skip
