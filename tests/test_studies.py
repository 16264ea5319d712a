"""Ablation and robustness: each run is trained and counted as it is named, on the spectra of the
dataset as it was rendered."""

import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, own_results

import spectra_from_config
import train
from figures import plot_robustness
from studies import ablation, robustness
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.analysis.strengths import ARTEFACTS
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import run_folder

EXAMPLE = str(ROOT / "dataset_configs" / "example.json")
PAGE = ROOT / "results" / "README.md"
STRONGEST = list(ARTEFACTS["noise"].strengths)[-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which the example is rendered, with settings that are not the defaults."""
    folder = tmp_path_factory.mktemp("studies")
    spectra_from_config.main(
        spectra_from_config.Settings(
            config=EXAMPLE, datasets_dir=folder / "datasets", test_var=0.01, variation_range=0.1
        )
    )
    return folder


@pytest.fixture(scope="module")
def ablated(place):
    names = ("complete", "no root", "linear hidden layer", "5 spectra per class", "endless spectra")
    settings = ablation.Settings(
        config=EXAMPLE,
        variants=names,
        seeds=(3,),
        epochs=2,
        datasets_dir=place / "datasets",
        runs_dir=place / "runs",
        results_dir=place,
    )
    ablation.main(settings)
    return settings


@pytest.fixture(scope="module")
def tested(ablated, place):
    """Settings of robustness.py that test the complete network of the ablation."""
    return robustness.Settings(
        config=EXAMPLE,
        artefacts=("noise",),
        models=("blurred_areas",),
        epochs=2,
        datasets_dir=place / "datasets",
        runs_dir=ablation.run_folder_of(ablated, "complete"),
        results_dir=place,
    )


@pytest.fixture(scope="module")
def table(tested, place):
    """The table of robustness.py, whose networks take a while to train."""
    robustness.main(tested)
    return results.read(place, "example", "robustness").robustness


@pytest.mark.slow
def test_every_variant_is_what_it_is_called(ablated, place):
    table = results.read(place, "example", "ablation").ablation
    assert list(table.variant) == list(ablated.variants)
    settings = {}
    for name in ablated.variants:
        (run,) = run_folder.found(ablation.run_folder_of(ablated, name), "example")
        counted = table[table.variant == name].test_misclassified.iloc[0]
        assert run.summary["test_misclassified"] == counted
        settings[name] = {key: run.settings[key] for key in run.settings if key != "run_id"}
    complete = settings["complete"]
    assert complete["seed"] == 3
    assert complete["dataset_checksum"] == dataset.load(place / "datasets", "example").checksum
    for name, changes in (
        ("no root", {"model_args": {"root": False}}),
        ("linear hidden layer", {"hidden_activation": "linear"}),
        ("endless spectra", {"online": True}),
    ):
        assert settings[name] == complete | changes
    fewer = dataset.load(place / "datasets" / "ablation" / "n_train=5", "example")
    assert len(fewer.x["train"]) == 10
    assert settings["5 spectra per class"] == complete | {"dataset_checksum": fewer.checksum}


@pytest.mark.slow
def test_finished_runs_stay_and_differences_have_intervals(ablated, place, capfd):
    before = results.read(place, "example", "ablation").ablation
    ablation.main(replace(ablated, variants=("no root",)))
    assert "1 of 1 runs finished already" in "".join(capfd.readouterr())
    pd.testing.assert_frame_equal(results.read(place, "example", "ablation").ablation, before)
    rows = pd.DataFrame(
        {"variant": ["complete"] * 3 + ["worse"] * 3, "test_misclassified": [1, 2, 3, 11, 12, 13]}
    )
    lines = ablation.comparison(rows.assign(trained_epochs=1, minutes=0.5)).set_index("variant")
    assert lines.loc["worse", "more"] == "+10.0"
    # Welch: 10 ± 2.776 (t of 4 degrees of freedom) times the root of 1/3 + 1/3
    assert lines.loc["worse", "95 % interval"] == "+7.7 to +12.3"
    with pytest.raises(InputError, match=r"'no rot'.*no root"):
        ablation.main(replace(ablated, variants=("no rot",)))
    with pytest.raises(InputError, match=r"^model 'cnn9': unknown"):
        ablation.main(replace(ablated, model="cnn9"))


@pytest.mark.slow
def test_networks_are_tested_with_artefacts_and_trained_with_them(table, tested, place, capsys):
    robustness.main(tested)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 4 and all(line.startswith("|") for line in shown), "the table alone"
    strengths = ARTEFACTS["noise"].strengths
    assert len(table) == 1 + len(strengths) * (1 + 1)
    assert set(table[table.trained == "with"].strength) == set(strengths)
    complete = results.read(place, "example", "ablation").ablation.query("variant == 'complete'")
    without = table[table.artefact == "none"]
    assert list(without.test_misclassified) == list(complete.test_misclassified)

    noisy = dataset.load(place / "datasets" / "robustness" / f"noise={STRONGEST:g}", "example")
    (run,) = run_folder.found(tested.runs_dir / "robustness" / noisy.folder.parent.name, "example")
    assert run.settings["dataset_checksum"] == noisy.checksum
    counted = table[(table.trained == "with") & (table.strength == STRONGEST)].test_misclassified
    assert list(counted) == [run.summary["test_misclassified"]]

    # a training that was interrupted is left out
    summary = run.folder / "summary.json"
    summary.rename(place / "summary.json")
    robustness.main(replace(tested, models=(), results_dir=place / "without"))
    fewer = results.read(place / "without", "example", "robustness").robustness
    assert len(fewer) == len(table) - 1
    (place / "summary.json").rename(summary)


@pytest.mark.slow
def test_rows_of_other_networks_stay_with_keep_alone(table, tested, place):
    results.write(place, "example", {"robustness": table.assign(hidden_activation="tanh")})
    for keep, rows in ((True, 2 * len(table)), (False, len(table))):
        robustness.main(replace(tested, keep=keep))
        again = results.read(place, "example", "robustness").robustness
        assert len(again) == rows
        ours = again[again.hidden_activation == "relu"].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, table)
    for change, words in (
        ({"artefacts": ("nose",)}, "'nose'.*noise"),
        ({"runs_dir": place / "no"}, r"train\.py"),
        ({"models": ("cnn9",)}, "^model 'cnn9': unknown"),
        ({"hidden_activations": ("rule",)}, "^hidden activation 'rule'"),
    ):
        with pytest.raises(InputError, match=words):
            robustness.main(replace(tested, **change))


@pytest.mark.slow
def test_the_figure_of_robustness(table, place):
    figure = plot_robustness.draw(table, "example")
    first, noise = (axes for axes in figure.axes if axes.images)
    networks = [tick.get_text() for tick in first.get_yticklabels()]
    accuracy = table.assign(accuracy=100 * (1 - table.test_misclassified / table.test_spectra))
    assert sorted(network.endswith(", trained with it") for network in networks) == [False, True]
    for row, network in enumerate(networks):
        how = "with" if network.endswith(", trained with it") else "without"
        means = accuracy[accuracy.trained == how].groupby("strength").accuracy.mean()
        shown = [axes.images[0].get_array()[row] for axes in (first, noise)]
        expected = means.reindex([0.0, *ARTEFACTS["noise"].strengths])
        np.testing.assert_allclose(np.ma.filled(np.ma.concatenate(shown), np.nan), expected)
    plt.close(figure)
    output = place / "robustness.png"
    plot_robustness.main(plot_robustness.Settings(config=EXAMPLE, results_dir=place, output=output))
    assert output.stat().st_size > 10_000
    with pytest.raises(InputError, match=r"robustness\.py --config example"):
        plot_robustness.main(plot_robustness.Settings(config=EXAMPLE, results_dir=place / "no"))


@pytest.mark.slow
def test_spectra_with_an_artefact_have_all_other_settings_of_the_dataset(tested, place):
    """Also where the config fixes the very setting, or a default was not the one of the dataset."""
    data = dataset.load(place / "datasets", "example")
    assert data.definitions.rendering.test_var == 0.01
    noisy = replace(data, definitions=data.definitions.changed(noise=0.004))
    settings = replace(tested, datasets_dir=place / "fixed")
    spectra = []
    for artefact, strength, added in (
        ("noise", STRONGEST, {"noise": STRONGEST}),
        ("noise", 0.001, {"noise": 0.001}),
        ("zero_shift", 10.0, {"zero_shift": 10.0, "noise": 0.004}),
    ):
        disturbed = robustness.rendered(settings, noisy, artefact, strength)
        expected = data.definitions.changed(dtype="float32", **added)
        assert disturbed.definitions == expected
        spectra.append(disturbed.x["test"])
    assert not np.array_equal(spectra[0], spectra[1])
    # spectra of an earlier rendering of the dataset are no longer taken
    later = replace(data, definitions=data.definitions.changed(test_var=0.02))
    again = robustness.rendered(settings, later, "noise", STRONGEST)
    assert again.definitions.rendering.test_var == 0.02


def test_a_variant_that_a_class_overrides_is_named_and_the_others_are_trained(tmp_path):
    path = tmp_path / "mine.json"
    fixed = '"peak_heights": [0.6, 1.0], "rendering": {"n_train": 8}'
    path.write_text(Path(EXAMPLE).read_text().replace('"peak_heights": [0.6, 1.0]', fixed))
    datasets_dir = tmp_path / "datasets"
    spectra_from_config.main(
        spectra_from_config.Settings(config=str(path), datasets_dir=datasets_dir, n_train=8)
    )
    settings = ablation.Settings(
        config=str(path),
        variants=("5 spectra per class", "complete"),
        epochs=1,
        seeds=(0,),
        datasets_dir=datasets_dir,
        runs_dir=tmp_path / "runs",
        results_dir=tmp_path,
    )
    with pytest.raises(InputError, match="5 spectra per class: class 0 fixes n_train at 8"):
        ablation.main(settings)
    table = results.read(tmp_path, "mine", "ablation").ablation
    assert list(table.variant) == ["complete"]


@pytest.mark.slow
def test_a_run_that_cannot_be_read_keeps_no_other_from_its_rows(tested, place):
    (run,) = run_folder.found(tested.runs_dir, "example")
    broken = run.folder.with_name(run.name.replace("-3", "-4"))
    shutil.copytree(run.folder, broken)
    (broken / "model.keras").write_bytes(b"no model")
    with pytest.raises(InputError, match=f"{broken.name}/model.keras"):
        robustness.main(replace(tested, models=(), results_dir=place / "broken"))
    shutil.rmtree(broken)
    table = results.read(place / "broken", "example", "robustness").robustness
    assert set(table.seed[table.trained == "without"]) == {3}


@pytest.mark.parametrize("study", [ablation, robustness])
def test_the_page_shows_the_committed_studies(study):
    """Made by ablation.py and robustness.py, with --config challenge."""
    if own_results():
        pytest.skip("results/ were made anew here")
    found = results.Results(results.RECORD, "challenge")
    table = {
        ablation: lambda: ablation.comparison(found.ablation),
        robustness: lambda: robustness.accuracies(found.robustness),
    }[study]()
    assert tables.write(table, "markdown") in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_ninth_network_is_told_how_far_peaks_shift(ablated, place):
    data = dataset.load(place / "datasets", "example")
    (run,) = run_folder.found(ablation.run_folder_of(ablated, "complete"), "example")
    model = train.build_for(run, data)
    assert data.definitions.sizes() == (500, 2, 20)
    blur = next(layer for layer in model.layers if not layer.trainable and layer.weights)
    blurred = keras.Model(model.input, blur.output)
    spectra = np.zeros((2, 500, 1), "float32")
    spectra[:, 240:242] = 0.5
    spectra[1, 242:244] = 1.0
    one, three = keras.ops.convert_to_numpy(blurred(spectra))
    # samples at every half shift range, of bins of 2 datapoints
    samples = 4.5 + 10 * np.arange(50)
    expected = np.exp(-0.5 * ((samples - 240.5) / 20) ** 2)
    np.testing.assert_allclose(one, expected, atol=1e-6)
    expected = 2 * np.exp(-0.5 * ((samples - 242.5) / 20) ** 2)
    np.testing.assert_allclose(three - one, expected, atol=1e-6)
