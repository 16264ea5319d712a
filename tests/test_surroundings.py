"""What a user's machine may hold: environment variables, keras.json, terminals, W&B sweeps."""

import itertools
import json
import signal
from dataclasses import dataclass
from typing import Annotated

import pytest
import tyro
import yaml
from conftest import EXAMPLE, ROOT, outcome, refused
from pydantic import Field

import train
from synthetic_spectra.common.cli import Count, checked_settings, run_script
from synthetic_spectra.common.errors import InputError

SMALL = (
    *EXAMPLE, "--models", "cnn2", "--model-args", "dense=[16]", "--seeds", 0, "--epochs", 1,
    "--wandb", "disabled",
)  # fmt: skip
NAME = "cnn2-dense=[16]-linear-0"
KERAS_JSON = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}


@pytest.mark.slow
def test_the_keras_json_of_a_user_changes_no_number(process, shell, example, tmp_path):
    home = tmp_path / "keras"
    home.mkdir()
    (home / "keras.json").write_text(json.dumps(KERAS_JSON | {"backend": "tensorflow"}))
    variables = {"KERAS_HOME": str(home), "KERAS_MAX_EPOCHS": "1"}
    variables |= {"KERAS_MAX_STEPS_PER_EPOCH": "1"}
    places = [("--runs-dir", tmp_path / name) for name in ("theirs", "ours")]
    process(example, "train.py", *SMALL, "--epochs", 2, *places[0], **variables)
    shell(example, "train.py", *SMALL, "--epochs", 2, *places[1])
    theirs, ours = (tmp_path / name / "example" / NAME for name in ("theirs", "ours"))
    assert outcome(theirs) == outcome(ours)
    recorded = json.loads((theirs / "settings.json").read_text())["keras_config"]
    assert recorded == {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


@pytest.mark.parametrize("variables", [
    {"KERAS_BACKEND": "numpy"}, {"KERAS_BACKEND": "nonsense"}, {"KERAS_BACKEND": "torch"},
])  # fmt: skip
def test_a_backend_that_does_not_train_is_refused(process, example, tmp_path, variables):
    done = process(example, "train.py", *SMALL, "--runs-dir", tmp_path, check=False, **variables)
    refused(done, "KERAS_BACKEND", variables["KERAS_BACKEND"], "tensorflow or jax")
    assert not list(tmp_path.iterdir())


def test_a_file_of_xla_flags_that_is_not_there_is_told(process, example):
    done = process(example, "train.py", *SMALL, check=False, XLA_FLAGS="nowhere.txt")
    refused(done, "XLA_FLAGS 'nowhere.txt'", "No such file")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["XLA_FLAGS", "TF_XLA_FLAGS"])
def test_flags_that_xla_does_not_know_are_told(process, example, name):
    done = process(example, "train.py", *SMALL, check=False, **{name: "--nonsense"})
    refused(done, name, "--nonsense")


@pytest.mark.slow
def test_flags_of_xla_are_kept_and_recorded(process, example, tmp_path):
    (tmp_path / "flags.txt").write_text("--xla_cpu_enable_fast_math=false\n")
    variables = {"XLA_FLAGS": str(tmp_path / "flags.txt")}
    process(example, "train.py", *SMALL, "--runs-dir", tmp_path, **variables)
    recorded = json.loads((tmp_path / "example" / NAME / "settings.json").read_text())["variables"]
    flags = "--xla_cpu_enable_fast_math=false --xla_gpu_deterministic_ops=true"
    assert recorded["XLA_FLAGS"] == flags


@pytest.mark.slow
@pytest.mark.parametrize("content, word", [
    ({"backend": "numpy"}, "numpy"), ({"backend": "nonsense"}, "nonsense"),
    ({"floatx": "float8"}, "float8"), ({"epsilon": "small"}, "small"),
])  # fmt: skip
def test_a_keras_json_that_keras_does_not_take_is_told(process, example, tmp_path, content, word):
    (tmp_path / "keras.json").write_text(json.dumps(content))
    done = process(example, "train.py", *SMALL, check=False, KERAS_HOME=str(tmp_path))
    refused(done, "keras.json", word)


@pytest.mark.parametrize("columns", ["0", "1", "5", "12", "10000000", "nonsense"])
def test_help_is_shown_in_a_terminal_of_any_width(shell, tmp_path, columns):
    text = shell(tmp_path, "train.py", "--help", COLUMNS=columns).stdout
    assert "--hidden-activations" in text
    assert max(map(len, text.splitlines())) <= 200


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_help_and_mistakes_are_shown_in_any_encoding(process, tmp_path, encoding):
    variables = {"PYTHONIOENCODING": encoding, "COLUMNS": "100"}
    assert "--hidden-activations" in process(tmp_path, "train.py", "--help", **variables).stdout
    wrong = process(tmp_path, "train.py", "--config", "Ränge–", check=False, **variables)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr


@dataclass(frozen=True)
class Settings:
    """Settings of every kind."""

    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("a",)
    numbers: tuple[Count, ...] = (1,)
    switch: bool = False
    other_switch: bool = True
    word: str = ""


@pytest.mark.parametrize("arguments, expected", [
    (["--switch=True", "--other_switch=False"], Settings(switch=True, other_switch=False)),
    (["--switch=false", "--other-switch=true"], Settings()),
    (["--switch", "True", "--other-switch", "False"], Settings(switch=True, other_switch=False)),
    (["--switch", "--no-other-switch"], Settings(switch=True, other_switch=False)),
    (["--names=['b', 'c']", "--numbers=[2, 3]"], Settings(names=("b", "c"), numbers=(2, 3))),
    (['--names=["b"]', "--switch=True"], Settings(names=("b",), switch=True)),
    (["--names", "['b','c']", "--word", "[1]"], Settings(names=("b", "c"), word="[1]")),
    (["--names", "b", "c"], Settings(names=("b", "c"))),
    (["--names=dense=[16]", "--word=True"], Settings(names=("dense=[16]",), word="True")),
])  # fmt: skip
def test_flags_are_understood_as_sweeps_hand_them_over(arguments, expected):
    assert checked_settings(Settings, arguments) == expected


@pytest.mark.parametrize("flag, value", [
    ("seeds", 2**32), ("seeds", -1), ("epochs", 2**64), ("batch-size", 0), ("min-delta", "inf"),
    ("min-delta", "nan"), ("learning-rate", "inf"), ("learning-rate", 0), ("time-budget", "inf"),
    ("state-share", 0), ("state-share", "nan"), ("ema-momentum", 1), ("ray-cpus", 0),
    ("learning-rate-factor", 1), ("wandb-timeout", 10**9), ("stopping-patience", 0),
])  # fmt: skip
def test_numbers_beyond_their_limits_are_refused(flag, value):
    with pytest.raises(InputError, match=flag.replace("-", "_")):
        checked_settings(train.Settings, [f"--{flag}={value}"])


def test_the_limits_themselves_are_trained(shell, example, tmp_path):
    most = 2**53
    flags = (
        "--seeds", 2**32 - 1, "--batch-size", most, "--min-delta", 1e308, "--learning-rate", 1e308,
        "--learning-rate-factor", 1e-308, "--learning-rate-patience", most,
        "--stopping-patience", most, "--state-share", 1e-308, "--time-budget", 1e308,
        "--wandb-timeout", 86400,
    )  # fmt: skip
    shell(example, "train.py", *SMALL, *flags, "--runs-dir", tmp_path)
    (run,) = (tmp_path / "example").iterdir()
    assert run.name == f"{NAME[:-1]}{2**32 - 1}"


def test_the_sweep_is_every_run_of_the_benchmark_once():
    sweep = yaml.safe_load((ROOT / "sweep.yaml").read_text())
    given = [
        [f"--{name}={value}" for value in choice.get("values", [choice.get("value")])]
        for name, choice in sweep["parameters"].items()
    ]
    runs = [tyro.cli(train.Settings, args=arguments) for arguments in itertools.product(*given)]
    whole = train.Settings()
    assert {run.config for run in runs} == {whole.config}
    asked = [(*run.models, *run.seeds) for run in runs]
    assert sorted(asked) == sorted(itertools.product(whole.models, whole.seeds))
    assert sweep["project"] == whole.wandb_project
    assert (ROOT / sweep["program"]).is_file()


def test_help_names_every_setting(shell, tmp_path):
    for script in ("dataset_config_generator.py", "spectra_from_config.py", "train.py"):
        text = shell(tmp_path, script, "--help").stdout
        assert "--seed" in text and "usage" in text
    assert not list(tmp_path.iterdir())


def test_a_syntax_error_in_a_module_of_the_user_is_one_sentence(monkeypatch, capsys):
    @dataclass(frozen=True)
    class Settings:
        """No settings."""

    def main(settings):
        compile("x = 1\ndef broken(:", "mine.py", "exec")

    monkeypatch.setattr("sys.argv", ["script.py"])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="2"):
        run_script(main, Settings)
    signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "error: mine.py, line 2: invalid syntax\n"


def test_a_file_where_a_folder_should_be_is_refused_before_the_work(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below" / "runs"):
        with pytest.raises(InputError, match=f"runs_dir is '{folder}'.*; {file} is a file"):
            checked_settings(train.Settings, ["--runs-dir", str(folder)])
    checked_settings(train.Settings, ["--runs-dir", str(tmp_path / "new" / "runs")])
