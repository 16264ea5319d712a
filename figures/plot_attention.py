"""runs/<config>/<run>/model.keras, datasets/<config>/x_test.npy → figures/plot_attention.png: where
a network looks."""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.analysis import trained
from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.cli import Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset

SHADES = LinearSegmentedColormap.from_list("from white", ["white", "C4"])


@dataclass(frozen=True)
class Settings:
    """Draw test spectra over the class-activation maps, Grad-CAM and HiResCAM, of what a network
    takes them for."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    run: str | None = None
    """Folder of a finished run in runs/<config>/, such as cnn2-relu-0; without one the first with a
    convolution."""
    spectra: tuple[Seed, ...] = ()
    """Test spectra, counted from 0; without any the first one of each of the first three classes.
    """
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    output: Path = Path("figures/plot_attention.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config).stem)
    rows = list(settings.spectra) or [
        int(first) for first in np.unique(data.y["test"], return_index=True)[1][:3]
    ]
    for row in rows:
        if row >= len(data.y["test"]):
            raise InputError(
                f"--spectra {row}: no such test spectrum, expected 0 to {len(data.y['test']) - 1}"
            )
    usable, _ = trained.choose(settings.runs_dir, data, (settings.run,) if settings.run else ())
    backend.prepare("float32")
    for run in usable:
        network = trained.load(run)
        if has_convolution(network):
            break
    else:
        names = ", ".join(run.name for run in usable)
        raise InputError(f"{names}: no convolution that a class-activation map could be made of")
    spectra = data.x["test"][rows]
    predicted, maps = activation_maps(network, spectra)
    titles = [
        f"test spectrum {row}: class {label}, taken for class {taken}"
        for row, label, taken in zip(rows, data.y["test"][rows], predicted, strict=True)
    ]
    style.save(draw(spectra, maps, titles, run.name), settings.output)


def activation_maps(network, spectra):
    """Where in each spectrum the values after the last convolution speak for the predicted class.

    They are multiplied with the gradient of the score of that class and summed over the channels;
    what is below 0 speaks against the class and is left out. Grad-CAM (R. R. Selvaraju et al., Int.
    J. Comput. Vis. 128, 336 (2020)) takes the mean of the gradient along the spectrum, HiResCAM (R.
    L. Draelos and L. Carin, arXiv:2011.08891) takes it as it is. The dense layers here have weights
    of their own for every position, which only the latter heeds.

    Args:
        network: of a run.
        spectra: float32 (n, n_datapoints).

    Returns:
        the predicted labels (n,), and name → maps (n, n_datapoints), the highest value of each 1 (0
        where all are).
    """
    convolutions, head = divided(network)
    activations = keras.ops.convert_to_numpy(
        convolutions(spectra[..., None], training=False)
    ).astype("float32")
    predicted = keras.ops.convert_to_numpy(head(activations, training=False)).argmax(axis=1)
    gradients = backend.gradient_of_score(head, activations, predicted)
    weights = {"Grad-CAM": gradients.mean(axis=1, keepdims=True), "HiResCAM": gradients}
    return predicted, {
        name: along(activations * weight, spectra.shape[1]) for name, weight in weights.items()
    }


def along(contributions, n_datapoints):
    """Contributions (n, length, channels) as maps (n, n_datapoints), of which the ``length`` values
    are even parts."""
    coarse = np.maximum(contributions.sum(axis=2), 0)
    coarse /= np.maximum(coarse.max(axis=1, keepdims=True), np.finfo("float32").tiny)
    length = coarse.shape[1]
    centres = (np.arange(length) + 0.5) * n_datapoints / length - 0.5
    return np.array([np.interp(np.arange(n_datapoints), centres, row) for row in coarse])


def has_convolution(network):
    """Whether a network has a convolution along the spectrum."""
    return any(isinstance(layer, keras.layers.Conv1D) for layer in network.layers)


def divided(network):
    """A network in two: up to the last values along the spectrum, and from there to a score per
    class, before softmax.

    The last values along the spectrum are those after the last convolution, its branches joined and
    its pool taken: a convolution before a pool with gaps is computed in several steps, an inception
    block has several last convolutions.
    """
    last = next(layer.output for layer in reversed(network.layers) if len(layer.output.shape) == 3)
    convolutions = keras.Model(network.input, last)
    output = network.layers[-1]
    scores = type(output).from_config(output.get_config() | {"activation": "linear"})
    head = keras.Model(last, scores(output.input))
    scores.set_weights(output.get_weights())
    return convolutions, head


def draw(spectra, maps, titles, name):
    """The figure: a row for each spectrum, a column for each kind of map, the map as the colour
    behind the spectrum.

    Args:
        spectra: (n, n_datapoints).
        maps: name → (n, n_datapoints).
        titles: of the rows.
        name: of the run.
    """
    n, n_datapoints = spectra.shape
    figure, panels = plt.subplots(
        n, len(maps), figsize=(12, 1.8 * n + 1.6), sharex=True, sharey=True, squeeze=False
    )
    for column, (kind, shades) in zip(panels.T, maps.items(), strict=True):
        for axes, spectrum, shade, title in zip(column, spectra, shades, titles, strict=True):
            place = (-0.5, n_datapoints - 0.5, 0, 1.05)
            image = axes.imshow(
                shade[None], cmap=SHADES, vmin=0, vmax=1, extent=place, aspect="auto"
            )
            axes.plot(spectrum, color="C0")
            axes.set(title=title, ylim=(0, 1.05), yticks=(0, 0.5, 1))
        column[0].set_title(f"{kind}\n{titles[0]}")
    figure.supxlabel("position (datapoint)")
    figure.supylabel("intensity (highest peak = 1)")
    figure.suptitle(name)
    figure.colorbar(image, ax=panels, label="class-activation map (highest = 1)")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
