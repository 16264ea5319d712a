"""What tests of figures share: run a script with flags, and look at the picture it made."""

from dataclasses import fields
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from figures import style
from synthetic_spectra.common.cli import checked_settings
from synthetic_spectra.common.errors import InputError

# type of a flag → values that nobody means
ODD = {
    str: ("", "..", "none", "ü", "0-1-2", "$\\frac", "x" * 300),
    Path: ("", ".", "none/none.png", "/dev/null/x.png", "x.jpg", "folder.png", "x" * 300),
    int: ("-1", "0", "1", "9" * 30, "1.5", "x"),
}
ODD[tuple] = (*((value,) for value in (*ODD[str], *ODD[int])), ("0-1",) * 50)
ODD[type(None)] = ODD[str]


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


def try_odd_values(script, folder, **flags):
    """Assert that any value of any flag is drawn, or refused as a user's mistake.

    Args:
        script: module of a figure.
        folder: for pictures; it is the working folder.
        flags: good values of flags.

    Returns:
        how many values were refused.
    """
    refused = 0
    (folder / "folder.png").mkdir()
    for field in fields(script.Settings):
        for value in ODD[Path if isinstance(field.default, Path) else type(field.default)]:
            try:
                run(script, **flags | {field.name: value})
            except (InputError, OSError):
                refused += 1
            except SystemExit as ended:
                assert ended.code == 2
                refused += 1
    assert (folder / "folder.png").is_dir()
    return refused
