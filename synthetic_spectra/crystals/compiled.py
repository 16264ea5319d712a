"""Crystals → diffractograms, compiled by numba: what ``patterns`` computes, ten times as fast.

Unique reflections are walked through row by row of the reciprocal lattice, with the phases of hx,
ky and lz from tables. Form factors are interpolated. ``line_profiles`` draws the lines. No function
holds Python's lock.

Tables are arguments: numba does not cache code that holds large arrays as constants.
"""

import numpy as np

from synthetic_spectra.crystals import diffraction, reflections
from synthetic_spectra.crystals.compiling import compiled_with_fast_math
from synthetic_spectra.crystals.line_profiles import LANES, add_line, finish
from synthetic_spectra.crystals.patterns import SECOND, SEEN, Profiles
from synthetic_spectra.crystals.reflections import tables

_lorentz_polarisation = compiled_with_fast_math(diffraction.lorentz_polarisation)


def patterns(crystals, sizes, grid, root=False, out=None, profiles=None):
    """The diffractograms of crystals: arguments and result of ``patterns.patterns``, and

    Args:
        root: whether the square roots of the intensities are wanted.
        out: float32 (n, n_datapoints), where the result is to stand; memory that was used before
            takes less time than new memory.
    """
    found = np.empty((len(crystals), grid.n_datapoints), "float32") if out is None else out
    axis = np.radians(grid.first), grid.step, grid.logarithmic
    profiles = profiles or Profiles.plain(len(crystals))
    shapes = profiles.caglioti, profiles.mixing, profiles.second_wavelength / grid.wavelength
    angles = np.radians(grid.two_theta()) if profiles.mixing.any() else np.empty(0)
    _patterns(
        *_arrays(crystals), np.asarray(sizes, float), *_physics(grid, profiles.second_wavelength),
        *axis, *shapes, angles, root, found,
    )  # fmt: skip
    return found


def lines(crystals, i, grid):
    """The lines of crystal ``i``: arguments and result of ``patterns.lines``; the order differs."""
    groups, cells, starts, elements, positions = _arrays(crystals)
    atoms = slice(starts[i], starts[i + 1])
    sines, intensities = _lines(
        groups[i], cells[i], elements[atoms], positions[atoms], *_physics(grid)
    )
    seen = intensities > SEEN * intensities.max(initial=0)
    return sines[seen], intensities[seen] / intensities.max(initial=0)


def _arrays(crystals):
    return (
        crystals.groups,
        crystals.cells,
        crystals.starts,
        crystals.elements,
        crystals.positions,
    )


def _physics(grid, second_wavelength=0.0):
    lowest, highest = grid.reach(second_wavelength)
    return grid.wavelength, float(lowest), float(highest), tables(float(highest))


@compiled_with_fast_math
def _patterns(
    groups, cells, starts, elements, positions, sizes,
    wavelength, lowest, highest, table, first, step, logarithmic,
    caglioti, mixing, second, angles, root, found,
):  # fmt: skip
    lanes = np.empty((2, LANES))
    for i in range(len(groups)):
        atoms = slice(starts[i], starts[i + 1])
        sines, intensities = _lines(
            groups[i], cells[i], elements[atoms], positions[atoms],
            wavelength, lowest, highest, table,
        )  # fmt: skip
        row = found[i]
        row[:] = 0
        most = 0.0
        for intensity in intensities:
            most = max(most, intensity)
        for sine, intensity in zip(sines, intensities):  # noqa: B905
            if intensity <= SEEN * most:
                continue
            add_line(
                row, sine, intensity, sizes[i], wavelength, first, step, logarithmic,
                caglioti[i], mixing[i], most / intensity, angles, lanes,
            )  # fmt: skip
            if second > 0 and sine * second < 1:
                add_line(
                    row, sine * second, SECOND * intensity, sizes[i], wavelength * second, first,
                    step, logarithmic, caglioti[i], mixing[i], most / intensity, angles, lanes,
                )  # fmt: skip
        finish(row, root)


@compiled_with_fast_math
def _lines(group, cell, elements, positions, wavelength, lowest, highest, table):
    """sin θ and intensity of one of each set of equivalent reflections; absent ones among them have
    an intensity of about 0."""
    laue, centring = table.laue[group], table.centring[group]
    aa, bb, cc, bc, ac, ab = reflections.reciprocal_metric(cell)
    h_max, k_max, l_max = int(cell[0] * highest), int(cell[1] * highest), int(cell[2] * highest)

    # atoms by element, and the phases of hx, ky, lz for each h, k, l and atom
    atomic_numbers, starts, order = _by_element(elements)
    x_re, x_im = _phases(positions[:, 0], order, h_max)
    y_re, y_im = _phases(positions[:, 1], order, k_max)
    z_re, z_im = _phases(positions[:, 2], order, l_max)
    n_atoms = len(order)
    xy_re, xy_im = np.empty(n_atoms), np.empty(n_atoms)

    n, capacity = 0, 256
    sines, intensities = np.empty(capacity), np.empty(capacity)
    least, most = lowest * lowest, highest * highest
    for h in range(h_max + 1):
        for k in range(reflections.first_k(laue, h, k_max), reflections.last_k(laue, h, k_max) + 1):
            # the l whose reflections lie inside: 1/d² = constant + linear l + cc l²
            constant = h * h * aa + k * k * bb + 2 * h * k * ab
            linear = 2 * (h * ac + k * bc)
            room = linear * linear - 4 * cc * (constant - most)
            if room < 0:
                continue
            reach = np.sqrt(room)
            start = max(
                reflections.first_l(laue, h, k, l_max),
                int(np.ceil((-linear - reach) / (2 * cc) - 1e-9)),
            )
            end = min(
                reflections.last_l(laue, h, k, l_max),
                int(np.floor((-linear + reach) / (2 * cc) + 1e-9)),
            )
            if start > end:
                continue
            for a in range(n_atoms):
                y_sign = y_im[abs(k), a] if k >= 0 else -y_im[abs(k), a]
                xy_re[a] = x_re[h, a] * y_re[abs(k), a] - x_im[h, a] * y_sign
                xy_im[a] = x_re[h, a] * y_sign + x_im[h, a] * y_re[abs(k), a]

            for l in range(start, end + 1):  # noqa: E741
                square = constant + l * (linear + l * cc)
                if square < least or square > most or reflections.is_absent(centring, h, k, l):
                    continue
                # F = Σ f Σ exp(2πi (hx + ky + lz)), element by element
                place = square / 4 * table.per_square
                below = int(place)
                share = place - below
                real, imaginary = 0.0, 0.0
                sign = 1.0 if l >= 0 else -1.0
                row = abs(l)
                for e in range(len(atomic_numbers)):
                    atoms = slice(starts[e], starts[e + 1])
                    cosines, sines_ = _product(
                        xy_re[atoms], xy_im[atoms], z_re[row, atoms], z_im[row, atoms], sign
                    )
                    number = atomic_numbers[e]
                    factor = table.factors[number, below]
                    factor += share * (table.factors[number, below + 1] - factor)
                    real += factor * cosines
                    imaginary += factor * sines_

                if n == capacity:
                    capacity *= 2
                    sines, intensities = _longer(sines, capacity), _longer(intensities, capacity)
                sine = wavelength / 2 * np.sqrt(square)
                equivalent = reflections.multiplicity(laue, h, k, l, table)
                sines[n] = sine
                intensities[n] = (
                    equivalent * (real * real + imaginary * imaginary) * _lorentz_polarisation(sine)
                )
                n += 1
    return sines[:n], intensities[:n]


@compiled_with_fast_math
def _product(first_re, first_im, second_re, second_im, sign):
    """Real and imaginary part of Σ first · second, or its complex conjugate for a sign of -1."""
    real, imaginary = 0.0, 0.0
    for a in range(len(first_re)):
        real += first_re[a] * second_re[a] - sign * first_im[a] * second_im[a]
        imaginary += sign * first_re[a] * second_im[a] + first_im[a] * second_re[a]
    return real, imaginary


@compiled_with_fast_math
def _longer(values, capacity):
    longer = np.empty(capacity)
    longer[: len(values)] = values
    return longer


@compiled_with_fast_math
def _by_element(elements):
    """The atomic numbers that occur, where the atoms of each start, and the atoms in that order."""
    atomic_numbers, counts = np.empty(len(elements), np.int64), np.zeros(len(elements), np.int64)
    kinds = np.empty(len(elements), np.int64)
    n = 0
    for a in range(len(elements)):
        kind = 0
        while kind < n and atomic_numbers[kind] != elements[a]:
            kind += 1
        if kind == n:
            atomic_numbers[n] = elements[a]
            n += 1
        kinds[a] = kind
        counts[kind] += 1
    starts = np.zeros(n + 1, np.int64)
    for kind in range(n):
        starts[kind + 1] = starts[kind] + counts[kind]
    filled, order = starts.copy(), np.empty(len(elements), np.int64)
    for a in range(len(elements)):
        order[filled[kinds[a]]] = a
        filled[kinds[a]] += 1
    return atomic_numbers[:n], starts, order


@compiled_with_fast_math
def _phases(coordinates, order, last):
    """cos and sin of 2π i x for i = 0 … last and each atom, (last + 1, n_atoms) each."""
    n = len(order)
    cosines, sines = np.empty((last + 1, n)), np.empty((last + 1, n))
    for a in range(n):
        angle = 2 * np.pi * coordinates[order[a]]
        cosine, sine = np.cos(angle), np.sin(angle)
        cosines[0, a], sines[0, a] = 1.0, 0.0
        for i in range(1, last + 1):
            cosines[i, a] = cosines[i - 1, a] * cosine - sines[i - 1, a] * sine
            sines[i, a] = cosines[i - 1, a] * sine + sines[i - 1, a] * cosine
    return cosines, sines
