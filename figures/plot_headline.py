"""results/*.csv → output/figures/plot_headline.png: errors of every network, published and ours."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config
from synthetic_spectra.training.run import Identity

# who trained a network, and on what → how its runs look, where in the row, what stands in for none
SERIES = {
    "published": ({"marker": "s", "color": "C6"}, -0.27, "not published"),
    "this project": ({"marker": "o", "color": "C0"}, 0, "no run yet"),
    "this project, endless training spectra": ({"marker": "D", "color": "C1"}, 0.27, ""),
}


@dataclass(frozen=True)
class Settings:
    """Draw what each network misclassifies, published and in this project, beside the ceiling."""

    configs: Annotated[tuple[str, ...], Field(min_length=1)] = ("benchmark", "challenge")
    """Datasets, a panel each: names in dataset_configs/, or paths to a .json."""
    networks: Annotated[tuple[str, ...], Field(min_length=1)] = (
        *("cnn_bn", "cnn2", "cnn3", "vgg", "resnet", "inc3", "inc6", "cnn6"),
        "blurred_areas",
    )
    """Networks, a row each: names in model_implementations.MODELS."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_headline.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    paths = [config.find(one) for one in settings.configs]
    tables = {path.stem: results.read(settings.results_dir, path.stem) for path in paths}
    classes = {path.stem: config.load(path).n_classes for path in paths}
    published = results.read_published()

    activations = row_activations(settings.networks, tables, published)
    figure = draw(tables, published, activations, classes)
    caption = (
        f"Misclassified test spectra of each network on {' and '.join(tables)}: published, "
        "in this project, and of the Bayes-optimal classifier"
    )
    style.save(figure, settings.output, caption, tables)


def row_activations(networks, tables, published):
    """Network → hidden activation of its row: the published benchmark's, else that of most runs.

    Args:
        networks: names.
        tables: name of a dataset → ``results.Results``.
        published: what ``results.read_published`` gives.
    """
    # the preprint's Table 2 is the benchmark; other published values compare activations
    benchmarked = published[published.quantity == "test_misclassified_mean"]
    sources = [benchmarked, *(one.runs for one in tables.values())]

    chosen = {}
    for network in networks:
        found = [rows[rows.model == network].hidden_activation for rows in sources]
        found = [values.mode().iloc[0] for values in found if len(values)]
        chosen[network] = found[0] if found else ""
    return chosen


def errors_of(runs, online):
    """Misclassified test spectra (a number per seed) of the way to train that has most seeds.

    Where several have as many, it is the one that is nearest to the published protocol.

    Args:
        runs: rows of one network and hidden activation.
        online: whether runs with endless training spectra are meant, or with those of the dataset.
    """
    rows = runs[(runs.online == online) & (runs.model_args == "")]
    rows = rows.dropna(subset="test_misclassified")  # those that diverged
    # in ascending order, so no moving averages come first, and float32 before mixed_bfloat16
    ways = [way.test_misclassified for _, way in rows.groupby(list(Identity.COLUMNS))]
    return max(ways, key=len, default=rows.test_misclassified)


def draw(tables, published, activations, classes):
    """The figure: a panel per dataset, a row per network, a dot per run, a mark at their mean.

    Args:
        tables: name of a dataset → ``results.Results``.
        published: what ``results.read_published`` gives.
        activations: network → hidden activation, in the order of the rows.
        classes: name of a dataset → number of its classes.
    """
    n_rows = len(activations)
    size = 2 + 4 * len(tables), 0.5 * n_rows + 2.5
    figure, panels = style.pyplot().subplots(
        1, len(tables), figsize=size, sharey=True, squeeze=False
    )
    published = published[published.quantity == "test_misclassified"].rename(
        columns={"value": "test_misclassified"}
    )

    for axes, (name, one) in zip(panels[0], tables.items(), strict=True):
        # stripes lead the eye from the names to the marks
        for row in range(0, n_rows, 2):
            axes.axhspan(row - 0.5, row + 0.5, color="0.94", zorder=0)

        in_print = published[published.config == name]
        for row, names in enumerate(activations.items()):
            theirs, ours = (
                runs[(runs[["model", "hidden_activation"]] == list(names)).all(axis=1)]
                for runs in (in_print, one.runs)
            )
            every = (theirs.test_misclassified, errors_of(ours, False), errors_of(ours, True))
            for errors, (look, place, lacking) in zip(every, SERIES.values(), strict=True):
                draw_series(axes, errors, row + place, look, lacking)

        n_test = one.n_test
        if one.ceiling is not None:
            for column, (line, _) in style.CEILINGS.items():
                least = n_test - one.ceiling[column].sum()
                axes.axvline(least, color="C2", linestyle=line, clip_on=False, zorder=1)
        axes.set_title(f"{name} ({classes[name]} classes)")
        axes.set_xlabel(f"misclassified of {n_test} test spectra")
        axes.set_xlim(left=0)
        axes.spines["left"].set_visible(False)
        axes.tick_params("y", length=0)

    first = panels[0, 0]
    first.set_yticks(range(n_rows), [", ".join(names) for names in activations.items()])
    first.set_ylim(n_rows - 0.5, -0.5)
    for name, (look, *_) in SERIES.items():
        first.plot([], [], **look, linewidth=2, markersize=8, label=name)
    for line, ties in style.CEILINGS.values():
        first.plot([], [], color="C2", linestyle=line, label=f"Bayes-optimal, {ties}")
    title = "large mark: mean; small: one seed; bar: lowest to highest"
    figure.legend(loc="outside lower center", ncols=2, title=title)
    return figure


def draw_series(axes, errors, place, look, lacking):
    """Draw errors (a number per seed) at one height of a panel, or say that there are none."""
    if errors.empty:
        axes.text(
            0.99, place, lacking, transform=axes.get_yaxis_transform(), color="0.4", fontsize=10,
            ha="right", va="center",
        )  # fmt: skip
        return
    color, places = look["color"], [place] * len(errors)
    axes.hlines(place, errors.min(), errors.max(), color=color, linewidth=2)
    axes.scatter(errors, places, 14, color=color, alpha=0.5, clip_on=False)
    axes.scatter(errors.mean(), place, 70, **look, edgecolor="white", zorder=3, clip_on=False)


if __name__ == "__main__":
    run_script(main, Settings)
