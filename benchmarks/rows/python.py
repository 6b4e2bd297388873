"""`.py` scripts that import requests, end to end: warm interpreters beside cold ones."""

from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.service import Service, has_setting
from benchmarks.witness import rate_of

OUTSTANDING = 8


def measure(bench: Bench) -> list[Row]:
    """Measure both with the same script; cold alone when there is no warm."""
    what = "`.py` that imports requests, end to end: warm ÷ cold"
    warm_exists = has_setting("warm_python")
    settings = {"cold": {"GENEXEC_WARM_PYTHON": "off"}, "warm": {"GENEXEC_WARM_PYTHON": "on"}}
    if not warm_exists:
        settings = {"cold": {}}
    with ExitStack() as stack:
        services = {
            name: stack.enter_context(bench.running(f"python-{name}", **more))
            for name, more in settings.items()
        }
        for service in services.values():
            loaded(service, bench.tools, task="benchpy", count=4, outstanding=2)
        found = bench.turns(
            {name: partial(_rate, bench, service) for name, service in services.items()}
        )
    middle = {name: median(rates) for name, rates in found.items()}
    beside = ""
    if "webhook python" in bench.known:
        beside = f"; `webhook`, waiting for the same script: {bench.known['webhook python']:.0f}"
    if not warm_exists:
        how = f"warm Python is not available; cold {middle['cold']:.1f} per second{beside}"
        return [Row(what=what, value=None, at_least=15, how=how)]
    how = f"{middle['warm']:.0f} of {middle['cold']:.1f} per second{beside}"
    return [Row(what=what, value=ratio(found, "warm", "cold"), at_least=15, how=how)]


def _rate(bench: Bench, service: Service) -> float:
    load = loaded(
        service, bench.tools, task="benchpy", seconds=bench.size.seconds, outstanding=OUTSTANDING
    )
    return rate_of(load.seen, "f", warm=0.3)
