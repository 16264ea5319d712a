"""results/*.csv → the tables of README.md and other pages, below comments that name them."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import plot_headline
from studies import ablation, batch_statistics, robustness, space_group_ablation
from synthetic_spectra.analysis import claims, crystal_tables, measured_files, results, tables
from synthetic_spectra.analysis.statistics import changes as changes_of_networks
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.training.run import Identity

DOCS = [f"docs/{page}.md" for page in ("claims", "crystals", "evaluation", "limited_data")]
VERDICTS = {
    "identifiable": "identifiable",
    "tied": "tied: several classes are exactly as probable",
    "lost": "lost: another class is more probable than the true one",
}
BLOCK = re.compile(r"(<!-- table: ([\w =.]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
# the networks of the published experiments with the activations of their hidden layers
NETWORKS = ("cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6")
MODIFIED = ("cnn_bn_mod", "cnn6_convdo", "cnn6_bn", "vgg_mod", "resnet_mod")


@dataclass(frozen=True)
class Settings:
    """Write the tables of the pages anew from the project's record in results/."""

    root: Path = ROOT
    """Folder of the pages."""


def main(settings):
    for page in ("README.md", "results/README.md", *DOCS):
        path = settings.root / page
        text = path.read_text(encoding="utf-8")
        if (filled_in := filled(text)) != text:
            write_text(path, filled_in)
            print(f"wrote {path}", file=sys.stderr)


def filled(text):
    """A page with its tables made anew, e.g. the one below ``<!-- table: networks challenge -->``.

    Raises:
        InputError: for a table that TABLES does not know.
    """

    def made(block):
        start, (kind, *config), end = block[1], block[2].split(), block[3]
        if kind not in TABLES:
            raise InputError(f"table {kind!r}: unknown; known tables: {', '.join(TABLES)}")
        return f"{start}\n{TABLES[kind](*config)}\n\n{end}"

    return BLOCK.sub(made, text)


def headline():
    """Test errors of the networks of the headline figure: mean (lowest–highest) of the seeds."""
    drawn = plot_headline.Settings()
    found = {name: results.read(results.RECORD, name) for name in drawn.configs}
    published = results.read_published()
    activations = plot_headline.row_activations(drawn.networks, found, published)
    published = published[published.quantity == "test_misclassified"]

    # a row for each network
    heads = [f"{name}: published | ours" for name in drawn.configs]
    lines = [["network", *heads, "ours, endless data"], ["---"] * 6]
    for network in activations.items():
        cells = [", ".join(network)]
        for name in drawn.configs:
            ours = rows_of(found[name].runs, network)
            cells.append(spread(rows_of(published[published.config == name], network).value))
            cells.append(spread(plot_headline.errors_of(ours, online=False)))
        lines.append([*cells, spread(plot_headline.errors_of(ours, online=True))])

    # the ceiling
    cells = ["Bayes-optimal, ties at random"]
    for name in drawn.configs:
        limit = found[name].ceiling
        cells += ["", f"{len(limit) - limit.expected_random.sum():g}"]
    lines.append([*cells, cells[-1]])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rows_of(table, network):
    """The rows of a network: its name and hidden activation."""
    return table[(table[["model", "hidden_activation"]] == list(network)).all(axis=1)]


def networks(name):
    """A line for each network, as ``evaluate.py`` prints it."""
    found = results.read(results.RECORD, name)
    return markdown(tables.networks(found.runs, results.read_published(), found.ceiling))


def top(name):
    """Share of the test spectra whose class is among the most probable ones, with intervals."""
    return markdown(tables.top_intervals(results.read(results.RECORD, name).runs))


def groups(name):
    """Accuracy in % of each network for each cause, and that of the Bayes-optimal classifier."""
    found = results.read(results.RECORD, name, "groups").groups
    found = found[found.group == "all"]
    lines = []
    for network, rows in results.by_network(found):
        lines.append({"network": network.label} | percents(rows, "accuracy"))
    for ties, column in tables.TIES.items():
        lines.append({"network": f"Bayes-optimal, ties {ties}"} | percents(rows, column))
    return markdown(pd.DataFrame(lines))


def changes(name, after, before=""):
    """What a change of the networks saves; for the words see ``statistics.changes``."""
    found = results.read(results.RECORD, name, "differences").differences
    return markdown(changes_of_networks(found, after, before))


def ingredients(name):
    """What each ingredient of blurred_areas is worth, as ``studies/ablation.py`` prints it."""
    return markdown(ablation.comparison(results.read(results.RECORD, name, "ablation").ablation))


def artefacts(name):
    """Accuracy with the strongest of each artefact, as ``studies/robustness.py`` prints it."""
    found = results.read(results.RECORD, name, "robustness")
    return markdown(robustness.accuracies(found.robustness))


def verdicts(*names):
    """What the Bayes-optimal classifier makes of the test spectra of each config."""
    ceilings = [results.read(results.RECORD, name, "ceiling").ceiling for name in names]
    lines = {"all": [len(one) for one in ceilings]}
    for verdict, meaning in VERDICTS.items():
        lines[meaning] = [(one.verdict == verdict).sum() for one in ceilings]
    for ties, column in tables.TIES.items():
        wrong = [len(one) - one[column].sum() for one in ceilings]
        lines[f"misclassified, ties {ties}"] = [f"{number:.4g}" for number in wrong]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=list(names))
    return compact(table.reset_index(names="test spectra"))


def statistics(name):
    """Both kinds of statistics of batch normalisation, as ``studies/batch_statistics.py`` prints
    them."""
    found = results.read(results.RECORD, name, "batch_statistics")
    return compact(batch_statistics.comparison(found.batch_statistics))


def ranges(name):
    """How far the runs lie outside of the published ones."""
    return compact(claims.ranges(results.read(results.RECORD, name), results.read_published()))


def preprint(name):
    """The preprint's Table 2 beside the paper and this project."""
    return compact(claims.preprint(results.read(results.RECORD, name), results.read_published()))


def training(name):
    """Published training counts, with dropout on, beside those of this project, without."""
    found = results.read(results.RECORD, name)
    return compact(claims.training_counts(found, results.read_published()))


def activations(name):
    """What ReLU saves in place of linear hidden layers, published and here."""
    found = results.read(results.RECORD, name, "differences")
    return compact(claims.activations(found, results.read_published()))


def causes(name):
    """Confused test spectra by cause."""
    return compact(claims.causes(results.read(results.RECORD, name, "confusions")))


def ranking(name):
    """Misclassified test spectra by cause, the best network first."""
    return compact(claims.ranking(results.read(results.RECORD, name, "groups")))


def choices(name, argument):
    """The runs that have a model argument."""
    found = results.read(results.RECORD, name)
    return compact(claims.settled(found, lambda network: argument in network.model_args))


def modified(name):
    """The runs of the published study of modifications."""
    found = results.read(results.RECORD, name)
    return compact(claims.settled(found, lambda network: network.model in MODIFIED))


def coverage():
    """Which runs of the three published experiments are there."""
    benchmark, challenge = (
        results.read(results.RECORD, name) for name in ("benchmark", "challenge")
    )
    by_activation = [
        Identity(model, activation)
        for model in NETWORKS
        for activation in (("none",) if model == "resnet" else ("linear", "relu"))
    ]
    published = plot_headline.row_activations(NETWORKS, {}, results.read_published())
    parts = [
        claims.coverage(benchmark, [Identity(*network) for network in published.items()]),
        claims.coverage(challenge, by_activation),
        claims.coverage(challenge, [Identity(model, "relu") for model in MODIFIED]),
    ]
    return markdown(pd.concat(parts))


def measured(name):
    """How each method names labelled measured files, as ``evaluate.py --measured`` prints it."""
    found = results.read(results.RECORD, name, "measured").measured
    return markdown(measured_files.summary(found))


def learners(*names):
    """How often each learner has the right class first, and among the first five, by dataset, and
    how many runs that is the mean of."""
    shares, runs = {}, {}
    for one in names:
        found = tables.top_intervals(results.read(results.RECORD, one).runs).set_index("learner")
        runs[one] = found["runs"].astype(str)
        shares |= {one: found["top 1"], f"{one}: 5": found["top 5"].str.split().str[0]}
    counted = pd.DataFrame(runs).fillna("0").agg(", ".join, axis=1)
    table = pd.DataFrame(shares).fillna("–").assign(runs=counted)
    return compact(table.rename_axis("learner").reset_index())


def named(*names):
    """How many measured files each method names rightly, by dataset."""
    found = {name: results.read(results.RECORD, name, "measured").measured for name in names}
    tops = {n: measured_files.summary(t).set_index("method")["top 1"] for n, t in found.items()}
    return compact(pd.DataFrame(tops).fillna("–").rename_axis("method").reset_index())


def of_crystals(lines_of, kind):
    """A function that makes a table of lines of a table of results, by the name of its config."""
    return lambda name: compact(lines_of(getattr(results.read(results.RECORD, name, kind), kind)))


def markdown(table):
    return tables.write(table, "markdown")


def compact(table):
    """A table of texts as Markdown without padding, so that its lines stay short."""
    lines = [list(table), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def spread(values):
    """Mean (lowest–highest) of the numbers of several runs; a dash without any."""
    values = values.dropna()
    if values.nunique() < 2:
        return f"{values.iloc[0]:g}" if len(values) else "–"
    return f"{values.mean():.1f} ({values.min():g}–{values.max():g})"


def percents(rows, column):
    return {row["cause"]: f"{100 * row[column]:.0f}" for row in rows.to_dict("records")}


TABLES = {
    one.__name__: one
    for one in (
        *(headline, networks, top, groups, changes, ingredients, artefacts, measured),
        *(statistics, ranges, preprint, training, activations, causes, ranking, choices, coverage),
        *(modified, verdicts, learners, named),
    )
}
TABLES |= {
    "accuracies": of_crystals(crystal_tables.accuracies, "tested_on"),
    "of_types": of_crystals(crystal_tables.of_types, "tested_on"),
    "trainings": of_crystals(crystal_tables.trainings, "trained_on"),
    "variants": of_crystals(space_group_ablation.comparison, "ablation"),
    "distances": of_crystals(crystal_tables.distances, "crystals"),
}


if __name__ == "__main__":
    run_script(main, Settings)
