"""What networks are tested with: artefacts of peaks at some strengths, effects on crystals."""

from typing import NamedTuple

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra.settings import OFF

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

# what changes the lines of diffractograms alone, and all effects: words → rendering settings
LINE_EFFECTS = {
    "width of the instrument": ("caglioti",),
    "pseudo-Voigt profile": ("profile", "mixing"),
    "second wavelength (Kα2)": ("second_wavelength",),
}
EFFECTS = LINE_EFFECTS | {
    "impurity": ("impurities", "impurity_height"),
    "background": ("background", "background_shape", "background_lengths"),
    "noise": ("counts", "noise", "additive_noise", "multiplicative_noise"),
    "range": ("crop",),
}
NO_EFFECT, ALL_EFFECTS = "no effect", "all effects"


def effects_of(definitions):
    """The effects of a config of crystals, each alone and all together.

    Args:
        definitions: a ``CrystalConfig``.

    Returns:
        effect → all of its rendering settings, and those of the others as they are off; the first
        is ``NO_EFFECT``, the last one ``ALL_EFFECTS``.

    Raises:
        InputError: if the config has none.
    """
    off = {name: value for name, value in OFF.items() if name in definitions.settings}
    on = definitions.artefacts()
    found = {
        effect: {name: on[name] for name in names if name in on}
        for effect, names in EFFECTS.items()
    }
    found = {effect: off | values for effect, values in found.items() if values}
    if not found:
        raise InputError("no effect of an instrument in rendering, expected one at least")
    return {NO_EFFECT: off, **found, ALL_EFFECTS: off | on}
