"""The artefacts that networks are tested with, each at strengths from hardly seen to strong."""

from typing import NamedTuple

NONE = "none"


class Artefact(NamedTuple):
    """What an instrument or a sample adds to spectra.

    ``label``: its words in figures. ``strengths``: strength → rendering settings, those of
    ``spectra.settings.Rendering``, in ascending order.
    """

    label: str
    strengths: dict


ARTEFACTS = {
    "mixing": Artefact(
        "mixing: share of the Lorentzian",
        {share: {"profile": "pseudo_voigt", "mixing": (share, share)} for share in (0.1, 0.3, 1.0)},
    ),
    "width_spread": Artefact(
        "width_spread: widths differ by",
        {share: {"width_spread": share} for share in (0.1, 0.2, 0.4)},
    ),
    "zero_shift": Artefact(
        "zero_shift in datapoints",
        {shift: {"zero_shift": shift} for shift in (10.0, 20.0, 40.0)},
    ),
    "scale": Artefact(
        "scale: axis stretched by",
        {share: {"scale": share} for share in (0.002, 0.005, 0.01)},
    ),
    "impurity_height": Artefact(
        "impurity_height, of 3 peaks",
        {height: {"impurities": 3, "impurity_height": height} for height in (0.02, 0.05, 0.2)},
    ),
    "background": Artefact(
        "background, of the highest peak",
        {share: {"background": share} for share in (0.01, 0.05, 0.2)},
    ),
    "counts": Artefact(
        "counts at the highest peak",
        {photons: {"counts": photons} for photons in (10000.0, 1000.0, 100.0)},
    ),
    "noise": Artefact(
        "noise σ, of the highest peak",
        {share: {"noise": share} for share in (0.001, 0.005, 0.02)},
    ),
}
