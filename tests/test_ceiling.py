"""The ceiling against drawn spectra: what the closed form says of a class is how often that class
is the one."""

import numpy as np
import pandas as pd
import pytest

from synthetic_spectra.analysis.ceiling import Classes, ceiling, visible
from synthetic_spectra.spectra import config, peaks


def definitions(spectra, **rendering_settings):
    """A resolved config of these (positions, heights, settings of the class)."""
    content = {
        "datapoints": 1000,
        "boundary": 0,
        "classes": len(spectra),
        "min_peaks": 1,
        "max_peaks": 12,
        "max_height": 1,
        "rendering": {"shift_range": 10, "n_train": 50, **rendering_settings},
        "spectra": {
            str(i): {"peak_positions": positions, "peak_heights": heights, "rendering": rendering}
            for i, (positions, heights, rendering) in enumerate(spectra)
        },
    }
    return config.parse(content, "a test").resolved()


# classes that overlap in every way: position, height, a peak that vanishes, peaks that swap or hide
# one another
OVERLAPPING = {
    "position": [([300, 500], [1, 0.5], {}), ([306, 500], [1, 0.5], {})],
    "height": [([300, 500], [1, 0.5], {}), ([300, 500], [1, 0.56], {})],
    "minor peak": [([300, 500], [1, 0.5], {}), ([300, 500, 700], [1, 0.5, 0.02], {})],
    "two minor peaks": [([300, 700], [1, 0.03], {}), ([300, 500, 700], [1, 0.04, 0.01], {})],
    "crossing": [([300, 308], [1, 0.98], {}), ([304, 306], [0.96, 1], {})],
    "hidden": [([300], [1], {}), ([303, 302], [0.97, 1], {}), ([303, 302], [1, 0.2], {})],
    "end of the axis": [([4, 990], [1, 0.7], {}), ([8, 996], [1, 0.72], {})],
    "other ranges": [
        ([300, 500], [1, 0.5], {"shift_range": 7, "kernel_range": [2, 3]}),
        ([300, 501], [1, 0.5], {"variation_range": 0.1, "n_train": 20}),
    ],
    "highest kept": [
        ([300, 500], [1, 0.98], {"vary_highest": False}),
        ([300, 500], [0.97, 1], {"vary_highest": False}),
        ([303, 500], [1, 0.96], {"vary_highest": False}),
    ],
}


@pytest.mark.parametrize("spectra", OVERLAPPING.values(), ids=OVERLAPPING)
def test_the_posterior_is_the_frequency(spectra):
    """Of all drawn spectra with a certain posterior of a class, that share is of the class."""
    resolved = definitions(spectra)
    classes, rng = Classes(resolved), np.random.default_rng(0)
    posteriors, right = [], []
    for label, spectrum in resolved.spectra.items():
        rendering = resolved.rendering_of(label)
        n_drawn = 40 * rendering.n_train
        drawn = peaks.draw(spectrum, rendering, n_drawn, resolved.n_datapoints, rng)
        for positions, heights, width in zip(*drawn, strict=True):
            found = classes.likelihoods(*visible(positions, heights), width)
            fewest = min(dimensions for dimensions, _ in found.values())
            densities = {
                candidate: density
                for candidate, (dimensions, density) in found.items()
                if dimensions == fewest
            }
            assert int(label) in densities, "a drawn spectrum is one that its class can give"
            for candidate, density in densities.items():
                posteriors.append(density / sum(densities.values()))
                right.append(candidate == int(label))
    posteriors, right = np.array(posteriors), np.array(right)
    assert ((posteriors > 0.05) & (posteriors < 0.95)).mean() > 0.02, "they do overlap"

    # in each tenth of the posteriors, the number of right ones is as expected
    tenths = np.minimum((posteriors * 10).astype(int), 9)
    for tenth in np.unique(tenths):
        inside = tenths == tenth
        expected = posteriors[inside].sum()
        spread = np.sqrt((posteriors[inside] * (1 - posteriors[inside])).sum())
        assert abs(right[inside].sum() - expected) <= 4.5 * spread + 1e-6


def test_verdicts():
    """A tie in the overlap of two shifts, a lost spectrum where the other class is likelier, and
    one of neither."""
    apart = [([300], [1], {}), ([310], [1], {})]  # in training at 290 to 309 and at 300 to 319
    tied = ceiling(definitions(apart, test_shifts=[0, -1], test_heights=[0], test_shift=5))
    assert list(tied.verdict) == ["tied", "identifiable", "identifiable", "tied"]
    assert list(tied.nearest) == ["0", "0", "1", "0 1"]
    assert list(tied.expected_random) == [0.5, 1, 1, 0.5]
    assert list(tied.expected_nearest) == [1, 1, 1, 0.5]
    narrower = [([300], [1], {}), ([310], [1], {"shift_range": 5})]
    lost = ceiling(definitions(narrower, test_shifts=[1], test_heights=[0], test_shift=8))
    assert (
        lost.verdict[0] == "lost"
        and lost.most_probable[0] == "1"
        and lost.posterior[0] == pytest.approx(1 / 3)
    )
    beyond = ceiling(
        definitions([([300], [1], {})], test_shifts=[1], test_heights=[0], test_shift=30)
    )
    assert beyond.verdict[0] == "impossible" and beyond.expected_random[0] == 0


def test_many_peaks_that_reach_one_another_take_no_longer():
    """Twelve peaks in the range of one another have 479 million orders; their heights leave few."""
    heights = [1 - 0.07 * i for i in range(12)]
    positions = list(range(300, 420, 10))
    classes = [(positions, heights, {}), (positions, heights[::-1], {})]
    table = ceiling(
        definitions(
            classes, shift_range=200, variation_range=0.02, test_shifts=[0], test_heights=[0]
        )
    )
    # each peak alone may be anywhere: which of them is where tells nothing
    assert list(table.verdict) == ["tied", "tied"] and list(table.nearest) == ["0", "1"]


@pytest.mark.parametrize(
    ("name", "verdicts", "pairs"),
    [
        ("challenge", {"identifiable": 90, "tied": 72}, None),
        (
            "benchmark",
            {"identifiable": 4486, "tied": 10, "lost": 4},
            [{"8", "318"}, {"164", "281"}],
        ),
    ],
)
def test_published_datasets(name, verdicts, pairs):
    table = ceiling(config.load(config.find(name)).resolved())
    assert table.verdict.value_counts().to_dict() == verdicts
    unsure = table[table.verdict != "identifiable"]
    rivals = {
        frozenset([str(row.label), *row.most_probable.split()]) for row in unsure.itertuples()
    }
    assert pairs is None or rivals == set(map(frozenset, pairs))
    assert isinstance(table, pd.DataFrame) and len(table) == sum(verdicts.values())
