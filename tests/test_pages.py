"""What README.md and the other pages say: commands that exist, links, tables of today's results."""

import importlib
import re
import shlex

import pytest
from conftest import ROOT, own_results

from synthetic_spectra.common.cli import checked_settings

PAGES = sorted(
    path.relative_to(ROOT)
    for folder in (".", "docs", "docker", "figures", "benchmarks", "results")
    for path in (ROOT / folder).glob("*.md")
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_fits_a_screen(page):
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    if page.parts[0] != "results":
        assert not [line for line in lines if line.startswith("|") and len(line) > 100]
    if page.name == page.parts[0]:
        assert len(lines) <= 200


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_pages_and_headings_that_are_there(page):
    for target, heading in re.findall(
        r"\]\(([^)#\s]*)(?:#([^)]*))?\)", (ROOT / page).read_text(encoding="utf-8")
    ):
        if "://" in target:
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        path = path / "README.md" if path.is_dir() else path
        assert path.is_file(), target
        if heading:
            assert heading in headings(path), f"{target}#{heading}"


def headings(path):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def commands():
    """(where it stands, script, its arguments) of every command of ours in the pages, the Makefile
    and the sweep; those with a placeholder are left out."""
    for page in (*PAGES, "Makefile", "docker/experiment.py"):
        text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
        text = re.sub(r"\$\(([A-Z]+)\)", r"\1", text)
        for script, arguments in re.findall(
            r"python ((?:\w+/)?\w+\.py)((?: [^\n`#&|;>)]*)?)", text
        ):
            if not re.search(r"[<…$*]|--help", arguments):
                yield pytest.param(
                    script, shlex.split(arguments), id=f"{page}: {script}{arguments}"
                )


@pytest.mark.parametrize(("script", "arguments"), list(commands()))
def test_a_command_of_the_pages_is_understood(script, arguments):
    checked_settings(module(script).Settings, arguments)


def module(script):
    """A script as a module, whatever folder it lies in."""
    try:
        return importlib.import_module(script.removesuffix(".py").replace("/", "."))
    except ModuleNotFoundError as error:
        pytest.skip(f"{script}: pip install {error.name}")


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "results/README.md",
        "docs/claims.md",
        "docs/crystals.md",
        "docs/evaluation.md",
        "docs/limited_data.md",
    ],
)
def test_the_tables_are_those_of_the_results(page):
    if own_results():
        pytest.skip("results/ were made anew here")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("<!-- table: ") == text.count("<!-- end of table -->") > 0
    assert module("docs/tables.py").filled(text) == text
