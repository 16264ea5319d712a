"""The house: requirements by purpose."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pinned(name):
    """The packages of a requirements file, name → version."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    "name", ["requirements-dev.txt", "requirements-optional.txt", "docker/requirements-gpu.txt"]
)
def test_requirements_hold_what_they_add_to_those_for_running(name):
    running, added = pinned("requirements.txt"), pinned(name)
    assert added and not set(running) & set(added)
    others = pinned("requirements-dev.txt") | pinned("requirements-optional.txt")
    assert all(others.get(package, version) == version for package, version in added.items())


def test_running_needs_no_test_tool_and_a_gpu_only_cuda():
    assert not {"pytest", "selenium", "ruff", "hypothesis"} & set(pinned("requirements.txt"))
    assert all(package.startswith("nvidia-") for package in pinned("docker/requirements-gpu.txt"))
