"""Random bytes → config loader and renderer, array loader, settings, readers of measured files: a
valid object or one sentence, or it stops.

Needs atheris (pip install atheris), which is no requirement of the project. It ends with exit code
77 and the input at the first traceback, hang (20 s), memory beyond 4 GiB, or file outside of the
folder it was given.
"""

import copy
import io
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

try:
    import atheris
except ModuleNotFoundError:
    if __name__ != "__main__":
        raise
    print("error: atheris is not installed: pip install atheris", file=sys.stderr)
    sys.exit(2)

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
with atheris.instrument_imports(include=["synthetic_spectra", "dataset_config_generator"]):
    import dataset_config_generator
    from benchmarks.fuzz_files import FilesTarget
    from synthetic_spectra.common.cli import Count, Seed, checked_settings, run_script
    from synthetic_spectra.common.errors import InputError
    from synthetic_spectra.common.machine import processor
    from synthetic_spectra.spectra import config, dataset, peaks, sources

SMALL = {
    "datapoints": 40, "boundary": 2, "classes": 2, "min_peaks": 1, "max_peaks": 3, "max_height": 9,
    "rendering": {
        "n_train": 3, "n_val": 1, "test_shifts": [0, 1], "kernel_range": [1, 2.5],
        "dtype": "float32",
    },
    "spectra": {
        "0": {"peak_positions": [3, 20, 21], "peak_heights": [0.5, 1.0, 0.01], "group": "a"},
        "1": {
            "peak_positions": [20], "peak_heights": [1.0],
            "rendering": {"test_var": 0.9, "shift_range": 40},
        },
    },
}  # fmt: skip
NASTY = (
    None, True, -1, 0, 1, 2, 7, 39, 2**31, 2**63, 10**12, 10**400,
    0.5, 1e-9, 1e308, -0.0, float("nan"), float("inf"), "", "0", "../../x", "float64", "\ud800",
    [], [0], [5, 2], [1] * 50, {}, {"n_train": 10**9}, [[[]]],
)  # fmt: skip
LARGEST = 2_000_000  # bytes of memory to render a dataset that is really rendered


@dataclass(frozen=True)
class Settings:
    """Fuzz one reader of what users give, guided by the coverage of its code."""

    target: Literal["configs", "arrays", "settings", "files"] = "configs"
    """Meaning of the bytes: a config (rendered if it is valid and small), the file x_train.npy, a
    command line, or a file of an instrument."""
    runs: Count = 1_000_000
    """Number of inputs, ≥ 1."""
    seed: Seed = 1
    """Random seed of the mutations, ≥ 0."""


def main(settings):
    # in memory where that is possible: a file is written for every input
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        outer = Path(name)
        folder, corpus = outer / "work" / "deep", outer / "corpus"
        folder.mkdir(parents=True)
        corpus.mkdir()
        target = TARGETS[settings.target](folder)
        for i, example in enumerate(target.examples()):
            (corpus / str(i)).write_bytes(example)
        counts, began = Counter(), time.monotonic()

        def one(data):
            counts[target.answer(data)] += 1
            outside = {path.name for path in outer.iterdir()} - {"work", "corpus"}
            outside |= {path.name for path in folder.parent.iterdir()} - {"deep"}
            if outside:
                raise AssertionError(f"wrote outside of its folder: {outside}")
            if counts.total() == settings.runs:
                seconds = time.monotonic() - began
                print(
                    f"{settings.target}: {settings.runs:,} inputs in {seconds / 60:.0f} min "
                    f"on {processor()}:",
                    ", ".join(f"{count:,} {answer}" for answer, count in sorted(counts.items())),
                )

        flags = [
            "-max_len=3000",
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-verbosity=0",
            f"-artifact_prefix={Path.cwd()}/",
        ]
        arguments = [
            sys.argv[0],
            f"-runs={settings.runs}",
            f"-seed={settings.seed}",
            *flags,
            str(corpus),
        ]
        atheris.Setup(arguments, one, custom_mutator=target.mutate)
        atheris.Fuzz()


def checked(error):
    """Whether a complaint is one line that says something."""
    text = str(error)
    assert len(text) > 10 and len(text.splitlines()) == 1, repr(text)
    return "refused in one sentence"


class ConfigTarget:
    """JSON → checked definitions → arrays."""

    def __init__(self, folder):
        self.file, self.output = folder / "config.json", folder / "arrays"

    def examples(self):
        yield json.dumps(SMALL).encode()
        yield b"{}"

    def mutate(self, data, max_size, seed):
        """Half of the time one value anywhere in the JSON becomes another one, else some bytes
        do."""
        chance = random.Random(seed)
        try:
            content = json.loads(data) or copy.deepcopy(SMALL)
        except (ValueError, RecursionError):
            content = copy.deepcopy(SMALL)
        if chance.random() < 0.5 or not isinstance(content, dict):
            return atheris.Mutate(data, len(data)) if data else b"{}"
        place = content
        while True:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if chance.random() < 0.5 or not isinstance(place[key], (dict, list)) or not place[key]:
                break
            place = place[key]
        change = chance.random()
        if change < 0.15:
            place.pop(key) if isinstance(place, dict) else place.pop()
        elif change < 0.3 and isinstance(place, dict):
            name = chance.choice(
                ["rendering", "vary_highest", "test_kernel", "test_heights", "n_val", "é"]
            )
            place[name] = chance.choice(NASTY)
        elif change < 0.6 and type(place[key]) in (int, float):
            place[key] += chance.choice(
                [-1, 1, 17] if isinstance(place[key], int) else [-1, 0.01, 0.5]
            )
        else:
            place[key] = chance.choice(NASTY)
        changed = json.dumps(content).encode()
        return changed if len(changed) <= max_size else data

    def answer(self, data):
        self.file.write_bytes(data)
        try:
            definitions = config.load(self.file).resolved()
            source = sources.SOURCES[definitions.kind](definitions)
            numbers = map(sum, zip(*map(source.numbers, dataset.SPLITS), strict=True))
            size = sum(n * source.bytes_per_spectrum(i) for i, n in enumerate(numbers))
            # refusals that do not depend on the machine
            peaks.free_memory = lambda: 2**31
            if LARGEST < size < 10**10:
                return "valid, too large to render here"
            sources.render(definitions, self.output)
            spectra = dataset.load(self.output.parent, self.output.name).x["train"]
            assert (spectra.max(axis=1) == 1).all()
            return "rendered"
        except InputError as error:
            return checked(error)
        finally:
            shutil.rmtree(self.output, ignore_errors=True)


class ArrayTarget:
    """The bytes of x_train.npy beside a whole dataset."""

    def __init__(self, folder):
        sources.render(config.parse(SMALL, "small").resolved(), folder / "set")
        self.folder, self.file = folder, folder / "set" / "x_train.npy"
        self.whole = self.file.read_bytes()

    def examples(self):
        yield self.whole
        yield self.whole[:200]

    def mutate(self, data, max_size, seed):
        return atheris.Mutate(data, max_size)

    def answer(self, data):
        self.file.write_bytes(data)
        try:
            dataset.load(self.folder, "set")
            return "loaded"
        except InputError as error:
            return checked(error)


class SettingsTarget:
    """Command lines of dataset_config_generator.py, and names of configs."""

    def __init__(self, folder):
        self.folder = folder

    def examples(self):
        yield b"--name\0x\0--n-classes\0003"
        yield b"--seed\0-1\0--distribution\0gamma\0--min-peaks\0002"
        yield b"../../x"
        yield b"--configs-dir\0a"

    def mutate(self, data, max_size, seed):
        chance = random.Random(seed)
        words = data.split(b"\0")
        if chance.random() < 0.5:
            return atheris.Mutate(data, max_size)
        flags = [
            f"--{name.replace('_', '-')}".encode()
            for name in vars(dataset_config_generator.Settings())
        ]
        values = [
            b"0",
            b"1",
            b"-3",
            b"9" * 30,
            b"nan",
            b"inf",
            b"../../y",
            b"/",
            b".",
            b"x.json",
            b"",
            b"uniform",
            b"12",
        ]
        if chance.random() < 0.5 and len(words) > 1:
            words[chance.randrange(len(words) // 2) * 2 + 1] = chance.choice(values)  # of a flag
        else:
            words = [*words[-20:], chance.choice(flags), chance.choice(values)]
        return b"\0".join(words)[:max_size]

    def answer(self, data):
        words = data.decode("utf-8", "replace").split("\0")
        try:
            config.find(words[0])
        except InputError as error:
            checked(error)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                settings = checked_settings(dataset_config_generator.Settings, words)
                if settings.n_classes * settings.max_peaks > 10_000:
                    return "valid, too large to draw here"
                dataset_config_generator.main(
                    replace(settings, configs_dir=self.folder / "configs")
                )
            return "drawn"
        except InputError as error:
            return checked(error)
        except SystemExit as ended:  # by the parser, which has told why
            assert ended.code in (0, 2)
            return "refused by the parser"
        finally:
            shutil.rmtree(self.folder / "configs", ignore_errors=True)


TARGETS = {
    "configs": ConfigTarget,
    "arrays": ArrayTarget,
    "settings": SettingsTarget,
    "files": FilesTarget,
}

if __name__ == "__main__":
    run_script(main, Settings)
