"""Crystals for the tests: as CIFs, as lines by another program, as measured patterns."""

import numpy as np

from synthetic_spectra.crystals import cif, diffraction

WAVELENGTH = 1.5406
THIRD, TWO_THIRDS = ".3333", ".6667"  # as files round them

# name: formula, cell, space group, sites
CRYSTALS = {
    "halite": (
        "Na Cl", (5.6402, 5.6402, 5.6402, 90, 90, 90), "F m -3 m",
        ["Na1 0 0 0 1", "Cl1 .5 .5 .5 1"],
    ),
    "rutile": (
        "Ti O2", (4.5937, 4.5937, 2.9587, 90, 90, 90), "P 42/m n m",
        ["Ti1 0 0 0 1", "O1 .3053 .3053 0 1"],
    ),
    "olivine": (
        "Mg1.6 Fe.4 Si O4", (4.77, 10.25, 6.0, 90, 90, 90), "P b n m",
        [
            "MgM1 0 0 0 .8", "FeM1 0 0 0 .2",
            "MgM2 .9906 .2777 .25 .8", "FeM2 .9906 .2777 .25 .2", "Si .4271 .0946 .25 1",
            "O1 .7662 .0919 .25 1", "O2 .2213 .4482 .25 1", "O3 .2781 .1635 .0337 1",
        ],
    ),
    "zincite": (
        "Zn O", (3.2495, 3.2495, 5.2069, 90, 90, 120), "P 63 m c",
        [f"Zn {THIRD} {TWO_THIRDS} 0 1", f"O {THIRD} {TWO_THIRDS} .3825 1"],
    ),
    "gypsum": (
        "Ca S O6 H4", (5.679, 15.202, 6.522, 90, 118.43, 90), "C 1 2/c 1",
        [
            "Ca .5 .0797 .25 1", "S 0 .0773 .75 1", "O1 .9632 .1319 .5505 1",
            "O2 .7582 .0222 .6671 1", "Wat .3796 .1821 .4588 1",
        ],
    ),
}  # fmt: skip

# angle (degrees 2θ) and height of strong lines, by pymatgen 2026.10.16's XRDCalculator
BY_PYMATGEN = {
    "halite": [(27.366, 0.0808), (31.703, 1), (45.447, 0.6564), (53.868, 0.0195), (56.472, 0.2123)],
    "rutile": [(27.436, 1), (36.08, 0.4558), (41.24, 0.1892), (54.321, 0.5828), (56.626, 0.1741)],
    "olivine": [(22.801, 0.4244), (32.201, 0.7082), (35.588, 0.7661), (36.42, 1), (52.097, 0.7225)],
    "zincite": [(31.772, 0.5148), (34.42, 0.3959), (36.256, 1), (47.541, 0.2295), (56.602, 0.3489)],
    "gypsum": [(11.633, 0.7696), (18.074, 0.3047), (24.553, 1), (33.368, 0.2747), (47.869, 0.1212)],
}


def write_cif(folder, name, formula, cell, group, sites):
    """A CIF as databases write it, without symmetry operations; its path."""
    tags = [f"length_{axis}" for axis in "abc"] + ["angle_alpha", "angle_beta", "angle_gamma"]
    path = folder / f"{name}.cif"
    head = [f"data_{name}", f"_chemical_name_mineral {name}", f"_chemical_formula_sum '{formula}'"]
    head += [f"_cell_{tag} {value}" for tag, value in zip(tags, cell, strict=True)]
    head += [f"_symmetry_space_group_name_H-M '{group}'", "loop_", "_atom_site_label"]
    head += [f"_atom_site_fract_{axis}" for axis in "xyz"] + ["_atom_site_occupancy"]
    path.write_text("\n".join(head + sites) + "\n")
    return path


def write_all(folder):
    """The CIFs of all crystals in a new folder."""
    folder.mkdir()
    for name, crystal in CRYSTALS.items():
        write_cif(folder, name, *crystal)
    return folder


def write_pattern(path, folder, shares, wavelength=WAVELENGTH, first=10, last=70, seed=1):
    """A pattern as a diffractometer gives it: pseudo-Voigt peaks of two wavelengths, all too high
    by 0.03°, heights that texture changes, background and counting noise.

    Args:
        path: of the table of two columns.
        folder: of the CIFs.
        shares: name of a crystal → height of its highest peak; without any, nothing but noise and a
            hump as of glass.
    """
    rng, angles = np.random.default_rng(seed), np.arange(first, last, 0.017)
    intensity = 0.5 * np.exp(-angles / 15) + 0.3
    if not shares:
        intensity += np.exp(-0.5 * ((angles - 25) / 4) ** 2)
    for name, share in shares.items():
        (crystal,) = cif.read(folder / f"{name}.cif")
        for ratio, weight in ((1, 0.67), (1.5444 / 1.5406, 0.33)):  # the doublet of a tube
            lines = diffraction.lines(crystal, wavelength * ratio, 2, last + 5)
            for angle, height in zip(*lines, strict=True):
                distance = (angles - angle - 0.03) / 0.12  # in full widths at half maximum
                peak = 0.5 * np.exp(-4 * np.log(2) * distance**2) + 0.5 / (1 + 4 * distance**2)
                intensity += share * weight * height * rng.uniform(0.8, 1.2) * peak
    counts = rng.poisson(2000 * intensity)
    rows = (f"{x:.3f} {y}" for x, y in zip(angles, counts, strict=True))
    path.write_text("\n".join(rows) + "\n")
    return path
