"""Figures and the study of random crystals: what they draw and count is what the crystals are."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from drawing import run

from figures import plot_crystal_statistics, plot_crystals, plot_effects, style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import statistics


def assert_drawn(output):
    """A picture that says what it shows, as PNG and PDF."""
    caption, datasets = style.contents(output)
    assert "andom" in caption and not datasets
    assert output.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def found():
    return statistics.load("all")


def test_sizes_and_groups_are_drawn(tmp_path, found):
    output = tmp_path / "sizes.png"
    run(plot_crystal_statistics, crystals=300, output=output)
    assert_drawn(output)

    # the tests stand for random crystals
    groups = np.flatnonzero(found.frequencies() >= 50)
    figure = plot_crystal_statistics.draw(found, groups, found.tests, found.tests)
    volume, sites, _, _, order = figure.axes
    assert volume.get_xscale() == "log" and len(sites.patches) == 3
    real = np.isin(found.groups, groups)
    shares = sites.patches[0].get_data().values
    assert shares[0] == pytest.approx(100 * (found.site_numbers[real] == 1).mean())
    drawn, too_few, _ = order.lines
    assert len(drawn.get_ydata()) == len(groups)
    assert min(drawn.get_ydata()) >= 50 > max(too_few.get_ydata())


def test_crystals_are_drawn_with_all_their_atoms(tmp_path, found):
    output = tmp_path / "crystals.png"
    run(plot_crystals, groups=("225",), output=output)
    assert_drawn(output)

    # halite in the tests' place: 14 atoms on the corners and faces, 13 on edges and in the middle
    halite = replace(
        found.tests.chosen([0]),
        groups=np.array([225]),
        cells=np.array([[5.64, 5.64, 5.64, 90, 90, 90]]),
        starts=np.array([0, 2]),
        elements=np.array([11, 17]),
        positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
        sites=np.array([0, 1]),
    )
    figure = plot_crystals.draw([[halite, halite]], 50)
    cell, pattern = figure.axes[:2]
    assert len(cell.patches) == 27 and len(cell.lines) == 12 + 2
    angles, intensities = pattern.lines[0].get_data()
    assert angles[np.argmax(intensities)] == pytest.approx(31.70, abs=0.02)
    assert pattern.get_title() == "Na₄Cl₄"

    # no atom is turned out of its place relative to others
    rotation = plot_crystals.view()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_each_effect_of_a_config_has_a_panel(tmp_path):
    output = tmp_path / "effects.png"
    run(plot_effects, output=output)
    caption, datasets = style.contents(output)
    assert datasets == ["space_groups_30_measured"] and "impurity, background" in caption
    angles, ideal = np.linspace(5, 90, 851), np.zeros(851)
    ideal[300] = 1
    curves = {"no effect": ideal, "pseudo-Voigt profile": ideal / 2, "noise": ideal + 0.1}
    panels = plot_effects.draw(curves, angles, "P1", root=False).axes
    assert [panel.get_title() for panel in panels] == ["P1, no effect", *list(curves)[1:]]
    assert panels[1].get_xlim() == pytest.approx((35 - 1.2, 35 + 1.2))
    assert panels[2].get_xlim() == (5, 90)
    for name, reason in (("example", "no space groups"), ("space_groups_30", "no effect")):
        with pytest.raises(InputError, match=f"{name}.json: .*{reason}"):
            run(plot_effects, config=name, output=tmp_path / "none.png")


@pytest.mark.parametrize("flags", [{"most_atoms": 1}, {"groups": ("3",)}])
def test_what_cannot_be_drawn_is_told(tmp_path, flags):
    with pytest.raises(InputError, match="expected"):
        run(plot_crystals, **{"groups": ("62",)} | flags, output=tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


def test_the_study_writes_a_row_for_each_size_and_way_of_drawing(shell, tmp_path):
    done = shell(tmp_path, "studies/random_crystals.py", "--crystals", 500, "--checked", 20)
    assert "0 of 20 space groups differ" in done.stdout
    table = results.Results(tmp_path / results.MADE, "all").crystals
    ways = ("as drawn", "last element on one site", "best of 5 places", "best of 10 occupations")
    descriptors = ("smallest_distance", "volume", "sites", "atoms", "denseness")
    expected = list(itertools.product(ways, descriptors))
    assert list(zip(table.way, table.descriptor, strict=True)) == expected
    assert table.distance.between(0, 0.8).all() and (table.random_crystals == 500).all()

    # the record has the same medians of the real ones
    kept = results.Results(results.RECORD, "all").crystals
    np.testing.assert_allclose(table.real_median, kept.real_median, rtol=1e-5)
    sites = kept[kept.descriptor == "sites"].distance.to_numpy()
    assert sites[0] < sites[1] / 3
