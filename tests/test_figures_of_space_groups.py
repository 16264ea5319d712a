"""Figures and lines of networks for space groups: they show what the tables hold."""

import pandas as pd
import pytest
from drawing import run

from figures import plot_crystal_groups, plot_learning_curve, plot_top_k, style
from synthetic_spectra.analysis import crystal_tables, results
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training.outcome import TOP

NAME = "space_groups_30"
REAL = {"random_crystals": "unseen_types", "real_structures": "unseen_types",
        "real_structures_random_split": "random_split"}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of two networks: that of the record, and one trained on real structures, whose spectra
    are not fresh, by two ways."""
    folder = tmp_path_factory.mktemp("tables")
    record = results.Results(results.RECORD, NAME)
    for kind in ("trained_on", "tested_on", "crystal_groups", "learning_curve"):
        table = getattr(record, kind)
        first = table[table.trained_on == "random_crystals"].query("seed == 0")
        first = first[first.model == "strided"]
        parts = [first, first.assign(seed=1)]
        for name, test_set in list(REAL.items())[1:]:
            other = first.assign(trained_on=name, online=False)
            if "test_set" in other:
                renamed = other.test_set.replace("unseen_types", test_set)
                other = other.assign(test_set=renamed)
            parts.append(other)
        results.write(folder, NAME, {kind: pd.concat(parts)})
    return folder


def test_errors_are_drawn_over_the_spectra_seen(tmp_path, folder):
    run(plot_learning_curve, results_dir=folder, output=tmp_path / "curve.png")
    caption, datasets = style.contents(tmp_path / "curve.png")
    assert "spectra seen" in caption and datasets == [NAME]

    found = results.Results(folder, NAME)
    figure = plot_learning_curve.draw(found.learning_curve, found.tested_on)
    assert [axes.get_title() for axes in figure.axes] == [name.replace("_", " ") for name in REAL]
    curve = found.learning_curve[found.learning_curve.trained_on == "real_structures"]
    axes = figure.axes[1]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = [line.get_data() for line in axes.lines]
    for column in ("accuracy", "val_accuracy"):
        assert any(
            list(x) == curve.spectra_seen.tolist()
            and list(y) == pytest.approx((100 * (1 - curve[column])).tolist())
            for x, y in drawn
        )
    # the test at the end
    tested = found.tested_on
    one = tested[(tested.trained_on == "real_structures") & (tested.test_set == "unseen_types")]
    error = 100 * (1 - one[one.top == 1].share.iloc[0])
    assert any(list(y) == pytest.approx([error]) for _, y in drawn)
    # a network has one colour, whether its spectra are fresh or not
    assert len({line.get_color() for axes in figure.axes for line in axes.lines}) == 1
    plot_learning_curve.draw(found.learning_curve, None)


def test_groups_of_crystals_are_drawn_above_their_numbers(tmp_path, folder):
    run(plot_crystal_groups, results_dir=folder, output=tmp_path / "groups.png")
    with pytest.raises(InputError, match="'vgg'"):
        run(plot_crystal_groups, results_dir=folder, model="vgg", output=tmp_path / "none.png")

    table = results.Results(folder, NAME).crystal_groups
    table = table[table.test_set.isin(REAL.values())]
    above, below = plot_crystal_groups.draw(table).axes[0], plot_crystal_groups.draw(table).axes[3]
    rows = table[(table.property == "crystal_system") & (table.seed == 0)]
    rows = rows[rows.trained_on == "random_crystals"]
    shares = 100 * rows.test_top_1 / rows.test_spectra
    assert list(above.lines[0].get_ydata()) == pytest.approx(shares.tolist())
    assert [patch.get_height() for patch in below.patches[: len(rows)]] == list(rows.test_spectra)
    assert [tick.get_text() for tick in below.get_xticklabels()] == rows.group.tolist()

    # two networks that were trained alike are not averaged
    others = table.assign(ema_momentum=0.5, **{TOP[1]: 0})
    above = plot_crystal_groups.draw(pd.concat([table, others])).axes[0]
    labels = above.get_legend_handles_labels()[1]
    assert len(labels) == 2 * 2 * table.trained_on.nunique() and "ema_momentum 0.5" in labels[2]
    assert list(above.lines[0].get_ydata()) == pytest.approx(shares.tolist())


def test_the_first_five_answers_have_a_panel_for_each_kind_of_training(tmp_path, folder):
    flags = {"configs": (NAME,), "trained_on": True, "results_dir": folder}
    run(plot_top_k, **flags, output=tmp_path / "top.png")
    table = results.Results(folder, NAME).tested_on
    own = table[(table.test_set == "random_split") & (table.seed == 0)]
    found = plot_top_k.shares(own)
    assert found[:, 0] == pytest.approx((100 * own.correct / own.test_spectra).tolist(), abs=1e-3)
    assert (found[:, 1] <= found[:, 0]).all() and (found[:, 0] <= found[:, 2]).all()


def test_lines_are_means_over_runs(folder):
    found = results.Results(folder, NAME)
    lines = crystal_tables.accuracies(found.tested_on)
    assert set(lines["tested on"]) == {name.replace("_", " ") for name in found.tested_on.test_set}
    first = found.tested_on.iloc[0]
    assert lines.network[0].endswith("×2")
    assert lines["top 1"][0].startswith(f"{100 * first.share:.1f} ({100 * first.lower:.0f}–")
    of_types = crystal_tables.of_types(found.tested_on)
    assert "random crystals" not in set(of_types["tested on"])
    assert of_types["top 1"][0].startswith(f"{100 * first.type_mean:.1f} (")
    trainings = crystal_tables.trainings(found.trained_on)
    assert trainings["top 1"][0].endswith("± 0.0")
    assert trainings["trained on"].tolist() == [name.replace("_", " ") for name in REAL]
