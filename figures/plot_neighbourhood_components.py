"""datasets/<config>/ or labelled files → output/figures/plot_neighbourhood_components.png: a map of
some spectra, and others on it."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import measured_files
from synthetic_spectra.common.cli import Count, Folder, Seed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.spectra.names import class_label

MARKERS = "osD^vP*X<>"


@dataclass(frozen=True)
class Settings:
    """Draw a map by neighbourhood components analysis (Goldberger et al., NIPS 17 (2004)): the
    spectra that it was fitted to, and others."""

    config: str = "mofs_200_noise_shuffle"
    """Dataset: a name in dataset_configs/ or a path to a .json. Without measured files the map is
    fitted to its validation spectra and shows its test spectra."""
    n_classes: Count = 10
    """Number of classes that are drawn, the first ones, ≥ 1."""
    seed: Seed = 0
    """Random seed of the analysis, ≥ 0."""

    # measured files in place of the dataset
    measured: Path | None = None
    """CSV of measured files, as for evaluate.py; each belongs to the group of its names."""
    column: str = "laboratory"
    """Column of the CSV that parts the files."""
    fitted: tuple[str, ...] = ()
    """Values in the column of those files that the map is fitted to; the first value by default."""

    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    output: style.Picture = style.FOLDER / "plot_neighbourhood_components.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    path = config.find(settings.config)
    titles = ("fitted to these validation spectra", "test spectra on the same map")
    if settings.measured:
        parts, titles, names = of_files(settings, path)
    else:
        data = dataset.load(settings.datasets_dir, path)
        parts = [of_split(data, split, settings.n_classes) for split in ("val", "test")]
        names = {label: class_label(data.definitions, label) for label in parts[0][1]}
    places, groups = mapped(parts, settings.seed), [groups for _, groups in parts]

    titles = [
        f"{title}\n{count} of {len(of_part)} nearest to one of their group"
        for title, count, of_part in zip(titles, in_place(places, groups), groups, strict=True)
    ]
    for title in titles:
        print(title.replace("\n", ": "))
    figure = draw(places, groups, names, titles)
    caption = f"Map of spectra of {path.stem} by neighbourhood components analysis, fitted and not"
    style.save(figure, settings.output, caption, [path.stem])


def of_split(data, split, n_classes):
    """Spectra (n, n_datapoints) and labels (n,) of the first classes of a split of a dataset."""
    rows = np.flatnonzero(data.y[split] < n_classes)
    return data.x[split][rows], data.y[split][rows]


def of_files(settings, path):
    """The measured files that the map is fitted to, and the others of the same groups.

    Returns:
        two pairs of spectra (n, n_datapoints) and groups (n,), titles, names of the groups.

    Raises:
        InputError: if a value of the column has no files, or the list or a file cannot be read.
    """
    listed = measured_files.read_list(settings.measured)
    table = pd.read_csv(settings.measured, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if settings.column not in table:
        raise InputError(f"{settings.measured}: no column {settings.column}")
    values = table[settings.column].to_numpy()
    fitted = settings.fitted or (values[0],)
    for one in fitted:
        if one not in values:
            known = ", ".join(sorted(set(values)))
            raise InputError(f"--fitted {one!r}: expected values of {settings.column}: {known}")

    # spectra without their background, scaled like those of a dataset; no name, no group
    identifier = Identifier(config.load(path).resolved())
    spectra, groups, first = [], [], []
    for (_, place, names), value in zip(listed, values, strict=True):
        if names:
            _, spectrum = identifier.spectrum(place)
            spectra.append(spectrum.intensities)
            groups.append(measured_files.PLUS.join(names))
            first.append(value in fitted)
    spectra, groups, first = np.array(spectra), np.array(groups), np.array(first)

    # on the map there are groups only that it was fitted to
    shown = ~first & np.isin(groups, groups[first])
    if left := sorted(set(groups) - set(groups[first])):
        notice(f"no file of {', '.join(fitted)} holds {', '.join(left)}: left out")
    if not shown.any():
        raise InputError(f"{settings.measured}: no file of others than {', '.join(fitted)}")
    parts = [(spectra[rows], groups[rows]) for rows in (first, shown)]
    titles = (f"fitted to these files of {', '.join(fitted)}", "others on the same map")
    return parts, titles, {group: group for group in groups}


def mapped(parts, seed):
    """Places (n, 2) of spectra on a map that is fitted to the first part of them.

    Args:
        parts: pairs of spectra (n, n_datapoints) and groups (n,).
        seed: random seed.

    Raises:
        InputError: if there is but one group.
    """
    from sklearn.neighbors import NeighborhoodComponentsAnalysis

    spectra, groups = parts[0]
    if len(set(groups)) < 2:
        raise InputError("the map is fitted to one group alone, expected at least two")
    analysis = NeighborhoodComponentsAnalysis(2, init="pca", random_state=seed)
    analysis.fit(spectra, groups)
    return [analysis.transform(spectra) for spectra, _ in parts]


def in_place(places, groups):
    """How many spectra of each part have a spectrum of their group as the nearest one among the
    fitted ones, other than themselves.

    Args:
        places: of each part (n, 2), that of the fitted spectra first.
        groups: of each part (n,).
    """
    counts = []
    for i, (of_part, own) in enumerate(zip(places, groups, strict=True)):
        distances = np.linalg.norm(of_part[:, None] - places[0][None], axis=2)
        if i == 0:
            np.fill_diagonal(distances, np.inf)
        counts.append(int((groups[0][distances.argmin(axis=1)] == own).sum()))
    return counts


def draw(places, groups, names, titles):
    """The figure: the fitted spectra in the left panel, others in the right one.

    Args:
        places: of each part (n, 2).
        groups: of each part (n,).
        names: group → its name.
        titles: of the panels.
    """
    figure, panels = style.pyplot().subplots(1, 2, sharex=True, sharey=True, figsize=(12, 6.5))
    for axes, of_part, own, title in zip(panels, places, groups, titles, strict=True):
        for i, group in enumerate(sorted(set(groups[0]))):
            look = {"color": f"C{i}", "marker": MARKERS[i % len(MARKERS)]}
            axes.plot(*of_part[own == group].T, linestyle="", label=names[group], **look)
        axes.set_title(title)
        axes.set_xlabel("first component")
    panels[0].set_ylabel("second component")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
