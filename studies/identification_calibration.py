"""dataset_configs/<config>.json → output/results/identification_<config>.csv: sure matches."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.ndimage import gaussian_filter1d

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Count, Folder, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.foreground import Foreground, foreground
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, sources

THRESHOLDS = (0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.95)  # of the printed table
LEAST_SHARE = 0.2  # of a phase of a mixture
HUMPS = (0.02, 0.1)  # lowest, highest σ of an amorphous hump, as shares of the axis
SNR = (20, 1000)  # lowest, highest ratio of a hump and the noise on it


@dataclass(frozen=True)
class Settings:
    """Identify spectra whose answer is known, and spectra that have none."""

    config: str = "minerals"
    """Name of a file in dataset_configs/ that has an axis and names, or a path to a .json."""
    spectra: Count = 200
    """Spectra of each kind, ≥ 1."""
    similar: float = 0.8
    """Cosine similarity to the class of a spectrum above which classes are left out of the library,
    so that the spectrum is unlisted."""
    seed: Seed = 0
    """Random seed of the spectra, ≥ 0."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per spectrum."""


def main(settings):
    path = config.find(settings.config)
    try:
        identifier = Identifier(config.load(path).resolved(), least_certainty=0)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    rows = [
        {"kind": kind, "names": " + ".join(sorted(names)), **answer}
        for kind, names, answer in track(
            answers(identifier, settings), "identifying", total=5 * settings.spectra
        )
    ]
    table = pd.DataFrame(rows)
    results.write(settings.results_dir, path.stem, {"identification": table})
    print(curve(table, THRESHOLDS).to_string(float_format="%.3f"))


def answers(identifier, settings):
    """The kind of each spectrum, the names that are in it, and what it was identified as.

    listed: training spectra of a class, over the whole axis; mixture: the sum of two; unlisted:
    training spectra of a class that is left out of the library, with all that are similar or have
    its name; noise; humps as of something amorphous.
    """
    definitions, rng = identifier.definitions, np.random.default_rng(settings.seed)
    names = np.array([one.name for one in definitions.spectra.values()])
    n, size = settings.spectra, definitions.n_datapoints

    # no more training spectra than are taken, over the whole axis
    several = definitions.changed(n_train=max(2, -(-2 * n // len(names))), crop=1.0)
    x, y = sources.fresh(several, settings.seed, 0)
    chosen = rng.permutation(len(x))

    for row in chosen[:n]:
        yield "listed", {names[y[row]]}, identified(identifier, x[row], names, {names[y[row]]})
    for one, other in zip(chosen[:n], chosen[-n:], strict=True):
        share = rng.uniform(LEAST_SHARE, 1 - LEAST_SHARE)
        true = {names[y[one]], names[y[other]]}
        spectrum = share * x[one] + (1 - share) * x[other]
        yield "mixture", true, identified(identifier, spectrum, names, true)
    for row in chosen[:n]:
        left = ~similar(identifier, y[row], settings.similar) & (names != names[y[row]])
        yield "unlisted", {names[y[row]]}, identified(identifier, x[row], names, set(), left)
    for _ in range(n):
        noise = rng.standard_normal(size)
        yield "noise", set(), identified(identifier, noise, names, set())
    for _ in range(n):
        centre, sigma = rng.uniform(0, size), size * rng.uniform(*HUMPS)
        hump = np.exp(-0.5 * ((np.arange(size) - centre) / sigma) ** 2)
        noise = rng.standard_normal(size) / np.exp(rng.uniform(*np.log(SNR)))
        yield "amorphous", set(), identified(identifier, hump + noise, names, set())


def identified(identifier, spectrum, names, true, allowed=None):
    """The similarity of the best class and of all phases, the certainty, the phases, and whether
    they are right.

    Args:
        spectrum: (n_datapoints,).
        names: of the classes.
        true: set of the names that are in it.
        allowed: (classes,) bool, the classes of the library; all by default.
    """
    everywhere = np.ones(len(spectrum), bool)
    measured = foreground(spectrum, everywhere, identifier.definitions.rendering.kernel_range)
    cosines, _, _ = identifier.library.similarities(measured, allowed)
    phases, explained = identifier.library.mixture(measured, allowed)
    found = {str(names[phase.label]) for phase in phases}
    return {
        "cosine": cosines.max(),
        "explained": explained,
        "certainty": identifier.certainty(measured, phases, explained),
        "phases": " + ".join(sorted(found)),
        "right": bool(true) and found == true,
    }


def similar(identifier, label, limit):
    """Which classes are more similar to a class than a limit, (classes,) bool."""
    definitions = identifier.definitions
    definition, sigma = definitions.spectra[str(label)], definitions.rendering.test_kernel
    sticks = np.zeros(definitions.n_datapoints)
    sticks[definition.peak_positions] = definition.peak_heights
    spectrum = gaussian_filter1d(sticks, sigma, mode="constant")
    everywhere = np.ones(len(spectrum), bool)
    measured = Foreground(spectrum, everywhere, noise=0.0, sigma=sigma)
    return identifier.library.similarities(measured)[0] > limit


def curve(table, thresholds):
    """What a threshold of the certainty keeps and rejects.

    Args:
        table: a row per spectrum, with kind, certainty and right.
        thresholds: of the certainty.

    Returns:
        a row per threshold: for listed spectra and mixtures the share of the right answers that are
        kept, and of all spectra the share that is kept with a wrong one; share rejected of the
        other kinds.
    """
    rows = []
    for threshold in thresholds:
        row = {"threshold": threshold}
        for kind, part in table.groupby("kind", sort=False):
            sure = part["certainty"] >= threshold
            if part["right"].any():
                row[f"{kind}_right_kept"] = (sure & part["right"]).sum() / part["right"].sum()
                row[f"{kind}_wrong"] = (sure & ~part["right"]).mean()
            else:
                row[f"{kind}_rejected"] = 1 - sure.mean()
        rows.append(row)
    return pd.DataFrame(rows).set_index("threshold")


if __name__ == "__main__":
    run_script(main, Settings)
