"""datasets/<config>/*.npy → runs/<config>/<learner>-none-<seed>/: classical learners as runs, which
evaluate.py counts like those of networks."""

import platform
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from rich.console import Console
from rich.progress import track

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.analysis import measured_files, results
from synthetic_spectra.common.cli import Folder, RunSeed, notice, run_script
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.machine import PeakMemory, processor
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import outcome, this_machine
from synthetic_spectra.training.run import Identity
from synthetic_spectra.training.run_folder import Run

# scikit-learn takes seconds to start: functions that need it import it, --help need not wait

# neighbours for so many training spectra per class, in the code of Wang et al., J. Chem. Inf.
# Model. 60, 2004 (2020)
NEIGHBOURS, OF_SPECTRA = 140, 72


@dataclass(frozen=True)
class Settings:
    """Fit classical learners to the training spectra of a dataset. Finished runs are skipped."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    learners: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "naive_bayes", "nearest_neighbours", "logistic_regression", "random_forest",
        "support_vectors", "cosine",
    )  # fmt: skip
    """Learners, names in LEARNERS."""
    n_fitted: Annotated[int, Field(ge=0)] = 0
    """Number of training spectra per class, drawn by the seed from those of the dataset, ≥ 1; 0 for
    all of them. Part of the run's name."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Random seeds of random forests and of drawn training spectra, 0 to 2³² − 1, a run each. What
    a seed does not change is fitted once."""
    measured: Path | None = None
    """CSV of measured files, as for evaluate.py: rows of the learners join its table."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per dataset, and in it one per run."""
    results_dir: Folder = results.MADE
    """Folder of the table of measured files."""


def main(settings):
    refuse_unknown(settings.learners)
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    if settings.measured:
        identifier = Identifier(data.definitions)
        measured_files.read_list(settings.measured)  # what is wrong with it is said before the fits
    runs, damages = plan(settings, data)
    to_do = [run for run in runs if not run.summary]
    done = len(runs) - len(to_do)
    notice(f"{data.name} on {processor()}: {done} of {len(runs)} runs finished already")
    problems = this_machine.train(to_do, partial(fit, data=data))

    print(outcome.table(runs, len(problems)))
    if settings.measured:
        problems += name_measured(settings, runs, data, identifier)
    if damages or problems:
        raise InputError("; ".join(damages + problems))


def refuse_unknown(learners):
    """Raise InputError if a learner is not in ``LEARNERS``."""
    for name in learners:
        if name not in LEARNERS:
            raise InputError(f"learner {name!r}: unknown; known: {', '.join(LEARNERS)}")


def plan(settings, data):
    """The ``Run`` of each learner and seed, and a sentence for each run whose files cannot be read,
    which is left out.

    Raises:
        InputError: if a class has fewer training spectra than are asked for, or a run was finished
            with other settings.
    """
    fewest = np.bincount(data.y["train"], minlength=data.definitions.n_classes).min()
    if settings.n_fitted > fewest:
        raise InputError(
            f"--n-fitted {settings.n_fitted}: expected at most {fewest}, the training spectra of a "
            f"class in {data.folder}"
        )
    packages = ("scikit-learn", "numpy", "scipy")
    shared = {
        "config": data.name,
        "dataset_checksum": data.checksum,
        "backend": "scikit-learn",
        "device": processor(),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
    }

    runs, damages = [], []
    for name in dict.fromkeys(settings.learners):
        model_args = {"n_fitted": settings.n_fitted} if settings.n_fitted else {}
        by_chance = LEARNERS[name].by_chance or model_args
        for seed in dict.fromkeys(settings.seeds if by_chance else settings.seeds[:1]):
            identity = Identity(name, "none", model_args, seed=seed)
            folder = settings.runs_dir / data.name / identity.folder_name
            run = Run(folder, shared | identity.settings())
            if damage := run.damage("never"):
                damages.append(damage)
            else:
                run.check("never")
                runs.append(run)
    return runs, damages


def fit(run, data):
    """Fit the learner of a run, and leave its predictions and what it cost in its folder.

    Returns True: the run is finished.
    """
    run.start("never")

    # as for networks, the minutes are those of training and validation
    with PeakMemory() as memory, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        started = time.monotonic()
        learner = fitted(run.identity, data)
        predicted = predictions(learner, data, "val")
        minutes = (time.monotonic() - started) / 60
    for text in dict.fromkeys(first_line(warning.message) for warning in caught):
        notice(f"  {text}")

    predicted |= predictions(learner, data, "test") | predictions(learner, data, "train")
    counts = data.misclassified(predicted)
    val_accuracy = 1 - counts["val_misclassified"] / len(data.y["val"])
    summary = {
        "outcome": outcome.outcome(val_accuracy, data.y["val"]),
        "trained_epochs": None,
        "minutes": minutes,
        "gigabytes": None if memory.used is None else memory.used / 2**30,
    }
    run.finish(None, predicted, summary | counts)
    return True


def name_measured(settings, runs, data, identifier):
    """Add to the table what learners call measured files; returns a sentence for each problem."""
    n_classes, learners, problems = data.definitions.n_classes, {}, []
    for i, run in enumerate(runs, start=1):
        notice(f"fitted again for the measured files, {i} of {len(runs)}: {run.name}")
        learners[run.name] = partial(scores, fitted(run.identity, data), n_classes=n_classes)
    rows = measured_files.count_all(settings.measured, data.name, identifier, learners, problems)
    measured_files.write(settings.results_dir, data.name, rows, keep=True)
    return problems


def fitted(identity, data):
    """The learner of a run, fitted to its sample of the training spectra of a dataset."""
    rows = sample(data.y["train"], identity.model_args.get("n_fitted"), identity.seed)
    n_per_class = len(rows) / data.definitions.n_classes
    learner = LEARNERS[identity.model].make(n_per_class, identity.seed)
    learner.fit(data.x["train"][rows], data.y["train"][rows])
    return learner


def scores(learner, spectra, n_classes):
    """Scores (n, classes) of spectra (n, n_datapoints); −∞ of a class without training spectra."""
    found = np.full((len(spectra), n_classes), -np.inf)
    found[:, learner.classes_] = learner.predict_proba(spectra)
    return found


def sample(labels, n_fitted, seed):
    """Rows of the training spectra that a learner is fitted to, in their order.

    Args:
        labels: of all training spectra (n,).
        n_fitted: number of spectra of each class; None for all.
        seed: of the run, decides which.
    """
    if n_fitted is None:
        return np.arange(len(labels))
    # the first of each class in a random order
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    ends = np.cumsum(np.bincount(labels))
    place = np.arange(len(labels)) - np.repeat(ends - np.bincount(labels), np.bincount(labels))
    return np.sort(by_class[place < n_fitted])


def predictions(learner, data, split):
    """What a learner makes of the spectra of a split, as ``outcome.classified`` gives it."""
    # as many spectra at a time as are read from disk
    x, n_classes, parts = data.x[split], data.definitions.n_classes, []
    starts, console = range(0, len(x), dataset.ROWS_AT_ONCE), Console(stderr=True)
    for start in track(starts, f"  {split}", console=console, disable=not console.is_terminal):
        rows = slice(start, start + dataset.ROWS_AT_ONCE)
        labels = data.y[split][rows]
        parts.append(outcome.classified(scores(learner, x[rows], n_classes), labels, split))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def naive_bayes(n_per_class, seed):
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(without_negative), MultinomialNB(alpha=0.01))


def without_negative(spectra):
    """Spectra whose negative values are 0, as counts cannot be negative."""
    return np.maximum(spectra, 0)


def nearest_neighbours(n_per_class, seed):
    from sklearn.neighbors import KNeighborsClassifier

    # at least one
    n_neighbors = max(1, round(NEIGHBOURS * n_per_class / OF_SPECTRA))
    return KNeighborsClassifier(n_neighbors, algorithm="brute", n_jobs=-1)


def logistic_regression(n_per_class, seed):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def random_forest(n_per_class, seed):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, random_state=seed, n_jobs=-1)


def support_vectors(n_per_class, seed):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    # Platt's scaling of each class against the others
    return CalibratedClassifierCV(SVC(kernel="rbf", gamma="auto"), ensemble=False, cv=5)


class Cosine:
    """Cosine similarity to the mean training spectrum of each class, in place of a probability."""

    def __init__(self, n_per_class, seed):
        pass

    def fit(self, spectra, labels):
        self.classes_ = np.unique(labels)
        means = [spectra[labels == label].mean(axis=0) for label in self.classes_]
        self.means = _of_length_1(np.array(means))

    def predict_proba(self, spectra):
        return _of_length_1(spectra) @ self.means.T


def _of_length_1(spectra):
    return spectra / np.linalg.norm(spectra, axis=1, keepdims=True)


@dataclass(frozen=True)
class Learner:
    """``make``: function of the training spectra per class and of the seed that gives a classifier
    of scikit-learn's kind; ``by_chance``: whether the seed changes it."""

    make: object
    by_chance: bool = False


# parameters as in the code of Wang et al., where it gives any, else scikit-learn's defaults
LEARNERS = {
    "naive_bayes": Learner(naive_bayes),
    "nearest_neighbours": Learner(nearest_neighbours),
    "logistic_regression": Learner(logistic_regression),
    "random_forest": Learner(random_forest, by_chance=True),
    "support_vectors": Learner(support_vectors),
    "cosine": Learner(Cosine),
}


if __name__ == "__main__":
    run_script(main, Settings)
