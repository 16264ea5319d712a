"""Crystals → diffractograms, compiled by numba: what ``patterns`` computes, ten times as fast.

Unique reflections are walked through row by row of the reciprocal lattice, with the phases of hx,
ky and lz from tables. Form factors are interpolated. Gaussians follow from recurrences: each value
and each ratio of neighbours is the one before times a factor. No function holds Python's lock.

Tables are arguments: numba does not cache code that holds large arrays as constants.
"""

import numpy as np

from synthetic_spectra.crystals import diffraction, reflections
from synthetic_spectra.crystals.compiling import compiled_with_fast_math
from synthetic_spectra.crystals.patterns import CUT, SEEN
from synthetic_spectra.crystals.reflections import tables

LANES = 8  # values of a Gaussian that are computed side by side

_lorentz_polarisation = compiled_with_fast_math(diffraction.lorentz_polarisation)
_scherrer_sigma = compiled_with_fast_math(diffraction.scherrer_sigma)


def patterns(crystals, sizes, grid, root=False, out=None):
    """The diffractograms of crystals: arguments and result of ``patterns.patterns``, and

    Args:
        root: whether the square roots of the intensities are wanted.
        out: float32 (n, n_datapoints), where the result is to stand; memory that was used before
            takes less time than new memory.
    """
    found = np.empty((len(crystals), grid.n_datapoints), "float32") if out is None else out
    axis = np.radians(grid.first), grid.step, grid.logarithmic
    _patterns(*_arrays(crystals), np.asarray(sizes, float), *_physics(grid), *axis, root, found)
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


def _physics(grid):
    lowest, highest = grid.inverse_d
    return grid.wavelength, float(lowest), float(highest), tables(float(highest))


@compiled_with_fast_math
def _patterns(
    groups, cells, starts, elements, positions, sizes,
    wavelength, lowest, highest, table, first, step, logarithmic, root, found,
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
        least = 0.0
        for intensity in intensities:
            least = max(least, SEEN * intensity)
        for sine, intensity in zip(sines, intensities):  # noqa: B905
            if intensity <= least:
                continue
            cosine = np.sqrt(1 - sine * sine)
            sigma = _scherrer_sigma(cosine, sizes[i], wavelength)
            height = intensity / sigma
            if logarithmic:
                distance = np.log(sine) - np.log(np.sin(first / 2))
                sigma *= cosine / (2 * sine)
            else:
                distance = 2 * np.arcsin(sine) - first
            _add_gaussian(row, distance / step, sigma / step, height, lanes[0], lanes[1])
        _finish(row, root)


@compiled_with_fast_math
def _finish(row, root):
    """Scale a row to a maximum of 1, and take the root if it is wanted."""
    # floats from 0 on are in the order of their bits; of whole numbers the processor finds the
    # highest eight times as fast
    bits = row.view(np.int32)
    highest = np.zeros(1, np.int32)
    for j in range(len(bits)):
        highest[0] = max(highest[0], bits[j])
    if highest[0] == 0:
        return
    unit = highest.view(np.float32)[0]
    if root:
        for j in range(len(row)):
            row[j] = np.sqrt(row[j] / unit)
    else:
        for j in range(len(row)):
            row[j] /= unit


@compiled_with_fast_math
def _add_gaussian(row, position, sigma, height, values, ratios):
    """Add a Gaussian to a row; ``values`` and ``ratios`` are memory for LANES numbers."""
    start = max(0, int(np.ceil(position - CUT * sigma)))
    end = min(len(row) - 1, int(np.floor(position + CUT * sigma))) + 1
    if start >= end:
        return
    # LANES values side by side: the ratio of a value to that LANES before, and the ratio of two
    # such ratios, which is the same everywhere
    per_square = -0.5 / (sigma * sigma)
    distance = start - position
    lane_step, lane_ratio = np.exp(2 * LANES * per_square), np.exp(2 * LANES * LANES * per_square)
    # from lane to lane the values themselves follow the same recurrence by one datapoint
    value = height * np.exp(per_square * distance * distance)
    ratio = np.exp(per_square * (2 * distance + 1))
    step_ratio = np.exp(2 * per_square)
    far = np.exp(per_square * LANES * (2 * distance + LANES))
    for lane in range(LANES):
        values[lane], ratios[lane] = value, far
        value *= ratio
        ratio *= step_ratio
        far *= lane_step
    for j in range(start, end - LANES + 1, LANES):
        for lane in range(LANES):
            row[j + lane] += np.float32(values[lane])
            values[lane] *= ratios[lane]
            ratios[lane] *= lane_ratio
    rest = (end - start) % LANES
    for lane in range(rest):
        row[end - rest + lane] += np.float32(values[lane])


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
