"""Noise-shuffle: what stays in place, what replaces the rest, whose noise a class never gets."""

from collections import Counter

import numpy as np
import pytest
from noise_library import KEPT, NAMES, SIZE, background_of, drawn, library

from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.spectra import dataset, sources


def test_401_points_stay_and_the_others_are_every_background_value_of_one_noise_spectrum(tmp_path):
    _, definitions = library(tmp_path)
    spectra = drawn(definitions)
    source = sources.source_of(definitions).source
    for label, name in enumerate(NAMES):
        pattern = noise_shuffle.scaled(source.theoretical(label))
        highest = np.sort(np.argsort(-pattern, kind="stable")[:KEPT])
        others = np.setdiff1d(np.arange(SIZE), highest)
        assert len(others) == 1850
        used = Counter()
        of_class = np.concatenate([spectra["train"][label], spectra["val"][label]])
        assert len(of_class) == 72
        for spectrum in of_class:
            np.testing.assert_array_equal(spectrum[highest], pattern[highest])
            noise = background_of(definitions, spectrum[others])
            # each value as often as it is there, the 401 highest left out
            expected = np.sort(definitions.noise_spectra[noise])[:1850]
            np.testing.assert_array_equal(np.sort(spectrum[others]), expected)
            used[noise] += 1
        # nothing of the tested material; the rest takes turns
        own = {"ZIF-8": {"ZIF-8_1"}, "MOF-74": {"MOF-74"}}.get(name, set())
        assert set(used) == set(definitions.noise_spectra) - own
        assert max(used.values()) - min(used.values()) <= 1
        if not own:
            assert set(used.values()) == {12}
        assert len({spectrum.tobytes() for spectrum in of_class}) == 72


def test_a_pattern_with_fewer_points_above_0_keeps_just_those(tmp_path):
    _, definitions = library(tmp_path)
    pattern = sources.source_of(definitions).source.theoretical(4)
    lit = pattern > 0
    assert 60 < lit.sum() < KEPT
    for spectrum in drawn(definitions)["train"][4]:
        np.testing.assert_allclose(spectrum[lit], pattern[lit] / pattern.max(), rtol=1e-12)
        noise = background_of(definitions, spectrum[~lit])
        expected = np.sort(definitions.noise_spectra[noise])[: SIZE - lit.sum()]
        np.testing.assert_array_equal(np.sort(spectrum[~lit]), expected)
    assert "1 of 5 classes have fewer than 401" in sources.notice(definitions)


def test_validation_gets_noise_of_its_own_where_that_is_asked_for(tmp_path):
    _, definitions = library(tmp_path, separate_noise=True)
    source = sources.source_of(definitions).source
    noise = {"train": set(), "val": set()}
    for split, of_classes in drawn(definitions, ("train", "val")).items():
        for label, spectra in of_classes.items():
            pattern = noise_shuffle.scaled(source.theoretical(label))
            for spectrum in spectra:
                noise[split].add(background_of(definitions, np.setdiff1d(spectrum, pattern)))
    assert noise == {"train": {"ZIF-8_1", "MOF-74", "a", "b", "c"}, "val": {"d"}}


def test_rendered_spectra_are_shuffled_with_their_artefacts(tmp_path):
    _, theoretical = library(tmp_path, width_spread=0.2, counts=500.0)
    _, rendered = library(tmp_path, width_spread=0.2, counts=500.0, shuffle_of="rendered")
    plain, both = drawn(theoretical), drawn(rendered)
    # every theoretical pattern of a class is the same at its highest points, no rendered one is
    highest = plain["train"][0].argmax(axis=1)
    assert len(set(highest)) == 1
    assert len(set(both["train"][0].argmax(axis=1))) > 5
    source = sources.source_of(rendered).source
    of_source = {
        split: spectra for split, spectra, labels in source.draw(dataset.SPLITS) if labels[0] == 0
    }
    for shuffled, spectrum in zip(both["train"][0], of_source["train"], strict=True):
        scaled = noise_shuffle.scaled(spectrum)
        order = np.argsort(-scaled, kind="stable")
        np.testing.assert_array_equal(shuffled[order[:KEPT]], scaled[order[:KEPT]])
        background_of(rendered, shuffled[order[KEPT:]])
    np.testing.assert_array_equal(both["test"][0], of_source["test"])


def test_the_stream_and_the_epoch_decide_endless_spectra(tmp_path):
    _, definitions = library(tmp_path)
    first, _ = sources.fresh(definitions, 3, 0)
    again, labels = sources.fresh(definitions, 3, 0)
    other, _ = sources.fresh(definitions, 3, 1)
    assert first.shape == (5 * 58, SIZE) and np.bincount(labels).tolist() == [58] * 5
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=1).all()
    on_disk = drawn(definitions, ("train",))["train"][0]
    assert (first[:58] != on_disk.astype("float32")).any(axis=1).all()


@pytest.mark.parametrize(
    ("noise", "same"),
    [
        ("ZIF-8", True), ("zif-8_3", True), ("ZIF-8 (2)", True), ("ZIF-80", False),
        ("ZIF-67", False), ("a ZIF-8", False),
    ],
)  # fmt: skip
def test_whose_noise_a_file_is(noise, same):
    assert noise_shuffle.is_of(noise, ["MOF-5", "ZIF-8"]) is same
