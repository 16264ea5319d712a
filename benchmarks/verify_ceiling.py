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
from synthetic_spectra.common.cli import Count, Positive, run_script
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
    """Config and two labels, as config:a-b."""  # fmt: skip
    spectra: Count = 1_000_000
    """Training spectra per pair, half of each class."""
    near_position: Count = 10
    """Spectra are near if every peak lies within so many datapoints …"""
    near_height: Positive = 0.01
    """… and every height, relative to the highest, differs by at most this."""
    seed: Count = 1
    """Of the draws."""


def main(settings):
    rows = []
    for pair in settings.pairs:
        name, _, labels = pair.partition(":")
        began = time.monotonic()
        rows += compare(
            config.load(config.find(name)).resolved(),
            list(map(int, labels.split("-"))),
            settings,
        )
        print(f"{pair}: {time.monotonic() - began:.0f} s", flush=True)
        for row in rows:
            row.setdefault("pair", pair)
    table = pd.DataFrame(rows)
    table.insert(0, "pair", table.pop("pair"))
    path = ROOT / "benchmarks" / "ceiling.csv"
    write_text(path, table.to_csv(index=False, float_format="%.5g"))
    print(table.to_string(index=False, float_format="{:.4f}".format))
    print(f"wrote {path}")


def compare(definitions, labels, settings):
    """For each undecided test spectrum of a pair: the share of the true class among drawn spectra
    near it, twice.

    ``counted`` is the share by who drew them; ``closed_form`` the mean of the posterior that the
    closed form gives them (of the two classes alone); ``deviations`` how many standard deviations
    of the count they are apart.
    """
    classes, rng = Classes(definitions), np.random.default_rng(settings.seed)
    drawn = {}
    for label in labels:
        own = definitions.rendering_of(str(label))
        spectrum, n_spectra = definitions.spectra[str(label)], settings.spectra // 2
        positions, heights, widths = peaks.draw(
            spectrum, own, n_spectra, definitions.n_datapoints, rng
        )
        order = np.argsort(positions, axis=1)
        positions, heights = (
            np.take_along_axis(values, order, axis=1) for values in (positions, heights)
        )
        drawn[label] = positions, heights / heights.max(axis=1, keepdims=True), widths
    undecided = ceiling(definitions)
    rows = []
    for label in labels:
        own = definitions.rendering_of(str(label))
        verdicts = undecided[undecided.label == label]
        tests = zip(
            *peaks.grid(definitions.spectra[str(label)], own, definitions.n_datapoints),
            strict=True,
        )
        for step, (tested, verdict) in enumerate(zip(tests, verdicts.itertuples(), strict=True)):
            if verdict.verdict == "identifiable":
                continue
            centre = visible(*tested[:2])
            posteriors, true = [], []
            for other in labels:
                positions, heights, widths = drawn[other]
                near = (abs(positions - centre[0]) <= settings.near_position).all(axis=1)
                near &= (abs(heights - centre[1]) <= settings.near_height).all(axis=1)
                for i in np.flatnonzero(near):
                    found = [
                        classes.likelihood(one, positions[i], heights[i], widths[i]) or (0, 0.0)
                        for one in (label, *(one for one in labels if one != label))
                    ]
                    posteriors.append(found[0][1] / (found[0][1] + found[1][1]))
                    true.append(other == label)
            posteriors, n = np.array(posteriors), len(posteriors)
            spread = np.sqrt((posteriors * (1 - posteriors)).sum())
            difference = abs(np.sum(true) - posteriors.sum())
            rows.append(
                {
                    "label": label,
                    "test_spectrum": step,
                    "verdict": verdict.verdict,
                    "near": n,
                    "counted": np.mean(true),
                    "closed_form": posteriors.mean(),
                    # where the other class cannot come, there is nothing to deviate
                    "deviations": difference / spread if spread else float(difference > 1e-6),
                }
            )
    return rows


if __name__ == "__main__":
    run_script(main, Settings)
