"""Class definitions: the published content, the generator, and every mistake in one sentence."""

import hashlib
import json
import math

import pytest
from conftest import ROOT, refused

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

# of json.dumps of the published files: shared facts of the benchmark, not ours
PUBLISHED = {
    "benchmark": "95c760f403b64cced408f75e7811dedc0a47b3badc0c14450d5e9595e96bcd20",
    "challenge": "500ece1d75dc9ed29b65abc7336c63e80455501854d40b1feb82a90972704bf7",
}
OURS = ("distribution", "seed", "rendering", "group")  # fields that the published files do not have


def published_part(text):
    return {
        key: value if key != "spectra" else {label: without_ours(s) for label, s in value.items()}
        for key, value in without_ours(json.loads(text)).items()
    }


def without_ours(content):
    return {key: value for key, value in content.items() if key not in OURS}


def sha256(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@pytest.mark.parametrize("name", PUBLISHED)
def test_committed_config_is_the_published_one(name):
    text = (ROOT / "dataset_configs" / f"{name}.json").read_text()
    assert sha256(published_part(text)) == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_file_without_our_fields_loads(name, tmp_path):
    ours = config.load(ROOT / "dataset_configs" / f"{name}.json")
    content = published_part((ROOT / "dataset_configs" / f"{name}.json").read_text())
    (tmp_path / "published.json").write_text(json.dumps(content))
    loaded = config.load(tmp_path / "published.json")
    assert loaded.content() == content
    assert loaded.spectra["1"].peak_positions == ours.spectra["1"].peak_positions


def test_every_config_has_one_class_per_line_and_survives_being_saved(tmp_path):
    for path in (ROOT / "dataset_configs").glob("*.json"):
        if '"based_on"' in path.read_text():
            continue
        config.save(tmp_path / path.name, config.load(path))
        assert (tmp_path / path.name).read_text() == path.read_text()
        assert path.read_text().count('"peak_positions"') == config.load(path).n_classes
        assert all(line.count('"peak_positions"') <= 1 for line in path.read_text().splitlines())


def test_generator_gives_the_published_classes_and_never_overwrites_others(shell, tmp_path):
    shell(tmp_path, "dataset_config_generator.py")
    path = tmp_path / "dataset_configs" / "dataset500.json"
    text = path.read_text()
    assert sha256(published_part(text)) == PUBLISHED["benchmark"]
    shell(tmp_path, "dataset_config_generator.py")
    refused(
        shell(tmp_path, "dataset_config_generator.py", "--n-classes", 3, check=False),
        path.name,
        "--name",
    )
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_generator_draws_uniform_numbers_of_peaks(shell, tmp_path):
    flags = (
        "--name",
        "flat",
        "--n-classes",
        300,
        "--distribution",
        "uniform",
        "--min-peaks",
        3,
        "--max_peaks",
        5,
    )
    shell(tmp_path, "dataset_config_generator.py", *flags)
    definitions = config.load(tmp_path / "dataset_configs" / "flat.json")
    numbers = [len(spectrum.peak_positions) for spectrum in definitions.spectra.values()]
    assert min(map(numbers.count, (3, 4, 5))) > 70
    assert set(numbers) == {3, 4, 5}


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--name", "../x"), "../x"),
        (("--n-classes", 0), "n_classes"),
        (("--max-peaks", 1), "--max-peaks 1"),
        (("--boundary", 2500), "--boundary 2500"),
        (("--max-height", 5000), "max_height"),
        (("--n-datapoints", 3, "--boundary", 1), "the same peaks"),
        (("--n-datapoints", 10**20), "n_datapoints"),
    ],
)
def test_generator_refuses(shell, tmp_path, flags, word):
    refused(shell(tmp_path, "dataset_config_generator.py", *flags, check=False), word)
    assert not list(tmp_path.rglob("*.json"))


def change(*path, to):
    """A function that sets one value of a config's content."""

    def apply(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = to

    return apply


FIRST = ("spectra", "0")
MISTAKES = {
    "unknown kind": (change("kind", to="nmr"), ["kind", "'nmr'", "'peaks'"]),
    "kind is a list": (change("kind", to=["peaks"]), ["kind", "['peaks']"]),
    "unknown key": (change("datapoint", to=5), ["datapoint"]),
    "unknown key of a class": (change(*FIRST, "peaks", to=[]), ["class 0", "peaks"]),
    "unknown rendering setting": (change("rendering", "shift", to=3), ["rendering.shift"]),
    "missing key": (lambda content: content.pop("boundary"), ["boundary"]),
    "wrong class count": (change("classes", to=3), ["classes", "3", "2"]),
    "position is no integer": (
        change(*FIRST, "peak_positions", 0, to=120.5),
        ["class 0", "peak_positions[0]", "120.5"],
    ),
    "position is text": (
        change(*FIRST, "peak_positions", 0, to="120"),
        ["class 0", "peak_positions[0]", "'120'"],
    ),
    "position in the boundary": (
        change(*FIRST, "peak_positions", 0, to=49),
        ["class 0", "49", "50 to 449"],
    ),
    "position behind the boundary": (
        change(*FIRST, "peak_positions", 1, to=450),
        ["class 0", "450", "50 to 449"],
    ),
    "height is NaN": (
        change(*FIRST, "peak_heights", 0, to=math.nan),
        ["class 0", "peak_heights[0]", "nan"],
    ),
    "height is negative": (
        change(*FIRST, "peak_heights", 0, to=-0.5),
        ["class 0", "peak_heights[0]", "-0.5"],
    ),
    "group that no file can hold": (
        change(*FIRST, "group", to="\ud800"),
        ["class 0", "group", "unicode"],
    ),
    "lengths differ": (
        change(*FIRST, "peak_heights", to=[1.0]),
        ["class 0", "peak_heights", "1", "2"],
    ),
    "no peak": (
        lambda c: c["spectra"]["0"].update(peak_positions=[], peak_heights=[]),
        ["class 0", "peak_positions"],
    ),
    "too many peaks": (change("max_peaks", to=2), ["class 1", "3 peaks", "max_peaks 2"]),
    "highest is not 1": (
        change(*FIRST, "peak_heights", to=[0.6, 0.9]),
        ["class 0", "0.9", "expected 1"],
    ),
    "label with a line break": (
        change("spectra", "a\nb", to=None),
        ["class a\\nb", "None", "an object"],
    ),
    "labels do not count up": (
        lambda content: content["spectra"].update({"2": content["spectra"].pop("1")}),
        ["'2'", "expected '1'"],
    ),
    "label is no number": (
        lambda c: c["spectra"].update({"one": c["spectra"].pop("1")}),
        ["'one'", "expected '1'"],
    ),
    "two classes alike": (
        lambda c: c["spectra"].update({"1": c["spectra"]["0"]}),
        ["class 1", "class 0"],
    ),
    "shift range": (change("rendering", "shift_range", to=-1), ["rendering.shift_range", "-1"]),
    "variation range": (
        change("rendering", "variation_range", to=1.0),
        ["rendering.variation_range", "1.0"],
    ),
    "widths in the wrong order": (
        change("rendering", "kernel_range", to=[5.0, 2.0]),
        ["kernel_range", "5.0"],
    ),
    "one width": (
        change("rendering", "kernel_range", to=[5.0]),
        ["rendering.kernel_range", "[5.0]"],
    ),
    "no width": (change("rendering", "test_kernel", to=0.0), ["rendering.test_kernel", "0.0"]),
    "width without end": (
        change("rendering", "test_kernel", to=math.inf),
        ["rendering.test_kernel", "inf"],
    ),
    "width beyond the axis": (change("rendering", "test_kernel", to=501.0), ["501.0", "500"]),
    "no steps": (change("rendering", "test_shifts", to=[]), ["rendering.test_shifts", "[]"]),
    "number type": (change("rendering", "dtype", to="float16"), ["rendering.dtype", "float16"]),
    "class setting": (
        change(*FIRST, "rendering", to={"test_var": -0.1}),
        ["class 0", "rendering.test_var", "-0.1"],
    ),
    "dataset setting in a class": (
        change(*FIRST, "rendering", to={"seed": 1}),
        ["class 0", "rendering.seed"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_a_config_is_one_sentence(mistake, tmp_path):
    content = json.loads((ROOT / "dataset_configs" / "example.json").read_text())
    apply, words = MISTAKES[mistake]
    apply(content)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        config.load(path)
    text = str(caught.value)
    assert "\n" not in text
    for word in [str(path), *words]:
        assert word in text, text


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "expected an object"),
        ('{"spectra": {"0": {}, "0": {}}}', "'0' appears twice"),
        ("[" * 100_000, "JSON"),
        ("9" * 5000, "JSON"),
    ],
)
def test_file_that_is_no_config_ends_the_script_and_writes_nothing(shell, tmp_path, content, word):
    path = tmp_path / "broken.json"
    path.write_text(content)
    refused(shell(tmp_path, "spectra_from_config.py", "--config", path, check=False), path, word)
    assert list(tmp_path.iterdir()) == [path]


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "marked.json"
    path.write_text((ROOT / "dataset_configs" / "example.json").read_text(), encoding="utf-8-sig")
    assert config.load(path) == config.load(ROOT / "dataset_configs" / "example.json")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Ränge", "'ä' cannot be"),
        ("a b", "' ' cannot be"),
        ("a/b", "'/' cannot be"),
        (".hidden", "begins with"),
        ("-", "begins with"),
        ("", "begins with"),
        ("twice.json", "without .json"),
    ],
)
def test_a_name_that_cannot_be_is_refused_for_its_reason(shell, tmp_path, name, word):
    done = shell(tmp_path, "dataset_config_generator.py", f"--name={name}", check=False)
    refused(done, "--name", word)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "word"), [("Ränge.json", "'ä' cannot be"), ("UPPER.JSON", "in lower case")]
)
def test_a_file_whose_name_cannot_be_is_refused_for_its_reason(shell, tmp_path, name, word):
    path = tmp_path / name
    path.write_text((ROOT / "dataset_configs" / "example.json").read_text())
    refused(shell(tmp_path, "spectra_from_config.py", "--config", path, check=False), name, word)
    assert list(tmp_path.iterdir()) == [path]


def test_missing_config_names_the_known_ones(shell, tmp_path):
    refused(
        shell(ROOT, "spectra_from_config.py", "--config", "benchmrk", check=False),
        "benchmrk",
        "benchmark",
    )
    refused(
        shell(tmp_path, "spectra_from_config.py", "--config", "../../x", check=False), "../../x"
    )
    assert not list(tmp_path.iterdir())
