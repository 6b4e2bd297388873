"""Durable acceptances per second, beside webhook, which keeps nothing.

Both get the same requests on as many kept connections, and both put off the work: webhook into
memory, where most of it waits until the requests are over; the service onto the disk. Its
engine is stopped for the row that has a goal, so that what is compared is acceptance. That
of webhook still starts the scripts it finds time for, and the row after it has both do so.
Every round has a service of its own, so that the queue of one round is not run in the next.
"""

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
_ROOM = "1000000"
_WHAT = "Durable acceptances per second ÷ asynchronous ones of Debian's `webhook`"


def measure(bench: Bench) -> list[Row]:
    """Measure both, and webhook while the sender waits for the script."""
    seconds = bench.size.seconds / 2
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
                name: partial(other.rate, name, seconds=seconds, outstanding=senders)
                for name, senders in (("asynchronous", SENDERS), ("bash", 8), ("python", 8))
            }
            found = bench.turns({"ours": ours, **variants})
    except Unavailable as why:
        rate = median(bench.turns({"ours": ours})["ours"])
        return [Row(what=_WHAT, value=None, at_least=2.5, how=f"{rate:.0f} per second; {why}")]
    return _rows(bench, found | {"alone": alone, "afterwards": other.afterwards["asynchronous"]})


def _rows(bench: Bench, found: dict[str, list[float]]) -> list[Row]:
    middle = {name: median(rates) for name, rates in found.items()}
    bench.known["webhook python"] = middle["python"]
    how = f"of {middle['asynchronous']:.0f} per second"
    rows = [
        Row(
            what=_WHAT,
            value=ratio(found, "alone", "asynchronous"), at_least=2.5,
            how=f"{middle['alone']:.0f} {how}, {SENDERS} senders on kept connections, "
            f"`GENEXEC_QUEUE={_ROOM}`; our engine is stopped, `webhook` keeps in memory what "
            f"it has not run and is busy with it for {middle['afterwards']:.1f} s more",
        ),
        Row(
            what="— the same while the engine runs scripts",
            value=ratio(found, "ours", "asynchronous"), how=f"{middle['ours']:.0f} {how}",
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
