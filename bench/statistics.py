"""Percentiles of measured times."""

from collections.abc import Sequence


def percentile(times: Sequence[float], percent: float) -> float:
    """The time below which `percent` of `times` lie (nearest rank)."""
    ranked = sorted(times)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]
