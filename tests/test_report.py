"""The report on real tables: one file that needs nothing else, and works in a real browser."""

import base64
import hashlib
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from conftest import ROOT, refused
from drawing import try_odd_values
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from figures import report, style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
HOSTILE = """note="<script>document.title = 'taken'</script>\""""
# two classes, and how many test spectra are confused
CONFUSED = [(0, 1, 9), (3, 4, 10), (3, 5, 2), (0, 2, 9), (18, 19, 2), (9, 10, 100)]
# group of classes → accuracy
ACCURACY = {"minor peak 1": 0.5, "minor peak 2": 0.45, "position 1": 1.0, "height 1": 0.0625}
# pictures in the user's folder → the datasets that they are about
PICTURES = {
    "mine": ["challenge"],
    "another": ["benchmark"],
    "both": ["benchmark", "challenge"],
    "none": [],
}
VOID = {"meta", "img", "br", "link", "input", "hr"}


@pytest.fixture(scope="module")
def page(shell, tmp_path_factory):
    """A report of a user's challenge, in which one run has hostile model arguments."""
    folder = tmp_path_factory.mktemp("report")
    tables = {"ceiling": results.Results(results.RECORD, "challenge").ceiling}
    tables["runs"] = results.Results(results.RECORD, "challenge").runs.head(2)
    tables["runs"] = tables["runs"].assign(model_args=["", HOSTILE])
    network = {"model": "cnn2", "model_args": HOSTILE, "hidden_activation": "relu"}
    network |= {"online": False, "ema_momentum": 0.0, "precision": "float32"}
    counts = {"runs": 1, "runs_confusing": 1, "undecidable": 0, "cause": "minor peak"}
    tables["confusions"] = pd.DataFrame(
        {"config": "challenge", **network, **counts, "class_a": a, "class_b": b, "misclassified": n}
        for a, b, n in CONFUSED
    )
    limits = {"cause": "minor peak", "expected_random": 1, "expected_nearest": 1}
    tables["groups"] = pd.DataFrame(
        {**network, **limits, "group": group, "accuracy": value}
        for group, value in ACCURACY.items()
    )
    results.write(folder / results.MADE, "challenge", tables)
    for stem, datasets in PICTURES.items():
        figure, _ = style.pyplot().subplots(figsize=(1, 1))
        picture = folder / style.FOLDER / f"{stem}.png"
        style.save(figure, picture, f"A picture of {stem}", datasets)
    (folder / style.FOLDER / "notes.png").write_bytes(b"no picture")

    done = made(shell, folder)
    missing = "challenge_differences.csv; make it: python evaluate.py --config challenge"
    assert missing in done.stderr and not done.stdout
    return folder / "output" / "report.html"


def made(shell, folder, *flags, config="challenge", **kwargs):
    config = ROOT / "dataset_configs" / f"{config}.json"
    return shell(folder, "figures/report.py", "--configs", config, *flags, **kwargs)


class Page(HTMLParser):
    """Elements of a page in order, as (name, attributes, text); every one must be closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data


def test_one_file_that_runs_only_its_own_script(page):
    elements = Page(page.read_text(encoding="utf-8")).elements
    for _, attributes, _ in elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    policy = next(
        a["content"] for _, a, _ in elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    scripts = [
        content
        for tag, a, content in elements
        if tag == "script" and a.get("type") != "application/json"
    ]
    (style,) = (content for tag, _, content in elements if tag == "style")
    assert len(scripts) == 1
    for code in (style, *scripts):
        assert base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() in policy
    entries = [content for tag, _, content in elements if tag == "td"]
    assert HOSTILE in entries
    assert entries.count("minor peak") == len(CONFUSED) + len(ACCURACY)
    assert any(entry.startswith("Bayes-optimal") for entry in entries)


def captions(page):
    """Captions of all pictures on a page."""
    elements = Page(page.read_text(encoding="utf-8")).elements
    return {attributes["alt"] for tag, attributes, _ in elements if tag == "img"}


def test_pictures_are_of_the_datasets_on_the_page(shell, page, tmp_path):
    assert captions(page) == {"A picture of mine"}
    # the project's record has pictures of its own
    done = made(shell, tmp_path, config="benchmark")
    assert str(results.RECORD) in done.stderr
    shown = captions(tmp_path / "output" / "report.html")
    assert len(shown) > 3 and all("benchmark" in caption for caption in shown)
    assert not any("challenge" in caption for caption in shown)
    # a report of everything has those of no dataset too, from any working directory
    shell(tmp_path, "figures/report.py", "--output", tmp_path / "all.html")
    everything = captions(tmp_path / "all.html")
    assert everything > shown and any("training step" in caption for caption in everything)
    # tables of the user come before the record
    shell(page.parent.parent, "figures/report.py", "--output", tmp_path / "mine.html")
    assert captions(tmp_path / "mine.html") == {"A picture of mine", "A picture of none"}
    # without any picture the page says how to draw one
    done = made(shell, page.parent.parent, "--figures-dir", tmp_path, "--output", tmp_path / "page")
    assert "python figures/plot_results.py --config challenge" in done.stderr
    assert not captions(tmp_path / "page")


@pytest.mark.skipif(
    not BROWSER, reason="no Chromium is installed (apt-get install chromium chromium-driver)"
)
def test_in_a_browser(page):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get(page.as_uri())
        assert driver.title == "Synthetic spectra benchmark: results"
        table = driver.find_element(By.CSS_SELECTOR, "table[data-peaks]")
        heads = table.find_elements(By.CSS_SELECTOR, "th")
        head = next(one for one in heads if one.text.startswith("misclassified"))

        def shown():
            rows = table.find_elements(By.CSS_SELECTOR, "tbody tr.pair")
            return [row.find_element(By.TAG_NAME, "td").text for row in rows]

        def expected(**how):
            return [f"{a}–{b}" for a, b, _ in sorted(CONFUSED, key=lambda pair: pair[2], **how)]

        opener = table.find_element(By.XPATH, ".//tbody//button[.='3–4']")
        opener.click()
        assert opener.get_attribute("aria-expanded") == "true"
        drawing = table.find_element(By.CSS_SELECTOR, "tr.detail svg")
        assert drawing.size["width"] > 300
        assert len(drawing.find_elements(By.CSS_SELECTOR, "line.first")) == 2
        assert len(drawing.find_elements(By.CSS_SELECTOR, "line.second")) == 3
        assert (
            "class 4: 923 (1), 1112 (0.4), 1500 (0.035)"
            in table.find_element(By.CSS_SELECTOR, "tr.detail").text
        )

        head.find_element(By.TAG_NAME, "button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert shown() == expected(), "numbers as numbers, equal ones in their order"
        head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        assert head.get_attribute("aria-sort") == "descending"
        assert shown() == expected(reverse=True)
        assert (
            opener.find_element(By.XPATH, "ancestor::tr/following-sibling::tr[1]").get_attribute(
                "class"
            )
            == "detail"
        )
        opener.send_keys(Keys.SPACE)
        assert not table.find_elements(By.CSS_SELECTOR, "tr.detail")

        groups = driver.find_element(By.CSS_SELECTOR, "table[aria-labelledby^='groups']")
        groups.find_element(By.XPATH, ".//th/button[starts-with(., 'accuracy')]").click()
        rows = [row.text for row in groups.find_elements(By.CSS_SELECTOR, "tbody tr")]
        in_order = sorted(ACCURACY, key=ACCURACY.get)
        assert all(group in row for group, row in zip(in_order, rows, strict=True))

        preview = driver.find_element(By.ID, "preview")
        ActionChains(driver).move_to_element(
            table.find_element(By.XPATH, ".//tbody//button[.='0–2']")
        ).perform()
        assert preview.is_displayed() and preview.find_element(
            By.CSS_SELECTOR, "svg[aria-label*='0 and 2']"
        )
        driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
        assert not preview.is_displayed()

        loaded = driver.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert [name for name in loaded if not name.startswith("data:")] == []
        assert driver.get_log("browser") == []
        assert driver.title == "Synthetic spectra benchmark: results", "no hostile text was run"
    finally:
        driver.quit()


def test_any_value_of_a_flag_is_shown_or_refused(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = {"configs": ("challenge",), "results_dir": page.parent / "results"}
    flags |= {"figures_dir": tmp_path, "output": tmp_path / "page.html"}
    assert try_odd_values(report, tmp_path, **flags) > 10


def test_runs_that_all_diverged_are_shown(tmp_path):
    runs = results.Results(results.RECORD, "challenge").runs.head(2)
    runs = runs.assign(outcome="diverged", test_accuracy=None, test_spectra=None)
    for split in ("train", "val", "test"):
        runs[f"{split}_misclassified"] = None
    results.write(tmp_path, "challenge", {"runs": runs})
    settings = report.Settings(("challenge",), tmp_path, tmp_path, tmp_path / "page.html")
    report.main(settings)
    assert "nan" not in settings.output.read_text(encoding="utf-8").lower()


def test_what_cannot_be_read_is_named(shell, page, tmp_path):
    command = "python evaluate.py --config example"
    refused(made(shell, tmp_path, config="example", check=False), "example.csv", command)
    tables = shutil.copytree(page.parent / "results", tmp_path / "results")
    challenge = str(ROOT / "dataset_configs" / "challenge.json")
    settings = report.Settings((challenge,), tables, output=tmp_path / "report.html")
    confused = tables / "challenge_confusions.csv"
    whole = confused.read_bytes()
    for damaged, word in (
        (whole.replace(b",18,19,", b",18,27,"), "class 27"),
        (b"\xff", "evaluate"),
        (b"a,b", "cause"),
    ):
        confused.write_bytes(damaged)
        with pytest.raises(InputError, match=word) as complaint:
            report.main(settings)
        assert confused.name in str(complaint.value)
