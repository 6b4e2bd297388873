"""Rounds that take turns: what is compared meets the same weather."""

from collections.abc import Callable, Mapping
from statistics import median

from benchmarks.machine import Quiet


def taking_turns(
    variants: Mapping[str, Callable[[], float]], *, rounds: int, quiet: Quiet
) -> dict[str, list[float]]:
    """Measure every variant once per round, each after waiting for a quiet machine."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        order = list(variants.items())
        for name, measure in order if number % 2 == 0 else reversed(order):
            quiet.wait()
            found[name].append(measure())
    return found


def ratio(found: Mapping[str, list[float]], over: str, under: str) -> float:
    """Return the median of the ratios of the rounds."""
    return median(a / b for a, b in zip(found[over], found[under], strict=True))
