"""Bragg's law, λ = 2 d sin θ: where lattice planes reflect, at other wavelengths and strained."""

import numpy as np


def other_wavelength(two_theta, source, target):
    """The angles at which the same lattice planes reflect another wavelength.

    With the same d, sin θ' = sin θ · λ'/λ.

    Args:
        two_theta: degrees, any shape, 0 to 180.
        source, target: wavelengths λ and λ' in Å, > 0.

    Returns:
        degrees, same shape; NaN where the other wavelength is not reflected (sin θ' > 1).
    """
    sine = np.sin(np.radians(np.asarray(two_theta, dtype=np.float64) / 2)) * (target / source)
    return 2 * np.degrees(np.arcsin(np.where(np.abs(sine) <= 1, sine, np.nan)))


def strained(two_theta, strain):
    """The angles of a lattice that is stretched evenly in all directions.

    With d' = d · (1 + strain), Bragg's law gives sin θ' = sin θ / (1 + strain): lines at high
    angles move further than a linear stretch of the axis would move them.

    Args:
        two_theta: degrees, any shape, 0 to 180.
        strain: relative change of the lattice, > -1, broadcast against ``two_theta``.

    Returns:
        degrees, broadcast shape; NaN where there is no reflection.
    """
    return other_wavelength(two_theta, 1 + np.asarray(strain, dtype=np.float64), 1.0)
