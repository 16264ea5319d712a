"""What tests of figures share: run a script with flags, and look at the picture it made."""

import matplotlib.pyplot as plt
import numpy as np

from figures import style
from synthetic_spectra.common.cli import checked_settings


def run(script, **flags):
    """Run a script in this process with these settings; it leaves no figure open."""
    before = plt.get_fignums()
    words = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in flags.items()
        if not isinstance(value, tuple)
    ]
    for name, values in flags.items():
        if isinstance(values, tuple):
            words += [f"--{name}", *values]
    script.main(checked_settings(script.Settings, words))
    assert plt.get_fignums() == before


def assert_drawn(output):
    """A picture that is not blank, as PNG and PDF."""
    caption, datasets = style.contents(output)
    assert caption and len(datasets) == 1
    assert np.ptp(plt.imread(output)) > 0.9
    assert output.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
