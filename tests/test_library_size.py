"""The curve of the library size: fewer classes are the first ones, runs are kept, rows and figures
hold them; the figure of the top k."""

import pytest
from conftest import refused

from figures import plot_library_size, plot_top_k
from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

STUDY = "studies/library_size.py"
FAST = ("--learners", "cosine", "naive_bayes")


@pytest.fixture(scope="module")
def studied(shell, tmp_path_factory):
    """A folder with the study of a library of five classes, and what the study printed."""
    folder = tmp_path_factory.mktemp("studied")
    shell(
        *(folder, "dataset_config_generator.py", "--name", "small", "--n-classes", "5"),
        *("--n-datapoints", "600", "--distribution", "uniform"),
    )
    shell(folder, "spectra_from_config.py", "--config", "small", "--n-train", "6", "--n-val", "2")
    done = shell(folder, STUDY, "--config", "small", "--step", "2", *FAST)
    return folder, done


def table_of(folder):
    return results.read(folder / "output" / "results", "small", "library_size").library_size


def test_each_number_of_classes_has_a_row_for_each_learner(studied):
    folder, done = studied
    table = table_of(folder)
    assert table.groupby("model").n_classes.apply(list).to_dict() == {
        "cosine": [2, 4, 5],
        "naive_bayes": [2, 4, 5],
    }
    assert (table.test_spectra == 9 * table.n_classes).all()
    assert (table.test_top_5 == table.test_spectra).all(), "no library has more than five classes"
    assert (table.test_top_1 <= table.test_top_2).all() and "| cosine none" in done.stdout


def test_fewer_classes_are_the_first_ones(studied):
    folder = studied[0]
    whole = config.load(folder / "datasets/small/config.json")
    fewer = config.load(folder / "datasets/library_size/4/small/config.json")
    assert fewer.n_classes == 4 and fewer.rendering == whole.rendering
    assert list(fewer.spectra.values()) == list(whole.spectra.values())[:4]
    # all classes are the dataset itself
    assert (folder / "runs/small/cosine-none-0").is_dir()
    assert not (folder / "datasets/library_size/5").exists()


def test_finished_runs_are_skipped_and_other_learners_kept(shell, studied):
    folder = studied[0]
    flags = ("--config", "small", "--step", "2", "--keep")
    again = shell(folder, STUDY, *flags, *FAST)
    assert again.stderr.count("2 of 2 runs finished already") == 3
    shell(folder, STUDY, *flags, *FAST[:2], "--runs-dir", "others", "--n-fitted", "3")
    table = table_of(folder)
    assert set(table.model) == {"cosine", "naive_bayes"}
    assert set(table.model_args) == {"", "n_fitted=3"}


def test_what_cannot_be_studied_is_refused(shell, studied, tmp_path):
    refused(shell(tmp_path, STUDY, "--learners", "oracle", check=False), "'oracle'")
    refused(shell(tmp_path, STUDY, "--config", "challenge", check=False), "spectra_from_config.py")


def test_figures_show_what_the_tables_hold(shell, studied):
    folder = studied[0]
    table = table_of(folder)
    axes = plot_library_size.draw(table, "small").axes[0]
    lines = {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}
    drawn = lines["cosine none"]
    first = table[(table.model == "cosine") & (table.model_args == "")].iloc[0]
    assert drawn.get_xdata()[0] == 2
    assert drawn.get_ydata()[0] == pytest.approx(100 * first.test_top_1 / first.test_spectra)

    shell(folder, "evaluate.py", "--config", "small", "--wandb", "disabled")
    runs = results.read(folder / "output" / "results", "small").runs
    axes = plot_top_k.draw({"small": runs}).axes[0]
    shown = [container.lines[0].get_ydata() for container in axes.containers]
    of_runs = 100 * runs[["test_top_1", "test_top_5"]].div(runs.test_spectra, axis=0)
    assert [[one[0], one[-1]] for one in shown] == of_runs.to_numpy().tolist()


def test_tables_without_ranks_have_no_figure_of_the_top_k(studied):
    record = results.Results(results.RECORD, "benchmark")
    record.runs = record.runs.drop(columns=record.runs.filter(like="test_top").columns)
    with pytest.raises(InputError, match=r"no ranks; .*evaluate\.py --config benchmark"):
        plot_top_k.ranked(record, "benchmark")
