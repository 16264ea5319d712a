"""results/*.csv → the tables in README.md and results/README.md, below comments that name them."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import plot_headline
from studies import ablation, robustness
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text

PAGES = (Path("README.md"), Path("results/README.md"))
BLOCK = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """Write the tables of the pages anew from the project's record in results/."""

    root: Path = ROOT
    """Folder of the pages."""


def main(settings):
    for page in PAGES:
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
    """What a change of the networks saves: pairs of networks whose labels differ in one word.

    Args:
        name: of the config.
        after: that word, e.g. "relu".
        before: the word that it replaces; "" if it is added at the end of the label.
    """
    found = results.read(results.RECORD, name, "differences").differences
    lines = []
    for row in found.to_dict("records"):
        words = row["model_a"].split()
        changed = (
            [after if word == before else word for word in words] if before else [*words, after]
        )
        if changed == row["model_b"].split() and changed != words:
            interval = (
                f"{row['lower']:.1f} to {row['upper']:.1f}" if row["lower"] == row["lower"] else ""
            )
            lines.append(
                {
                    "network": " ".join(word for word in words if word != before),
                    "runs": f"{row['runs_a']}, {row['runs_b']}",
                    "misclassified fewer": f"{row['difference']:.1f}",
                    "95 % interval": interval,
                    "p (McNemar)": f"{row['p_mcnemar']:.2g}",
                }
            )
    return markdown(pd.DataFrame(lines))


def ingredients(name):
    """What each ingredient of blurred_areas is worth, as ``studies/ablation.py`` prints it."""
    return markdown(ablation.comparison(results.read(results.RECORD, name, "ablation").ablation))


def artefacts(name):
    """Accuracy with the strongest of each artefact, as ``studies/robustness.py`` prints it."""
    found = results.read(results.RECORD, name, "robustness")
    return markdown(robustness.accuracies(found.robustness))


def markdown(table):
    return tables.write(table, "markdown")


def spread(values):
    """Mean (lowest–highest) of the numbers of several runs; a dash without any."""
    values = values.dropna()
    if values.nunique() < 2:
        return f"{values.iloc[0]:g}" if len(values) else "–"
    return f"{values.mean():.1f} ({values.min():g}–{values.max():g})"


def percents(rows, column):
    return {row["cause"]: f"{100 * row[column]:.0f}" for row in rows.to_dict("records")}


TABLES = {
    one.__name__: one for one in (headline, networks, groups, changes, ingredients, artefacts)
}


if __name__ == "__main__":
    run_script(main, Settings)
