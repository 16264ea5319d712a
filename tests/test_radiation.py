"""What heads of text files say of the radiation."""

import numpy as np
import pytest

from benchmarks import plain_bytes
from synthetic_spectra.measured.readers import parse

AXIS = np.arange(10, 30, 0.1).round(4)


@pytest.mark.parametrize(
    ("head", "wavelength"),
    [
        ("[Measurement conditions]\nK-Alpha1 wavelength,1.540598\nRatio,0.5\n", 1.540598),
        ("# Wavelength: 0.45923\n", 0.45923),
        ("*WAVE_LENGTH1 = 1.78897\n", 1.78897),
        ("Laser wavelength (nm): 532.1\n", 5321),
        ("wavelength unknown\n", None),
        # with a comma, a line is no line of names
        ("# wavelength 1.5406 A, Cu Ka\n", 1.5406),
        ("# Cu Ka, wavelength 1.5406 A\n", 1.5406),
        ("# Wavelength: 0,7093 A\n", 0.7093),
        # other words, units and digits
        ("# lambda = 0.7093 A\n", 0.7093),
        ("# Wavelength: 7.093e-11 m\n", 0.7093),
        ("# Wavelength: 0.15406 nm\n", 1.5406),
        ("# Wavelength (nm): 0.15406\n", 1.5406),
        ("# Wavelength: 0.71 Angstrom\n", 0.7093),
        ("# Wavelength: 532.00 nm\n", None),
        ("# Wavelength calibrated on 03.04.2019\n# Wavelength: 0.7093\n", 0.7093),
        ("# Wavelength spread: 0.10 %\n# Wavelength: 0.7093\n", 0.7093),
        ("# baseline ALS lambda 0.10\n", None),
        ("# lambda 0.125\n# Wavelength: 0.7093\n", 0.7093),
        # other words between
        ("# Wavelength in Angstrom: 0.7093\n", 0.7093),
        ("# Wavelength of Mo Ka: 0.7093 A\n", 0.7093),
        ("# Wavelength Cu Kα1: 1.54056 Å\n", 1.54056),
        ("# Wavelength (Angström): 0.50\n", 0.5),
        ("# wavelength is 0.7093\n", 0.7093),
        ("# Wavelength used: 0.7093 Mo\n", 0.7093),
        ("# Wavelength_A 0.7093\n", 0.7093),
        ("# Wavelength_nm 0.07093\n", 0.7093),
        ("# Cu Ka, wavelength in A: 1.5406\n", 1.5406),
        ("# Lambda [A]: 0.7093\n", 0.7093),
        ("# wavelength=0.458994 refined from Si640c\n", 0.458994),
        ("# Wavelength: 0.458994 Ångström\n", 0.458994),
        ("# Cu Ka, wavelength 1.5406 with Ni filter\n", 1.5406),
        ("# wavelength 0.4137 synchrotron, T = 300 K\n", 0.4137),
        ('# {"poni_version": 2.1, "wavelength": 4.133e-11}\n', 0.4133),
        ("# Wavelength: 0.154 nm\n", 1.5406),
        # the plainest one wins
        ("# Wavelength Kα2/Kα1 ratio 0.497\n# Wavelength 1.5406\n", 1.5406),
        ("# Wavelength Kβ: 1.392250\n# Wavelength Kα1 : 1.540598\n", 1.540598),
        ("# wavelength uncertainty 0.1000\n# wavelength 0.4137\n", 0.4137),
        ("# low wavelength cutoff 0.250\n", None),
        # of neutrons and lasers: a number, no names of columns
        ("# neutrons, wavelength 4.53 A\n", None),
        ("# excitation wavelength 785.00 nm, power 10 mW\n", None),
        # numbers of something else
        ("# monochromatic wavelength\n# 0.10 mm slit\n", None),
        ("# no wavelength\n# 2.50 deg/min\n", None),
        ("# wavelength resolution 0.125\n", None),
        ("# wavelength filter 1.250 mm\n", None),
    ],
)
def test_a_head_tells_the_radiation_and_not_the_axis(head, wavelength):
    measured = parse(plain_bytes.table(AXIS, AXIS**2, head=head))
    assert measured.wavelength == wavelength
    assert measured.quantity is None
