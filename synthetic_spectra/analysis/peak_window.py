"""One peak of a class: the datapoints where it can lie, and where it lies in each spectrum."""

from synthetic_spectra.common.errors import InputError


def window_of(definitions, label, peak):
    """The datapoints where a peak can lie in training and test spectra of its class, as a slice.

    Args:
        definitions: a config with every rendering setting filled in.
        label: of the class.
        peak: which one, counted from 0 in the order of the definition.

    Raises:
        InputError: if another peak of the class can lie there too.
    """
    positions = definitions.spectra[str(label)].peak_positions
    rendering = definitions.rendering_of(str(label))
    steps = max(abs(step) for step in rendering.test_shifts)
    reach = max(rendering.shift_range, steps * rendering.test_shift)

    for neighbour, position in enumerate(positions):
        if neighbour != peak and abs(position - positions[peak]) <= 2 * reach:
            raise InputError(
                f"class {label}: peaks {peak} and {neighbour} can lie at the same place, "
                f"expected a peak that is more than {2 * reach} datapoints from all others"
            )
    return slice(max(0, positions[peak] - reach), positions[peak] + reach + 1)


def highest_points(spectra, window):
    """The highest point of n spectra within a window.

    Args:
        spectra: (n, n_datapoints).
        window: slice of the datapoints.

    Returns:
        its positions in datapoints (n,), and its intensities (n,).
    """
    part = spectra[:, window]
    return window.start + part.argmax(axis=1), part.max(axis=1)
