"""Durable acceptances per second, beside webhook, which keeps nothing.

Both get the same requests on as many kept connections, and both put off the work: webhook into
memory, where most of it waits until the requests are over; the service onto the disk. Its
engine is stopped for the row that has a goal, so that what is compared is acceptance. That
of webhook still starts the scripts it finds time for, and the row after it has both do so.
An acceptance counts when the work is not lost: ours is on the disk, that of webhook counts
if its script was run in the end. What it says yes to beside that has a row without a goal.
Every round has a service of its own, so that the queue of one round is not run in the next.
"""

import resource
from functools import partial
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.compiling import Unavailable
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.service import Service
from benchmarks.webhook import webhook
from benchmarks.witness import rate_of

SENDERS = 32
_WAITING = 8
"""Senders who wait for the script."""
_ROOM = "1000000"
_WHAT = "Durable acceptances per second ÷ asynchronous ones of Debian's `webhook` that it runs"


def measure(bench: Bench) -> list[Row]:
    """Measure both, and webhook while the sender waits for the script."""
    seconds = bench.size.seconds
    number = iter(range(1000))
    alone: list[float] = []

    def ours() -> float:
        folder = f"accepting-{next(number)}"
        with bench.running(folder, GENEXEC_QUEUE=_ROOM) as service:
            rate = _accepting_rate(bench, service, seconds)
            service.freeze_engine()
            alone.append(_accepting_rate(bench, service, seconds))
            return rate

    try:
        with webhook(bench.folder / "webhook", bench.tools) as other:
            variants = {
                "asynchronous": partial(
                    other.rate, "asynchronous", seconds=seconds, outstanding=SENDERS
                ),
                "bash": partial(other.rate, "bash", seconds=seconds / 2, outstanding=_WAITING),
                "python": partial(other.rate, "python", seconds=seconds / 2, outstanding=_WAITING),
            }
            found = bench.turns({"ours": ours, **variants})
    except Unavailable as why:
        rate = median(bench.turns({"ours": ours})["ours"])
        return [Row(what=_WHAT, value=None, at_least=2.5, how=f"{rate:.0f} per second; {why}")]
    shares = zip(found["asynchronous"], other.carried_out, strict=True)
    kept = [rate * share for rate, share in shares]
    found |= {"alone": alone, "afterwards": other.afterwards, "kept": kept}
    return _rows(bench, found)


def _rows(bench: Bench, found: dict[str, list[float]]) -> list[Row]:
    middle = {name: median(rates) for name, rates in found.items()}
    bench.known["webhook python"] = middle["python"]
    kept = f"of {middle['kept']:.0f} per second"
    yes = f"of {middle['asynchronous']:.0f} per second"
    rows = [
        Row(
            what=_WHAT,
            value=ratio(found, "alone", "kept"), at_least=2.5,
            how=f"{middle['alone']:.0f} {kept}, {SENDERS} senders on kept connections for "
            f"{bench.size.seconds:g} s, `GENEXEC_QUEUE={_ROOM}`; our engine is stopped, `webhook` "
            f"is busy with what it keeps in memory for {middle['afterwards']:.1f} s more",
        ),
        Row(
            what="— the same while the engine runs scripts",
            value=ratio(found, "ours", "kept"), how=f"{middle['ours']:.0f} {kept}",
        ),
        Row(
            what="— our durable ones ÷ all that `webhook` says yes to",
            value=ratio(found, "alone", "asynchronous"),
            how=f"{middle['alone']:.0f} {yes}, of which it lost "
            f"{1 - middle['kept'] / middle['asynchronous']:.0%} "
            f"({resource.getrlimit(resource.RLIMIT_NOFILE)[1]} open files are allowed)",
        ),
    ]  # fmt: skip
    if "rate" in bench.known:
        rate = bench.known["rate"]
        numbers = f"{rate:.0f} of {middle['bash']:.0f} per second"
        rows.append(
            Row(
                what="Events per second end to end ÷ bash runs of `webhook`, its sender waiting",
                value=rate / middle["bash"], how=f"{numbers}; `webhook` keeps nothing",
            )
        )  # fmt: skip
    return rows


def _accepting_rate(bench: Bench, service: Service, seconds: float) -> float:
    load = loaded(
        service, bench.tools, whole=False, seconds=seconds, wait="accepted",
        outstanding=SENDERS, connections=SENDERS, when_sent=_enough,
    )  # fmt: skip
    return rate_of(load.seen, "a", warm=min(0.2, seconds / 3))


def _enough() -> None:
    raise StopIteration
