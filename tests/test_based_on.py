"""A config that is based on another one: all of its fields hold that are not given anew."""

import json

import pytest
from conftest import ROOT

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config


def based(tmp_path, **content):
    """Path of a config that is based on the example of the project."""
    path = tmp_path / "variant.json"
    path.write_text(json.dumps({"based_on": "example"} | content))
    return path


def test_a_config_can_be_based_on_another_one(tmp_path):
    example = config.load(ROOT / "dataset_configs" / "example.json")
    assert config.load(based(tmp_path)) == example
    variant = config.load(based(tmp_path, rendering={"noise": 0.1}))
    assert variant.spectra == example.spectra
    assert variant.fixed() == example.fixed() | {"noise": 0.1}
    assert len(config.load(based(tmp_path, classes=1)).spectra) == 1
    # one beside it comes first, and may be based on another one itself
    (tmp_path / "example.json").write_text('{"based_on": "challenge", "classes": 3}')
    assert config.load(based(tmp_path)).n_classes == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"based_on": 3}, ["based_on is 3"]),
        ({"based_on": "nothing"}, ["nothing", "challenge"]),
        ({"based_on": "variant"}, ["based_on is 'variant'", "another config"]),
        ({"classes": 3}, ["classes is 3", "2"]),
        ({"classes": -1}, ["classes"]),
        ({"rendering": 3}, ["rendering"]),
        ({"datapoint": 3}, ["datapoint"]),
    ],
)
def test_a_mistake_in_what_a_config_is_based_on_is_told(tmp_path, content, words):
    with pytest.raises(InputError) as caught:
        config.load(based(tmp_path, **content))
    for word in words:
        assert word in str(caught.value)
