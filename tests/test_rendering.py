"""Spectra: the published arrays to the bit, and the plain renderer to the bit for any config."""

import hashlib

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_renderer import plain_row, render_plainly
from synthetic_spectra.spectra import config, profiles, sources
from synthetic_spectra.spectra.settings import Rendering

SCRIPT = ROOT / "spectra_from_config.py"
EXAMPLE = ROOT / "dataset_configs" / "example.json"

# The published files: SHA-256, and the sum of all values. Which exp() NumPy uses depends on the
# processor: with AVX-512 the bytes are the published ones, elsewhere the last bits of a few values
# differ.
ARRAYS = {
    "benchmark": {
        "x_train.npy": (
            "a5c0948b3784986116ff7184f43f9df59352951a8343de6bb9916fe0cea9c59a",
            701394674.7526339,
        ),
        "x_val.npy": (
            "3b3fdf0dd8a5eeb5aec69d95a38fbe1debc2df9e689ced369a382fa54481dc1f",
            28035103.502929606,
        ),
        "x_test.npy": (
            "dcfb27f406fa4eca608d17f81d813e1a3c39a6eeb8890669ad94f470aa177163",
            22728119.259,
        ),
        "y_train.npy": (
            "3d5377a5b0a7ef8d562083f79fb065d2606f09a0baf6b81b27332a36b88d202b",
            104007193750.0,
        ),
        "y_val.npy": (
            "2d82f5a738286e12a7ce4535b4632b655745907f9cf49c44c540bb3605a7ab1c",
            4159788750.0,
        ),
        "y_test.npy": (
            "1097657c7fad1f7ed674504555c97e081bc0aff917ddeecee439e3e041881be4",
            3369372750.0,
        ),
    },
    "challenge": {
        "x_train.npy": (
            "a236fb5ab48d4a6859e802cac3774b1864e31606678dced5438aa14fb7d846cc",
            1242431.0207650806,
        ),
        "x_val.npy": (
            "8150cac87888d614ef39ae9ff973809be41f31775d130c26e288315471592217",
            49491.38724982507,
        ),
        "x_test.npy": (
            "471f9336038b53b169953413ae5f8201d09ad3dd9b8c2e111d3003baf7c2c89d",
            17720.940000000002,
        ),
        "y_train.npy": (
            "2086759492ec461689729e899612ca6a8bc0934b98578122c56941b99def5c92",
            15932475.0,
        ),
        "y_val.npy": ("0da55826e50c8c3e7ee359d1fec1484169b9aa824ac4ee64a0680689ca2d5300", 635895.0),
        "y_test.npy": (
            "9e94cae7af1fbe5f9de1cb475cff1d67d31bd72b4d4c144e1e1cd6fbeec44f4c",
            228501.0,
        ),
    },
}
# SHA-256 of the resolved configs: with the arrays they are the identity of a dataset in the results
CONFIGS = {
    "benchmark": "a505101a1ed2b4dc2126879eb427fd515c800e3c4b50cba1505128c439defc0b",
    "challenge": "805ce0df5e9007f59d39b25cbcbda25b3570eabb32651d36866a5aaedee60e2c",
}
EXP_AS_PUBLISHED = (
    hashlib.sha256(np.exp(-np.linspace(0, 8, 100_001)).tobytes())
    .hexdigest()
    .startswith("47df53282f9c65f8")
)


def render(shell, folder, path, *flags, check=True):
    """Run the renderer of the project in a folder."""
    return shell(folder, "spectra_from_config.py", "--config", path, *flags, check=check)


@pytest.fixture(scope="module")
def published(shell, tmp_path_factory):
    """A folder with both published datasets, rendered through the shell, and the array files in it
    by dataset."""
    folder = tmp_path_factory.mktemp("published")
    for name in ARRAYS:
        render(shell, folder, ROOT / "dataset_configs" / f"{name}.json")
    return {name: folder / "datasets" / name for name in ARRAYS}


@pytest.mark.parametrize("name", ARRAYS)
def test_published_arrays_up_to_rounding(published, name):
    for file, (_, expected) in ARRAYS[name].items():
        array = np.load(published[name] / file, mmap_mode="r")
        rows = array.reshape(len(array), -1).sum(axis=1)
        assert rows @ np.arange(len(rows)) == pytest.approx(expected, rel=1e-12), (
            file
        )  # weighted: the order counts


@pytest.mark.skipif(
    not EXP_AS_PUBLISHED, reason="NumPy's exp() rounds otherwise on this processor (no AVX-512)"
)
@pytest.mark.parametrize("name", ARRAYS)
def test_published_arrays_byte_for_byte(published, name):
    for file, (expected, _) in ARRAYS[name].items():
        with (published[name] / file).open("rb") as stream:
            assert hashlib.file_digest(stream, "sha256").hexdigest() == expected, file


# Endless training: settings in place of the example's → (seed, epoch) → SHA-256 of the spectra and
# labels of that epoch, and their weighted sum. Runs go on from a stop with the same stream.
STREAMS = {
    "as published": ({}, {
        (0, 0): ("7501c17964104f0f48b8906db3a0fcc2afb5787acff55f100ae06d5e16b0b04d", 77255.98),
        (0, 1): ("b5b5da7fe143527e9efa35e45fe78af9fdfc5c67091458dafc7a056378ae75d1", 72873.37),
        (3, 7): ("2540d6665b6927d89a0464248b5fc197699a5a3546f15c051d14f9936b27daab", 77109.00),
    }),
    "with every artefact": ({
        "profile": "pseudo_voigt", "mixing": (0.2, 0.6), "width_spread": 0.2, "zero_shift": 3.5,
        "scale": 0.01, "impurities": 2, "background": 0.2, "counts": 1000.0, "noise": 0.01,
    }, {
        (0, 0): ("0c189f9aaadc0644d7f4f632042113ab9085716903337b3e3abd07dd344f5acb", 196425.94),
        (3, 7): ("8c98c68ebb1896db1c76247ff3b3308cc26dd61f696a5b971db56c83113c9fce", 200761.83),
    }),
    "on a smooth random curve": ({"background": 0.3, "background_shape": "gaussian_process"}, {
        (0, 1): ("7f769f245ca63022a8709605dd64c3e3565e640be76efa3bee4645df9a90faf4", 230905.75),
    }),
    "on a hump, in float32": (
        {"background": 0.3, "background_shape": "hump", "dtype": "float32"},
        {(0, 0): ("10ab9035bb6dad8fdadce2a4ffd8657d94b15f097791fef8815983e85185b278", 150127.74)},
    ),
    "a range, below a background": ({"crop": 0.3, "noise": 0.01, "background": 3.0}, {
        (0, 0): ("2b454c1e061595ce418a1a357c37cc240a949f6d18eed782136837cb07072acb", 591785.81),
    }),
}  # fmt: skip


@pytest.mark.parametrize("case", STREAMS)
def test_the_stream_of_endless_training_is_the_same_to_the_bit(case):
    changes, expected = STREAMS[case]
    definitions = config.load(EXAMPLE).resolved().changed(**changes)
    for (seed, epoch), (checksum, total) in expected.items():
        x, y = sources.fresh(definitions, seed, epoch)
        rows = x.sum(axis=1, dtype="float64")
        assert rows @ np.arange(len(rows)) == pytest.approx(total, rel=1e-6)
        if EXP_AS_PUBLISHED:
            assert hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest() == checksum


@pytest.mark.parametrize("name", CONFIGS)
def test_resolved_configs_byte_for_byte(published, name):
    content = (published[name] / "config.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == CONFIGS[name]


@st.composite
def contents(draw):
    """The content of a small config: peaks anywhere on a short axis, so that they collide, overlap
    and touch edges."""
    n_datapoints = draw(st.integers(5, 160))
    n_classes = draw(st.integers(1, 3))
    spread = st.floats(0, 0.99)
    widths = st.lists(st.floats(0.05, min(20, n_datapoints)), min_size=2, max_size=2).map(sorted)
    steps = st.lists(st.integers(-2, 2), min_size=1, max_size=3)
    shared = {
        "shift_range": st.integers(0, 40),
        "variation_range": spread,
        "kernel_range": widths,
        "vary_highest": st.booleans(),
        "test_shift": st.integers(0, 40),
        "test_var": spread,
        "test_shifts": steps,
        "test_heights": steps,
        "test_kernel": st.floats(0.05, min(20, n_datapoints)),
        "n_train": st.integers(1, 4),
        "n_val": st.integers(1, 2),
    }
    spectra = {}
    for label in range(n_classes):
        positions = draw(st.lists(st.integers(0, n_datapoints - 1), min_size=1, max_size=6))
        heights = draw(
            st.lists(st.floats(0.001, 1), min_size=len(positions), max_size=len(positions))
        )
        heights[draw(st.integers(0, len(heights) - 1))] = 1.0
        own = draw(st.fixed_dictionaries({}, optional=shared))
        spectra[str(label)] = {
            "peak_positions": positions,
            "peak_heights": heights,
            "rendering": own,
        }
    return {
        "datapoints": n_datapoints,
        "boundary": 0,
        "classes": n_classes,
        "min_peaks": 1,
        "max_peaks": 6,
        "max_height": 100,
        "rendering": draw(st.fixed_dictionaries({"seed": st.integers(0, 9)}, optional=shared))
        | {"dtype": draw(st.sampled_from(["float64", "float32"]))},
        "spectra": spectra,
    }


@settings(max_examples=150, deadline=None)
@given(content=contents())
def test_any_config_is_rendered_as_plainly_to_the_bit(content, tmp_path_factory):
    try:
        definitions = config.parse(content, "drawn")
    except config.InputError:  # two classes drawn alike
        return
    definitions = definitions.resolved(Rendering(kernel_range=(0.5, 1.0), n_train=3))
    folder = tmp_path_factory.mktemp("any")
    (folder / "plain").mkdir()
    render_plainly(definitions, folder / "plain")
    plain = {file.name: np.load(file) for file in (folder / "plain").iterdir()}
    empty = any((array.ndim == 2 and not array.any(axis=1).all()) for array in plain.values())
    try:
        sources.render(definitions, folder / "ours")
    except config.InputError as error:
        assert "is empty" in str(error)
        assert empty
        return
    for file, array in plain.items():
        assert np.array_equal(array, np.load(folder / "ours" / file)), file


@pytest.mark.parametrize("distance", [0, 1, 15, 16, 17])
def test_neighbours_on_either_side_of_touching(distance):
    positions, heights, widths = (
        np.array([[100, 100 + distance]]),
        np.array([[0.3, 1.0]]),
        np.array([2.0]),
    )
    spectra = profiles.gaussian(positions, heights, widths, 300)
    assert np.array_equal(spectra[0], plain_row(positions[0], heights[0], 2.0, 300))
