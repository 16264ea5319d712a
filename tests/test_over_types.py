"""Intervals of shares whose cases are alike within types."""

import numpy as np
import pytest

from synthetic_spectra.analysis import statistics


def test_an_interval_over_types_is_wider_the_more_their_cases_are_alike():
    rng, kinds = np.random.default_rng(1), np.repeat(np.arange(100), 20)
    alone = rng.random(2000) < 0.5
    alike = np.repeat(rng.random(100) < 0.5, 20)
    found = statistics.over_types(np.array([alone, alike]), kinds)
    widths = found["upper"] - found["lower"]
    # of 2000 independent cases, and of 100
    expected = [2 * 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / n)
                for right, n in ((alone, 2000), (alike, 100))]  # fmt: skip
    assert widths == pytest.approx(expected, rel=0.2)
    assert found["type_mean"] == pytest.approx([alone.mean(), alike.mean()])


def test_each_type_counts_once():
    kinds = np.array([0] * 90 + [1] * 10)
    found = statistics.over_types(np.array([kinds == 1]), kinds)
    assert found["type_mean"] == [0.5]
    # each draw has two types of two
    assert (found["type_lower"], found["type_upper"]) == ([0], [1])
    assert (found["lower"], found["upper"]) == ([0], [1])
