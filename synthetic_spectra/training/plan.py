"""Settings of train.py → the runs that they ask for, each with its folder and all its settings."""

from itertools import product

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training.run import Identity
from synthetic_spectra.training.run_folder import Run

# fields of ``Identity`` that every run of one command shares
SHARED = ("online", "ema_momentum", "feature_scaling", "precision")


def identities(settings):
    """The identities of the runs that the settings ask for: model by model, activation by
    activation, seed by seed, none twice.

    Args:
        settings: the ``Settings`` of train.py.

    Raises:
        InputError: for an unknown model, model argument or activation.
    """
    from model_implementations import checked_choices, hidden_activation, parse_choices
    from synthetic_spectra.common import backend

    model_args = parse_choices(settings.model_args)
    choices = {model: checked_choices(model, model_args) for model in settings.models}
    for activation in settings.hidden_activations:
        if activation not in (known := ("published", *backend.activations())):
            raise InputError(f"hidden activation {activation!r}: known are {', '.join(known)}")

    shared = {name: getattr(settings, name) for name in SHARED}
    found = {}
    asked = product(settings.models, settings.hidden_activations, settings.seeds)
    for model, activation, seed in asked:
        activation = hidden_activation(choices[model], activation)
        found[Identity(model, activation, model_args, **shared, seed=seed)] = None
    return list(found)


def runs(asked, protocol, data, runs_dir, resume):
    """The ``Run`` of each identity, with all its settings.

    Args:
        asked: what ``identities`` gives.
        protocol: settings of every single run, name → value.
        data: the ``Dataset``.
        runs_dir: folder that holds a folder per dataset, and in it one per run.
        resume: treatment of unfinished runs, as of train.py.

    Returns:
        the runs, and a sentence for each run whose files cannot be read, which is left out.

    Raises:
        InputError: if a run was finished, or would be continued, with other settings.
    """
    from synthetic_spectra.common import backend

    of_all = {
        "config": data.name,
        "dataset_checksum": data.checksum,
        "classes_checksum": data.definitions.classes_checksum(),
        "backend": backend.NAME,
        **backend.environment(),
    }
    found, damages = [], []
    for identity in asked:
        folder = runs_dir / data.name / identity.folder_name
        run = Run(folder, protocol | of_all | identity.settings())
        if damage := run.damage(resume):
            damages.append(damage)
        else:
            run.check(resume)
            found.append(run)
    return found, damages
