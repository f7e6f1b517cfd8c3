"""HTML reports, opened in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.reports.evaluation import evaluation_remarks
from kit.reports.page import Picture, Section, write_page
from kit.reports.table import Table

if TYPE_CHECKING:
    from kit.runs import RunDirectory

PHONE = 390  # CSS pixels


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium that records what it says and what it asks for."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as opened:
        yield opened


def open_page(browser: Any, path: Path) -> dict[str, Any]:
    """Open a page on a telephone, and return what a reader would see of it, and what it asked for."""
    size = {"width": PHONE, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("performance")
    browser.get(path.as_uri())
    seen: dict[str, Any] = browser.execute_script(
        """return {
            width: document.documentElement.scrollWidth,
            title: document.title,
            pictures: [...document.images].map(image => [image.complete, image.naturalWidth, image.alt]),
            tables: [...document.querySelectorAll("table")].map(table => table.tBodies[0].rows.length),
            cells: [...document.querySelectorAll("td, th")].map(cell => cell.innerText),
            broken: [...document.querySelectorAll("a")].filter(
                link => !document.getElementById(link.getAttribute("href").slice(1))).length,
            text: document.body.innerText,
        }"""
    )
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    seen["asked"] = {
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    }
    seen["said"] = browser.get_log("browser")
    return seen


def check_whole(seen: dict[str, Any], *, pictures: int) -> None:
    assert pictures == len(seen["pictures"])
    assert all(complete and width > 0 and alt for complete, width, alt in seen["pictures"])
    assert [] == seen["said"]
    assert seen["asked"]
    assert all(url.startswith(("file:", "data:")) for url in seen["asked"])
    assert PHONE == seen["width"], "the page itself does not scroll sideways"
    assert 0 == seen["broken"]
    assert f"by kit {kit.__version__}" in seen["text"]


def test_an_evaluation_is_one_whole_page(browser: Any, run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    evaluation = kit.evaluate(run.path, split="train", recall=0.9, root=workspace)
    kit.write_evaluation(evaluation, tmp_path, html=True)
    seen = open_page(browser, tmp_path / "report.html")

    check_whole(seen, pictures=7)
    assert "train, best weights, n = 84" in seen["title"]
    assert [6, 4, 2, 10] == seen["tables"][:4]
    assert min(40, len(evaluation.measures.mistakes)) == sum(seen["tables"][4:])
    assert all(line in seen["text"] for line in evaluation_remarks(evaluation))


def test_a_comparison_is_one_whole_page(browser: Any, run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    kit.write_comparison(kit.compare(run.path, split="validation", root=workspace), tmp_path, html=True)
    seen = open_page(browser, tmp_path / "report.html")

    check_whole(seen, pictures=2)
    assert [1, 1, 1, 1] == seen["tables"]
    assert {"train_loss", "acc_diff", "misclassified"} <= set(seen["cells"])


def test_a_page_shows_any_text_as_it_is_and_runs_none_of_it(browser: Any, tmp_path: Path) -> None:
    sly = "<script>alert(1)</script> \"a\" & 'b' <img src=http://127.0.0.1/x.png>"
    encoded = cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))[1].tobytes()
    section = Section(sly, (sly, Table(sly, (sly, "n"), ((sly, "1\n± 2"),)), Picture(encoded, sly)))
    path = tmp_path / "page.html"
    path.write_text(write_page(sly, [section]))
    seen = open_page(browser, path)

    check_whole(seen, pictures=1)
    assert sly == seen["title"]
    assert [sly, "n", sly, "1\n± 2"] == seen["cells"]
    assert [[True, 6, sly]] == seen["pictures"]


class Tags(HTMLParser):
    """The tags of a page, but for the line breaks that a text may have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag != "br":
            self.names.append(tag)


@given(st.text("<>&\"'/ =!-abc\n"))
def test_no_text_becomes_a_tag(text: str) -> None:
    def page(text: str) -> str:
        return write_page(text, [Section(text, (text, Table(f".{text}", (text,), ((text,),))))])

    assert Tags(page("")).names == Tags(page(text)).names


def test_words_parted_for_a_narrow_screen_are_whole_on_a_page() -> None:
    page = write_page("title", [Section("section", (Table("", ("tag", "thresh-\nold", "p\n(Holm)"), ()),))])

    assert '<th scope="col">threshold</th><th scope="col">p<br>(Holm)</th>' in page
