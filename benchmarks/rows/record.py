"""A long record beside an empty one: a million finished runs must cost nothing."""

import time
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.filling import multiply
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.rows.end_to_end import end_to_end_rate

_PATTERN = 100
_ROOM = {"GENEXEC_KEEP_SIZE": "100GiB"}


def measure(bench: Bench) -> list[Row]:
    """Measure both services in turns; the size limit of the journal is raised for the long one."""
    with bench.running("record-long", **_ROOM) as long:
        loaded(long, bench.tools, count=_PATTERN)
        long.stop()
        begun = time.monotonic()
        runs = multiply(long.state, runs=bench.size.finished_runs)
        filling = time.monotonic() - begun
        long.start()
        with bench.running("record-empty") as empty:
            for service in (long, empty):
                loaded(service, bench.tools, count=_PATTERN)
            found = bench.turns(
                {
                    "empty": lambda: end_to_end_rate(bench, empty),
                    "long": lambda: end_to_end_rate(bench, long),
                }
            )
    bench.remarks.append(f"The record of {runs:,} runs was made in {filling:.0f} s by copying.")
    return [
        Row(
            what=f"Events per second with {runs:,} finished runs ÷ with an empty record",
            value=ratio(found, "long", "empty"), at_least=0.95,
            how=(
                f"{median(found['long']):.0f} of {median(found['empty']):.0f} per second; "
                f"`GENEXEC_KEEP_SIZE={_ROOM['GENEXEC_KEEP_SIZE']}`"
            ),
        )
    ]  # fmt: skip
