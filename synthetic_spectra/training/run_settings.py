"""The settings of a run as its settings.json keeps them: what was asked, and on what it ran."""

from pathlib import Path

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import read_json
from synthetic_spectra.training.run import Identity

# keys that every settings.json has
RECORDED = ("config", "model", "hidden_activation", "seed", "dataset_checksum", "backend")
RECORDED += ("device", "versions")
# recorded, but no reason to train a finished run again; a run that goes on keeps what it began with
ENVIRONMENT = ("versions", "keras_config", "variables", "device", "run_id")
# the same; of a run that goes on, what holds for its end
LATEST = ("classes_checksum", "layers_checksum")

# what can be done about a run with other settings: an unfinished one, and a finished one
ANEW = "--resume never trains it anew"
ELSEWHERE = "choose another --runs-dir or remove the folder"


def kept(folder):
    """The settings in the folder of a run; what an older run does not name has its default.

    Raises:
        InputError: if settings.json is missing, damaged or not of a run.
    """
    path = Path(folder) / "settings.json"
    settings = read_json(path)
    # records for who reads the file, no columns of a table
    for name in ("keras_config", "variables", *LATEST):
        settings.pop(name, None)
    try:
        return Identity.from_settings(settings).settings() | settings
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def difference(before, asked, versions):
    """The first setting that differs, with its value before and now; None if all are the same.

    Args:
        before, asked: of the run in its folder, and of the one that is asked for.
        versions: whether packages of other versions are a difference.
    """
    names = {*before, *asked} - {*ENVIRONMENT, *LATEST}
    for name in sorted(names | ({"versions"} if versions else set())):
        if before.get(name) != asked.get(name):
            return name, before.get(name), asked.get(name)
    return None


def refuse_other_layers(folder, before, now, way):
    """Raise InputError if the network of a run had other layers when it began.

    Args:
        folder: of the run.
        before, now: what settings.json holds, and the settings of the run by now.
        way: what can be done.
    """
    # other versions of Keras describe the same layers in other words
    keras_before, keras_now = (str(one["versions"].get("keras")) for one in (before, now))
    if keras_before.split(", then ")[-1] != keras_now:
        return
    layers_before, layers_now = (one.get("layers_checksum") for one in (before, now))
    if layers_before and layers_now and layers_before != layers_now:
        raise InputError(f"{folder}: the layers of {now['model']} have changed; {way}")


def joined(before, now):
    """What a run began with and what it goes on with, where they differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: joined(before.get(name), now.get(name)) for name in before | now}
    if before is None or now is None:
        return now or before
    return before if str(before).split(", then ")[-1] == str(now) else f"{before}, then {now}"
