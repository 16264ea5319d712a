"""Ablation and robustness: each run is trained and counted as it is named, and what is finished is
not done again."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, own_results

import train
from figures import plot_robustness
from studies import ablation, robustness
from synthetic_spectra.analysis import tables
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.spectra.artefacts import ARTEFACTS
from synthetic_spectra.training import run_folder

EXAMPLE = str(ROOT / "dataset_configs" / "example.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def ablated(place):
    names = ("complete", "no root", "linear hidden layer", "5 spectra per class", "endless spectra")
    settings = ablation.Settings(
        config=EXAMPLE, variants=names, seeds=(3,), epochs=2, datasets_dir=place / "d", runs_dir=place / "r",
        results_dir=place,
    )  # fmt: skip
    ablation.main(settings)
    return settings


def test_every_variant_is_what_it_is_called(ablated, place):
    table = pd.read_csv(place / "ablation_example.csv")
    assert list(table.variant) == list(ablated.variants)
    of = {}
    for name in ablated.variants:
        (first,) = run_folder.found(ablation.folder(ablated, name), "example")
        assert first.settings["seed"] == 3
        assert (
            first.summary["test_misclassified"]
            == table[table.variant == name].test_misclassified.iloc[0]
        )
        of[name] = first.settings
    same = {name: value for name, value in of["complete"].items() if name != "run_id"}
    for name, changes in (
        ("no root", {"model_args": {"root": False}}),
        ("linear hidden layer", {"hidden_activation": "linear"}),
        ("endless spectra", {"online": True}),
    ):
        assert {key: value for key, value in of[name].items() if key != "run_id"} == same | changes
    assert len(dataset.load(place / "d" / "n_train=5", "example").x["train"]) == 10
    assert of["5 spectra per class"]["dataset_checksum"] != same["dataset_checksum"]


def test_finished_runs_stay_and_differences_have_intervals(ablated, capsys):
    ablation.main(replace(ablated, variants=("no root",)))
    told = capsys.readouterr().out
    assert "1 of them finished already" in told
    rows = pd.DataFrame(
        {"variant": ["complete"] * 3 + ["worse"] * 3, "test_misclassified": [1, 2, 3, 11, 12, 13]}
    )
    lines = ablation.summary(rows.assign(trained_epochs=1, minutes=0.5)).set_index("variant")
    assert lines.loc["worse", "more"] == "+10.0"
    lower, upper = map(float, lines.loc["worse", "95 % interval"].split(" to "))
    assert 8 < lower < 10 < upper < 12
    with pytest.raises(InputError, match=r"'no rot'.*no root"):
        ablation.main(replace(ablated, variants=("no rot",)))


def test_networks_are_tested_with_artefacts_and_trained_with_them(ablated, place, capsys):
    settings = robustness.Settings(
        config=EXAMPLE, artefacts=("noise",), models=("blurred_areas",), epochs=2, results_dir=place,
        datasets_dir=place / "d" / "published", runs_dir=ablation.folder(ablated, "complete"),
    )  # fmt: skip
    robustness.main(settings)
    table = pd.read_csv(place / "robustness_example.csv", dtype={"model_args": str})
    assert len(table) == 1 + 3 * (1 + 1)
    assert set(table[table.trained == "with"].strength) == set(ARTEFACTS["noise"][1])
    ideal = table[table.artefact == "none"]
    complete = pd.read_csv(place / "ablation_example.csv").query("variant == 'complete'")
    assert list(ideal.test_misclassified) == list(complete.test_misclassified)
    name = f"noise={max(ARTEFACTS['noise'][1]):g}"
    noisy = dataset.load(settings.datasets_dir / "robustness" / name, "example")
    assert noisy.definitions.artefacts() == {"noise": max(ARTEFACTS["noise"][1])}
    (own,) = run_folder.found(settings.runs_dir / "robustness" / name, "example")
    # a training that was interrupted is left out
    summary = own.folder / "summary.json"
    summary.rename(place / "summary.json")
    robustness.main(replace(settings, models=(), results_dir=place / "without"))
    assert len(pd.read_csv(place / "without" / "robustness_example.csv")) == len(table) - 1
    (place / "summary.json").rename(summary)
    assert own.settings["dataset_checksum"] == noisy.checksum
    assert own.summary["test_misclassified"] in set(
        table[table.trained == "with"].test_misclassified
    )
    # rows of models that have no run here stay with --keep, and only then
    output = place / "robustness_example.csv"
    table.assign(hidden_activation="tanh").to_csv(output, index=False)
    for keep, rows in ((True, 2 * len(table)), (False, len(table))):
        robustness.main(replace(settings, keep=keep))
        again = pd.read_csv(output, dtype={"model_args": str})
        assert len(again) == rows
        pd.testing.assert_frame_equal(
            again[again.hidden_activation == "relu"].reset_index(drop=True), table
        )
    output.write_text("model\n")
    with pytest.raises(InputError, match="not a table of robustness"):
        robustness.main(replace(settings, keep=True))
    table.to_csv(output, index=False)
    capsys.readouterr()

    figure = plot_robustness.draw(table.fillna({"model_args": ""}), "example")
    first, noise = (axes for axes in figure.axes if axes.images)
    networks = [tick.get_text() for tick in first.get_yticklabels()]
    accuracy = table.assign(accuracy=100 * (1 - table.test_misclassified / table.test_spectra))
    assert sorted(network.endswith(", trained with it") for network in networks) == [False, True]
    for row, network in enumerate(networks):
        how = "with" if network.endswith(", trained with it") else "without"
        means = accuracy[accuracy.trained == how].groupby("strength").accuracy.mean()
        shown = [axes.images[0].get_array()[row] for axes in (first, noise)]
        expected = means.reindex([0.0, *ARTEFACTS["noise"][1]])
        np.testing.assert_allclose(np.ma.filled(np.ma.concatenate(shown), np.nan), expected)
    plt.close(figure)
    output = place / "robustness.png"
    plot_robustness.main(plot_robustness.Settings(config=EXAMPLE, results_dir=place, output=output))
    assert output.stat().st_size > 10_000
    for change, words in (
        ({"artefacts": ("nose",)}, "'nose'.*noise"),
        ({"runs_dir": place / "no"}, r"train\.py"),
    ):
        with pytest.raises(InputError, match=words):
            robustness.main(replace(settings, **change))
    with pytest.raises(InputError, match=r"robustness\.py --config example"):
        plot_robustness.main(plot_robustness.Settings(config=EXAMPLE, results_dir=place / "no"))


@pytest.mark.parametrize("study", [ablation, robustness])
def test_the_page_shows_the_committed_studies(study):
    """Made by ablation.py and robustness.py, with --config challenge."""
    if own_results():
        pytest.skip("results/ were made anew here")
    readme = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    table = pd.read_csv(
        ROOT / "results" / f"{study.__name__.rpartition('.')[2]}_challenge.csv",
        dtype={"model_args": str},
    )
    assert tables.write(study.summary(table.fillna({"model_args": ""})), "markdown") in readme


def test_the_ninth_network_is_told_how_far_peaks_shift(ablated, place):
    data = dataset.load(place / "d" / "published", "example")
    (run, *_) = run_folder.found(ablation.folder(ablated, "complete"), "example")
    model = train.build_for(run, data)
    assert data.definitions.sizes() == (500, 2, 20)
    blur = next(layer for layer in model.layers if not layer.trainable and layer.weights)
    blurred = train.keras.Model(model.input, blur.output)
    spectra = np.zeros((2, 500, 1), "float32")
    spectra[:, 240:242] = 0.5
    spectra[1, 242:244] = 1.0
    one, three = train.keras.ops.convert_to_numpy(blurred(spectra))
    samples = 4.5 + 10 * np.arange(50)  # every half shift range
    np.testing.assert_allclose(
        one, np.exp(-0.5 * ((samples - 240.5) / 20) ** 2), atol=1e-6
    )  # bins of 2
    np.testing.assert_allclose(
        three - one, 2 * np.exp(-0.5 * ((samples - 242.5) / 20) ** 2), atol=1e-6
    )
