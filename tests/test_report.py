"""The report on real tables: one file that needs nothing else, and works in a real browser."""

import base64
import hashlib
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from conftest import ROOT, refused
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from figures import report
from synthetic_spectra.common.errors import InputError

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
HOSTILE = """note="<script>document.title = 'taken'</script>\""""
CONFUSED = [
    (0, 1, 9),
    (3, 4, 10),
    (3, 5, 2),
    (0, 2, 9),
    (18, 19, 2),
    (9, 10, 100),
]  # two classes, test spectra
ACCURACY = {
    "minor peak 1": 0.5,
    "minor peak 2": 0.45,
    "position 1": 1.0,
    "height 1": 0.0625,
}  # of the groups
VOID = {"meta", "img", "br", "link", "input", "hr"}


@pytest.fixture(scope="module")
def page(shell, tmp_path_factory):
    """A report of the challenge, of which one run has hostile model arguments."""
    folder = tmp_path_factory.mktemp("report")
    results = folder / "results"
    results.mkdir()
    for name in ("published.csv", "ceiling_challenge.csv"):
        shutil.copy(ROOT / "results" / name, results)
    runs = pd.read_csv(ROOT / "results" / "challenge.csv").head(2)
    runs = runs.assign(
        model_args=["", HOSTILE],
        online=False,
        ema_momentum=0.0,
        precision="float32",
        outcome="converged",
    )
    runs.to_csv(results / "challenge.csv", index=False)
    model = {
        "model": "cnn2",
        "model_args": HOSTILE,
        "hidden_activation": "relu",
        "online": False,
        "ema_momentum": 0.0,
        "precision": "float32",
    }
    rows = [
        {
            "config": "challenge",
            **model,
            "class_a": a,
            "class_b": b,
            "cause": "minor peak",
            "runs": 1,
        }
        | {"runs_confusing": 1, "misclassified": n, "undecidable": 0}
        for a, b, n in CONFUSED
    ]
    pd.DataFrame(rows).to_csv(results / "challenge_confusions.csv", index=False)
    rows = [
        {**model, "group": group, "accuracy": value, "expected_random": 1, "expected_nearest": 1}
        for group, value in ACCURACY.items()
    ]
    pd.DataFrame(rows).to_csv(results / "challenge_groups.csv", index=False)
    done = made(shell, folder)
    assert (
        "results/challenge_differences.csv (python evaluate.py --config challenge)" in done.stdout
    )
    return results / "report.html"


def made(shell, folder, **kwargs):
    challenge = ROOT / "dataset_configs" / "challenge.json"
    return shell(
        folder,
        "figures/report.py",
        "--configs",
        challenge,
        "--figures-dir",
        ROOT / "figures",
        **kwargs,
    )


class Page(HTMLParser):
    """Elements of a page in order, as (name, attributes, own text); every one must be closed."""

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
    told = [content for tag, _, content in elements if tag == "td"]
    assert HOSTILE in told
    assert told.count("minor peak") == len(CONFUSED)
    assert any(cell.startswith("Bayes-optimal") for cell in told)


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
        told = [row.text for row in groups.find_elements(By.CSS_SELECTOR, "tbody tr")]
        assert all(
            group in row
            for group, row in zip(sorted(ACCURACY, key=ACCURACY.get), told, strict=True)
        )

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


def test_what_cannot_be_read_is_named(shell, page, tmp_path):
    refused(
        made(shell, tmp_path, check=False), "challenge.csv", "python evaluate.py --config challenge"
    )
    results = shutil.copytree(page.parent, tmp_path / "results")
    challenge = str(ROOT / "dataset_configs" / "challenge.json")
    settings = report.Settings((challenge,), results, ROOT / "figures", results / "report.html")
    confused = results / "challenge_confusions.csv"
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
