"""The house as docs/architecture.md describes it: who imports whom, sizes, requirements."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}
FOLDERS = ("model_implementations", "studies", "figures", "docs", "docker", "benchmarks", "tests")
MODULES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.py", "synthetic_spectra/**/*.py", *(f"{name}/*.py" for name in FOLDERS))
    for path in ROOT.glob(pattern)
)


def room(name):
    """The room of a module by its dotted name, None if it is none of this project."""
    first, *rest = name.split(".")
    if first == "synthetic_spectra":
        return rest[0] if rest else None
    return "scripts" if first in SCRIPTS else first if first in FOLDERS else None


def imported(path):
    """Dotted names of all modules and objects that a file imports, anywhere in the file."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_between_rooms():
    """Pairs of a room and what it imports: another room, or a script as ``train.py``."""
    for path in MODULES:
        home = room(".".join(path.with_suffix("").parts))
        for name in imported(path):
            first = name.split(".")[0]
            if room(name) == "scripts":
                yield home, f"{first}.py"
            elif room(name) and room(name) != home:
                yield home, room(name)


def documented():
    """The pairs of the list in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for home, allowed in re.findall(r"- \*\*`(\w+)`\*\*:.*?Imports (.*?)\.\n", text, re.DOTALL):
        yield from ((home, name) for name in re.findall(r"`([\w.]+)`", allowed))


def test_rooms_import_what_the_page_says():
    found = {pair for pair in imports_between_rooms() if pair[0] != "tests"}
    assert found == set(documented())


def test_networks_import_their_blocks_and_the_error_class_alone():
    for path in (path for path in MODULES if path.parts[0] == "model_implementations"):
        strangers = {name for name in imported(path) if room(name) not in (None, path.parts[0])}
        allowed = "synthetic_spectra.common.errors."
        left = {name for name in strangers if not name.startswith(allowed)}
        assert not left, f"{path}: {left}"


def test_figures_import_no_other_figure():
    for path in (path for path in MODULES if path.parts[0] == "figures"):
        names = {name.split(".")[1] for name in imported(path) if room(name) == "figures"}
        assert names <= {"style"}, f"{path}: {names}"


def test_only_what_draws_imports_matplotlib():
    for path in MODULES:
        if any(name.split(".")[0] == "matplotlib" for name in imported(path)):
            drawing = path.parts[0] in ("figures", "benchmarks", "tests")
            drawing |= path.name == "picture.py"
            assert drawing, path


def test_no_module_is_long():
    for path in MODULES:
        lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
        assert lines <= 300, f"{path}: {lines} lines"


def pinned(name):
    """The packages of a requirements file, name → version."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    "name", ["requirements-dev.txt", "requirements-optional.txt", "docker/requirements-gpu.txt"]
)
def test_requirements_hold_what_they_add_to_those_for_running(name):
    running, added = pinned("requirements.txt"), pinned(name)
    assert added and not set(running) & set(added)
    tests = pinned("requirements-dev.txt") | pinned("requirements-optional.txt")
    assert all(tests.get(package, version) == version for package, version in added.items())


def test_running_needs_no_test_tool_and_a_gpu_only_cuda():
    assert not {"pytest", "selenium", "ruff", "hypothesis"} & set(pinned("requirements.txt"))
    assert all(package.startswith("nvidia-") for package in pinned("docker/requirements-gpu.txt"))
