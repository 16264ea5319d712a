"""Millions of drawn training spectra → benchmarks/ceiling.csv: whose they are, counted and by the
closed form."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.analysis.ceiling import Classes, ceiling, visible
from synthetic_spectra.common.cli import Count, Positive, Seed, run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, peaks


@dataclass(frozen=True)
class Settings:
    """Draw training spectra of pairs of classes; near each undecided test spectrum, count whose
    they are."""

    pairs: tuple[str, ...] = (
        "benchmark:8-318",
        "benchmark:164-281",
        "challenge:9-10",
        "challenge:18-19",
        "challenge:24-25",
    )
    """Pairs of classes, each a config and two labels, as config:a-b."""
    spectra: Count = 1_000_000
    """Number of training spectra per pair, half of each class, ≥ 1."""
    near_position: Count = 10
    """Largest distance of every peak of a spectrum that is near, in datapoints, ≥ 1."""
    near_height: Positive = 0.01
    """Largest difference of every height of a spectrum that is near, relative to the highest, > 0.
    """
    seed: Seed = 1
    """Random seed of the draws, ≥ 0."""


def main(settings):
    rows = []
    for pair in settings.pairs:
        name, _, labels = pair.partition(":")
        began = time.monotonic()
        definitions = config.load(config.find(name)).resolved()
        found = compare(definitions, list(map(int, labels.split("-"))), settings)
        rows += [{"pair": pair} | row for row in found]
        print(f"{pair}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    table = pd.DataFrame(rows)
    path = ROOT / "benchmarks" / "ceiling.csv"
    write_text(path, table.to_csv(index=False, float_format="%.5g"))
    print(table.to_string(index=False, float_format="{:.4f}".format))
    print(f"wrote {path}")


def compare(definitions, labels, settings):
    """For each undecided test spectrum of a pair: the share of the true class among drawn spectra
    near it, twice.

    Args:
        definitions: the resolved config.
        labels: of the two classes.
        settings: of this script.

    Returns:
        rows with ``counted``, the share that the true class drew; ``closed_form``, the mean
        posterior of the true class by the closed form (of the two classes alone); ``deviations``,
        how many standard deviations of the count they are apart.
    """
    rng = np.random.default_rng(settings.seed)
    n_drawn = settings.spectra // 2
    drawn = {label: drawn_peaks(definitions, label, n_drawn, rng) for label in labels}
    classes, verdicts = Classes(definitions), ceiling(definitions)
    rows = []
    for label in labels:
        rendering = definitions.rendering_of(str(label))
        tested = peaks.grid(definitions.spectra[str(label)], rendering, definitions.n_datapoints)
        verdicts_of_class = verdicts.verdict[verdicts.label == label]
        for step, verdict in enumerate(verdicts_of_class):
            if verdict == "identifiable":
                continue

            # the posterior of the true class for each drawn spectrum near the test spectrum
            centre = visible(tested[0][step], tested[1][step])
            (rival,) = set(labels) - {label}
            posteriors, true = [], []
            for source in labels:
                for near in spectra_near(centre, *drawn[source], settings):
                    likelihoods = [
                        (classes.likelihood(candidate, *near) or (0, 0.0))[1]
                        for candidate in (label, rival)
                    ]
                    posteriors.append(likelihoods[0] / sum(likelihoods))
                    true.append(source == label)

            posteriors = np.array(posteriors)
            spread = np.sqrt((posteriors * (1 - posteriors)).sum())
            difference = abs(np.sum(true) - posteriors.sum())
            rows.append(
                {
                    "label": label,
                    "test_spectrum": step,
                    "verdict": verdict,
                    "near": len(posteriors),
                    "counted": np.mean(true),
                    "closed_form": posteriors.mean(),
                    # where the rival cannot come, there is nothing to deviate
                    "deviations": difference / spread if spread else float(difference > 1e-6),
                }
            )
    return rows


def drawn_peaks(definitions, label, n_spectra, rng):
    """Peaks of training spectra of a class, those of a spectrum by position, the highest of height
    1: positions (n, k), heights (n, k), widths (n,)."""
    positions, heights, widths = peaks.draw(
        definitions.spectra[str(label)],
        definitions.rendering_of(str(label)),
        n_spectra,
        definitions.n_datapoints,
        rng,
    )
    order = np.argsort(positions, axis=1)
    positions, heights = (
        np.take_along_axis(values, order, axis=1) for values in (positions, heights)
    )
    return positions, heights / heights.max(axis=1, keepdims=True), widths


def spectra_near(centre, positions, heights, widths, settings):
    """The peaks of the drawn spectra near a test spectrum, one spectrum after the other: positions
    (k,), heights (k,), width.

    Args:
        centre: positions (k,) and heights (k,) of the test spectrum.
        positions, heights, widths: as ``drawn_peaks`` gives them.
        settings: of this script, which say how near.
    """
    near = (abs(positions - centre[0]) <= settings.near_position).all(axis=1)
    near &= (abs(heights - centre[1]) <= settings.near_height).all(axis=1)
    for i in np.flatnonzero(near):
        yield positions[i], heights[i], widths[i]


if __name__ == "__main__":
    run_script(main, Settings)
