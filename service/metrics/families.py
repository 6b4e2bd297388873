"""Metrics of the kinds that are shown here, from plain numbers.

The other modules of this folder name them. A label value comes from a fixed list of ours,
never from an event: what stands here does not grow with what is sent.
"""

from collections.abc import Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from service.figures import Distribution


def info(name: str, text: str, **labels: str) -> Metric:
    """Return a gauge that is 1 and says something by its labels; `_info` is added to *name*."""
    family = GaugeMetricFamily(f"{name}_info", text, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family


def gauge(name: str, text: str, value: float) -> Metric:
    """Return what may rise and fall."""
    return GaugeMetricFamily(name, text, value=value)


def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return what may rise and fall, by one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def counter(name: str, text: str, value: float) -> Metric:
    """Return what only rises; `_total` is added to *name*."""
    return CounterMetricFamily(name, text, value=value)


def counters(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> Metric:
    """Return what only rises, by *labels*; `_total` is added to *name*."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def histogram(name: str, text: str, distribution: Distribution) -> Metric:
    """Return how long things took."""
    family = HistogramMetricFamily(name, text)
    family.add_metric([], _buckets(distribution), distribution.total)
    return family


def histograms(
    name: str, text: str, label: str, distributions: Mapping[str, Distribution]
) -> Metric:
    """Return how long things took, by one label."""
    family = HistogramMetricFamily(name, text, labels=[label])
    for key, distribution in distributions.items():
        family.add_metric([key], _buckets(distribution), distribution.total)
    return family


def _buckets(distribution: Distribution) -> list[tuple[str, float]]:
    bounds = (*(str(float(bound)) for bound in distribution.bounds), "+Inf")
    return list(zip(bounds, accumulate(distribution.counts), strict=True))
