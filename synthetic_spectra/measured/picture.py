"""The figure of an answer: a measured spectrum, what was found in it, and what is left."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from synthetic_spectra.common.files import written_whole
from synthetic_spectra.measured.matching import moved

# distinguishable also with colour-blind eyes: Okabe, Ito (2008)
EXPLAINED, *COLOURS = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"


def draw(answer, definitions, path):
    """Draw an answer into a file.

    Args:
        answer: an ``identification.Answer``.
        definitions: the ``PeakConfig`` whose classes it names.
        path: of the figure; its suffix decides the format.
    """
    axis, measured = definitions.axis, answer.measured
    values = axis.value(np.arange(definitions.n_datapoints))
    spectrum = np.where(measured.covered, measured.intensities, np.nan)
    explained = answer.curves.sum(axis=0)
    n_phases = len(answer.phases)

    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(8, 4.2 + 0.3 * n_phases), sharex=True, layout="constrained",
        height_ratios=(4, 0.4 + 0.35 * n_phases, 1.2),
    )  # fmt: skip

    # the spectrum and its explanation
    top.plot(values, spectrum, color="0.25", linewidth=0.8, label="measured, without background")
    top.plot(values, explained, color=EXPLAINED, linewidth=0.8, alpha=0.8, label="phases, together")
    top.set(ylabel="intensity", ylim=(-0.03, 1.1), yticks=())
    top.legend(frameon=False, loc="upper right", fontsize=8)
    names = " + ".join(dict.fromkeys(phase.name for phase in answer.phases))
    verdict = names if answer.sure else f"no confident match ({names or 'nothing'})"
    guess = ", wavelength guessed" if answer.guessed else ""
    top.set_title(f"{answer.file.name}: {verdict}{guess}", fontsize=10, loc="left")

    # the peaks of each phase where they are measured, one line for each
    for row, phase in enumerate(answer.phases):
        definition = definitions.spectra[str(phase.label)]
        places = moved(axis, axis.value(definition.peak_positions), phase.shift, phase.strain)
        heights = np.sqrt(definition.peak_heights)  # so that low ones are seen
        colour = COLOURS[row % len(COLOURS)]
        middle.vlines(places, -row, -row + 0.8 * heights, color=colour, linewidth=1.2)
        middle.text(
            1.005, -row + 0.3, f"{phase.name} {100 * phase.share:.0f} %", color=colour, fontsize=8,
            va="center", transform=middle.get_yaxis_transform(), clip_on=False,
        )  # fmt: skip
    middle.set(ylim=(-max(n_phases - 1, 0) - 0.1, 0.95), yticks=(), ylabel="peaks")

    # what is left
    bottom.axhline(0, color="0.8", linewidth=0.6)
    bottom.plot(values, spectrum - explained, color="0.25", linewidth=0.8)
    bottom.set(ylabel="left", yticks=(), xlim=(values.min(), values.max()))
    bottom.set_xlabel(axis.label())
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def draw_groups(answer, path):
    """Draw an answer of ``space_groups`` into a file.

    Args:
        answer: a ``space_groups.Answer``.
        path: of the figure; its suffix decides the format.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8, 2.8), width_ratios=(3, 1), layout="constrained"
    )
    left.plot(answer.two_theta, answer.intensities, color="0.25", linewidth=0.8)
    left.set(xlabel="2θ (degree)", ylabel="what the network is given", yticks=())
    left.set_xlim(answer.two_theta[0], answer.two_theta[-1])
    left.set_title(f"{answer.file.name}: likeliest {answer.best[0]}", fontsize=10, loc="left")

    # the likeliest one above
    names = [str(group) for group in answer.best]
    probabilities = [group.probability for group in answer.best]
    right.barh(names, probabilities, color=COLOURS[0])
    right.invert_yaxis()
    right.set(xlabel="probability", xlim=(0, 1), xticks=(0, 0.5, 1))
    right.tick_params(axis="y", labelsize=8)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
