"""dataset_configs/<name>.json ⇄ checked objects: the only reader and writer of definitions."""

import json
import re
from pathlib import Path

from synthetic_spectra.common.errors import InputError, shortened
from synthetic_spectra.common.files import without_duplicates, write_text
from synthetic_spectra.spectra.kinds import SOURCES

ROOT = Path(__file__).resolve().parent.parent.parent  # folder of the project
CONFIGS_DIR = Path("dataset_configs")  # in the working folder, or in that of the project
KIND = "peaks"  # of a config that names none
BASE = "based_on"  # key of a config that takes the classes of another one


def check_name(name, what):
    """Raise InputError if a config cannot have a name; ``what`` says whose name it is."""
    for character in name:
        if not re.fullmatch("[A-Za-z0-9_.-]", character):
            raise InputError(
                f"{what}: {character!r} cannot be in the name of a config, which names folders and "
                "runs; expected letters from a to z, digits, '_', '-' and '.'"
            )
    if not name or name[0] in ".-" or name.lower().endswith(".json"):
        raise InputError(
            f"{what}: expected a name that begins with a letter, a digit or '_', without .json"
        )


def find(config):
    """Path of a config, given by its name in dataset_configs/ or by a path to a .json file.

    A name is looked for in dataset_configs/ of the working folder, then of this project.

    Raises:
        InputError: if there is no such file, or its stem cannot name a folder of datasets/.
    """
    path, what = Path(config), f"config {str(config)!r}"
    if path.suffix == ".json":
        check_name(path.stem, what)
        if not path.is_file():
            raise InputError(f"{what}: no such file; {_known()}")
        return path

    if path.suffix.lower() == ".json":
        raise InputError(f"{what}: it ends in {path.suffix}, expected .json in lower case")
    if path.name != str(config):
        raise InputError(f"{what}: expected a name in {CONFIGS_DIR}/ or a path to a .json file")
    check_name(path.name, what)
    for folder in (CONFIGS_DIR, ROOT / CONFIGS_DIR):
        if (folder / f"{config}.json").is_file():
            return folder / f"{config}.json"
    raise InputError(f"{what}: no file {CONFIGS_DIR / f'{config}.json'}; {_known()}")


def known():
    """Names of the configs in dataset_configs/ of the working folder and of this project."""
    files = (file for folder in (CONFIGS_DIR, ROOT / CONFIGS_DIR) for file in folder.glob("*.json"))
    return sorted({file.stem for file in files})


def _known():
    return f"in {CONFIGS_DIR}/ there are: {', '.join(known()) or 'none'}"


def load(path):
    """Read and check a config, with the classes of the one that it is based on if it names one.

    Raises:
        InputError: if the file is missing, is not JSON or breaks a rule; the text names file,
            class, field and value.
    """
    return parse(_whole(_read(path), path), path)


def _read(path):
    """The JSON content of a config file."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin with a mark
        return json.loads(text, object_pairs_hook=without_duplicates)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, expected a config") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON config: {error}") from None


def _whole(content, path, after=()):
    """The content of a config file, with that of the config in its ``based_on``.

    Its keys take the place of those of the other config, and so do its rendering settings one by
    one. Fewer ``classes`` than the other one has are the first ones of it.

    Args:
        content, path: of the file.
        after: names that led here.
    """
    if not isinstance(content, dict) or BASE not in content:
        return content
    name = content[BASE]
    if not isinstance(name, str) or name in after:
        raise InputError(
            f"{path}: {BASE} is {shortened(name)}, expected the name of another config"
        )
    neighbour = Path(path).parent / f"{name}.json"
    file = neighbour if neighbour.is_file() else find(name)
    base = _whole(_read(file), file, (*after, name))

    changes = {key: value for key, value in content.items() if key != BASE}
    whole = base | changes
    if all(isinstance(one.get("rendering", {}), dict) for one in (base, changes)):
        whole["rendering"] = base.get("rendering", {}) | changes.get("rendering", {})
    number, spectra = changes.get("classes"), base.get("spectra")
    if type(number) is int and isinstance(spectra, dict) and "spectra" not in changes:
        whole["spectra"] = dict(list(spectra.items())[: max(number, 0)])
    return whole


def parse(content, source):
    """Check the content of a config; ``source`` names it in error messages.

    Returns:
        a ``definitions.Config``, of the class that its ``kind`` has.

    Raises:
        InputError: if it breaks a rule.
    """
    kind = content.get("kind", KIND) if isinstance(content, dict) else KIND
    if not isinstance(kind, str) or kind not in SOURCES:
        expected = " or ".join(map(repr, SOURCES))
        raise InputError(f"{source}: kind is {shortened(kind)}, expected {expected}")
    return SOURCES[kind].config.parsed(content, source)


def save(path, config):
    """Write a config, one class per line so that people can read it; the content is the same as on
    one line."""
    content = config.content()
    spectra = content.pop("spectra", {})
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    classes = ",\n".join(
        f"{json.dumps(label)}: {json.dumps(spectrum)}" for label, spectrum in spectra.items()
    )
    last = ',\n"spectra": {\n' + classes + "\n}}\n" if spectra else "\n}\n"
    write_text(path, "{\n" + ",\n".join(head) + last)
