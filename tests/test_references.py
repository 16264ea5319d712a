"""References → a config with an axis and names: CIFs, tables of peaks, measured spectra."""

import copy
import json

import numpy as np
import pytest
from conftest import ROOT, refused
from crystal_files import BY_PYMATGEN, CRYSTALS, WAVELENGTH, write_all, write_cif

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

SCRIPT = "dataset_config_from_references.py"


def made(folder, name="references"):
    """The config that the script wrote in a folder."""
    return config.load(folder / "dataset_configs" / f"{name}.json")


def test_structures_become_classes_with_an_axis_and_names(shell, tmp_path):
    cifs = write_all(tmp_path / "cifs")
    (cifs / "broken.cif").write_text("data_x\nloop_\n_atom_site_fract_x\n")
    (cifs / "notes.txt").write_text("nothing to see")
    done = shell(tmp_path, SCRIPT, cifs, "--last", 70)
    assert "broken.cif" in done.stderr and "notes.txt" in done.stderr
    definitions = made(tmp_path)
    axis, by_name = definitions.axis, {one.name: one for one in definitions.spectra.values()}
    assert (axis.quantity, axis.unit, axis.wavelength) == ("two_theta", "degree", WAVELENGTH)
    assert axis.value(definitions.n_datapoints - 1) == pytest.approx(70)
    rendering = definitions.rendering
    assert (rendering.strain, rendering.scale, rendering.crop) == (0.005, 0.0, 0.5)
    assert sorted(by_name) == sorted(CRYSTALS)
    for name, lines in BY_PYMATGEN.items():
        assert by_name[name].formula == CRYSTALS[name][0]
        assert by_name[name].source == f"{name}.cif"
        angles = axis.value(np.array(by_name[name].peak_positions))
        for angle, height in lines:
            nearest = np.abs(angles - angle).argmin()
            assert angles[nearest] == pytest.approx(angle, abs=axis.step / 2 + 0.001)
            # lines at one datapoint are one peak
            assert by_name[name].peak_heights[nearest] > height - 0.006

    # what is there is neither lost nor written again
    path = tmp_path / "dataset_configs" / "references.json"
    text = path.read_text()
    assert "already" in shell(tmp_path, SCRIPT, cifs, "--last", 70).stdout
    refused(shell(tmp_path, SCRIPT, cifs, "--last", 60, check=False), path.name, "--overwrite")
    assert path.read_text() == text
    shell(tmp_path, SCRIPT, cifs, "--last", 60, "--overwrite")
    assert made(tmp_path).n_datapoints == 2751


def test_what_no_measurement_tells_apart_is_one_class_with_aliases(shell, tmp_path):
    cifs = write_all(tmp_path / "cifs")
    formula, _, group, sites = CRYSTALS["halite"]
    # a little larger, another substance; the same one twice
    write_cif(cifs, "zaltite", formula, (5.642, 5.642, 5.642, 90, 90, 90), group, sites)
    (cifs / "zz.cif").write_text((cifs / "zaltite.cif").read_text())
    # too large to be taken for it
    write_cif(cifs, "zother", formula, (5.72, 5.72, 5.72, 90, 90, 90), group, sites)
    shell(tmp_path, SCRIPT, cifs, "--last", 60)
    aliases = {one.name: one.aliases for one in made(tmp_path).spectra.values()}
    # the name that two of the three have
    assert set(aliases) == {*CRYSTALS, "zother", "zaltite"} - {"halite"}
    assert [(one.name, one.source) for one in aliases["zaltite"]] == [("halite", "halite.cif")]
    assert not aliases["zother"]


def test_peaks_and_elements_that_are_kept(shell, tmp_path):
    cifs = write_all(tmp_path / "cifs")
    flags = ["--most-peaks", 3, "--lowest-height", 0.3, "--elements", "Ti", "O", "Zn"]
    shell(tmp_path, SCRIPT, cifs, *flags)
    spectra = made(tmp_path).spectra.values()
    assert [one.name for one in spectra] == ["rutile", "zincite"]
    assert all(len(one.peak_positions) <= 3 for one in spectra)
    assert min(min(one.peak_heights) for one in spectra) >= 0.3


def test_a_table_of_peaks(shell, tmp_path):
    rows = ["name;position;height;formula", "anatase;144;100;TiO2", "anatase;639;20;TiO2"]
    rows += ["quartz;464;7.5;SiO2", "quartz;99999;3;SiO2"]
    (tmp_path / "peaks.csv").write_text("\n".join(rows))
    axis = ["--quantity", "raman_shift", "--unit", "1/cm", "--first", 100, "--last", 1200]
    axis += ["--step", 1, "--widths", 5, 20, "--shift", 3]
    shell(tmp_path, SCRIPT, "peaks.csv", *axis)
    anatase, quartz = made(tmp_path).spectra.values()
    assert (anatase.name, anatase.formula, quartz.source) == ("anatase", "TiO2", "peaks.csv")
    assert (anatase.peak_positions, anatase.peak_heights) == ([44, 539], [1, 0.2])
    assert quartz.peak_positions == [364]
    assert made(tmp_path).axis.wavelength is None
    rendering = made(tmp_path).rendering
    assert (rendering.strain, rendering.scale, rendering.crop) == (0.0, 0.005, 0.5)
    # a crystal has no Raman lines here
    (tmp_path / "cifs").mkdir()
    path = write_cif(tmp_path / "cifs", "rutile", *CRYSTALS["rutile"])
    refused(shell(tmp_path, SCRIPT, path, *axis, check=False), "no reference is left")


@pytest.mark.parametrize(
    "table, told",
    [
        ("name,position,height\na,1,x\n", "row 2: height is 'x'"),
        ("name,position,height\na,400,-1\n", "row 2: height is '-1'"),
        ("name,position,height\na,inf,1\n", "row 2: position is 'inf'"),
        ("name,position,height\na,400,1\n,500,1\n", "a row without a name"),
        ("name,position,height\na,5000,1\n", "no peak of a is on the axis"),
        ("name,position,height\n", "no peaks"),
    ],
)
def test_a_bad_table_is_told_in_one_sentence(shell, tmp_path, table, told):
    (tmp_path / "peaks.csv").write_text(table)
    axis = ["--quantity", "raman_shift", "--unit", "1/cm", "--last", 1200, "--step", 1]
    done = shell(tmp_path, SCRIPT, "peaks.csv", *axis, "--shift", 3, check=False)
    refused(done, "no reference is left")
    assert f"peaks.csv: {told}" in done.stderr


def test_peaks_of_a_measured_spectrum(shell, tmp_path):
    rng, shifts = np.random.default_rng(1), np.arange(80.0, 1300, 1.7)
    peaks = {144: 1.0, 399: 0.25, 639: 0.4}
    spectrum = sum(h * np.exp(-0.5 * ((shifts - p) / 6) ** 2) for p, h in peaks.items())
    spectrum = 500 + 200 * np.sin(shifts / 300) + 1000 * spectrum + rng.normal(0, 4, len(shifts))
    rows = "\n".join(f"{x:.1f}\t{y:.2f}" for x, y in zip(shifts, spectrum, strict=True))
    (tmp_path / "titania.txt").write_text(f"Raman shift (cm-1)\tintensity\n{rows}\n")
    axis = ["--quantity", "raman_shift", "--unit", "1/cm", "--first", 100, "--last", 1200]
    axis += ["--step", 1, "--widths", 8, 30, "--shift", 3, "--lowest-height", 0.05]
    shell(tmp_path, SCRIPT, "titania.txt", *axis)
    (found,) = made(tmp_path).spectra.values()
    assert found.name == "titania"
    assert found.peak_positions == pytest.approx([44, 299, 539], abs=1)
    assert found.peak_heights == pytest.approx([1, 0.25, 0.4], abs=0.03)


def test_measured_references_without_a_wavelength_need_one(shell, tmp_path):
    angles = np.arange(10.0, 80, 0.02)
    heights = 1e4 * np.exp(-0.5 * ((angles - 20) / 0.08) ** 2)
    heights += np.random.default_rng(0).normal(100, 5, len(angles))
    rows = "".join(f"{x:.2f} {y:.2f}\n" for x, y in zip(angles, heights, strict=True))
    (tmp_path / "plain.xy").write_text(rows)
    done = shell(tmp_path, SCRIPT, "plain.xy", check=False)
    refused(done, "no reference is left")
    assert "plain.xy: the file does not tell its wavelength; expected --measured-" in done.stderr
    flags = "--measured-wavelength", 0.7093, "--lowest-height", 0.1
    shell(tmp_path, SCRIPT, "plain.xy", *flags)
    (found,) = made(tmp_path).spectra.values()
    expected = 2 * np.degrees(np.arcsin(1.5406 / 0.7093 * np.sin(np.radians(10))))
    assert found.peak_positions == pytest.approx([(expected - 5) / 0.02], abs=1)


@pytest.mark.parametrize(
    "flags, told",
    [
        (["--name", "a/b"], "'/' cannot be in the name"),
        (["--step", 50], "--step 50.0"),
        (["--last", 200], "expected 0 to 180"),
        (["--widths", 0.3, 0.1], "--widths"),
        (["--quantity", "Two Theta"], "quantity"),
        (["--elements", "Xe"], "no reference is left"),
    ],
)
def test_flags_that_are_refused(shell, tmp_path, flags, told):
    write_cif(tmp_path, "rutile", *CRYSTALS["rutile"])
    refused(shell(tmp_path, SCRIPT, "rutile.cif", *flags, check=False), told)
    assert not (tmp_path / "dataset_configs").exists()


TWO_THETA = {"quantity": "two_theta", "unit": "degree", "first": 5, "step": 0.1, "wavelength": 1.54}


@pytest.mark.parametrize(
    "field, value, told",
    [
        ("axis", TWO_THETA | {"wavelength": None}, "no wavelength"),
        ("axis", TWO_THETA | {"step": 1.0}, "2θ from 5 to 504"),
        ("axis", TWO_THETA | {"step": 0}, "step of the axis is 0"),
        ("axis", TWO_THETA | {"quantity": "raman_shift"}, "expected none"),
        ("axis", TWO_THETA | {"units": "°"}, "units"),
        ("name", "", "name"),
        ("name", "two\nlines", "name"),
        ("name", "x" * 201, "name"),
        ("aliases", [{"formula": "O2"}], "name"),
        ("source", 3, "source"),
    ],
)
def test_an_axis_or_name_that_cannot_be_is_refused(field, value, told):
    content = json.loads((ROOT / "dataset_configs" / "example.json").read_text())
    (content if field == "axis" else content["spectra"]["0"])[field] = value
    with pytest.raises(InputError, match=told):
        config.parse(content, "here")


def test_axis_and_names_are_kept(tmp_path):
    content = json.loads((ROOT / "dataset_configs" / "example.json").read_text())
    content["axis"] = TWO_THETA
    content["spectra"]["1"] |= {"name": "α-Fe₂O₃", "aliases": [{"name": "rust", "source": "x"}]}
    definitions = config.parse(content, "here")
    config.save(tmp_path / "a.json", definitions)
    assert config.load(tmp_path / "a.json") == definitions
    assert definitions.resolved().axis.value(10) == pytest.approx(6)
    assert definitions.axis.position(6.0) == pytest.approx(10)
    assert definitions.spectra["1"].aliases[0].name == "rust"


def test_what_only_describes_a_class_is_no_other_class():
    content = config.load(ROOT / "dataset_configs" / "minerals.json").content()
    same, other = copy.deepcopy(content), copy.deepcopy(content)
    same["spectra"]["0"] |= {"formula": "X", "source": "elsewhere", "aliases": []}
    other["spectra"]["0"]["name"] = "another"
    checksum, described, renamed = (
        config.parse(each, "config").classes_checksum() for each in (content, same, other)
    )
    assert checksum == described != renamed
