"""Files from strangers: whatever was changed in them, they are read or refused in one sentence."""

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks import plain_files
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.readers import FORMATS, parse

AXIS = np.arange(10, 30, 0.4)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(3)
WHOLE = {name: write(AXIS, HEIGHTS) for name, write in plain_files.FILES.items()}


def test_every_format_is_among_the_mutated_ones():
    assert set(WHOLE) == {kind.name for kind in FORMATS}


def checked(content):
    """Read it; assert that it is a spectrum, or is refused in one sentence."""
    try:
        measured = parse(content)
    except InputError as error:
        assert len(str(error)) > 4 and len(str(error).splitlines()) == 1
        return
    assert len(measured.axis) == len(measured.intensities) >= 10
    assert (np.diff(measured.axis) > 0).all() and np.isfinite(measured.intensities).all()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)),
        min_size=1,
        max_size=5,
    ),
)
def test_mutated_files_are_read_or_refused(name, edits):
    content = WHOLE[name]
    for place, length, replacement in edits:
        at = int(place * len(content))
        content = content[:at] + replacement + content[at + length :]
    checked(content)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='0123456789.,;-eE \t\n\r"#nax', max_size=400))
@example("1,5;2\n" * 12)
@example('"1\n' * 30)
@example('1 "2\n' * 30)
@example("1_0 2\n" * 30)
def test_any_text_is_read_or_refused(text):
    checked(text.encode())
