"""The report: one file that needs nothing else, for every task, with any names."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from descend.cli.recipe import Asked
from descend.cli.report import classification, regression
from descend.cli.report.canvas import new_figure, settings, short, short_names, to_svg, write_out
from descend.cli.training import Job, Result, train

AWKWARD = ("price $ in $", "<script>alert(1)</script>")


class Page(HTMLParser):
    """Collects what a report's page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.headings: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._in = tag
        for name, value in attrs:
            if name in ("src", "href"):
                (self.images if tag == "img" else self.links).append(value or "")

    def handle_data(self, data):
        if self._in == "h3" and data.strip():
            self.headings.append(data)
            self._in = ""


def table(task: str, columns: tuple[str, ...] = ("a", "b", "c"), rows: int = 150) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, len(columns)))
    score = X[:, 0] + X[:, 1] ** 2
    y = {"regression": score * 1e5, "binary": np.where(score > 0.8, "yes", "<b>no</b>")}.get(task)
    if y is None:
        y = np.digitize(score, np.quantile(score, np.linspace(0, 1, 9)[1:-1]))
    return pl.DataFrame(X, schema=list(columns)).with_columns(pl.Series("target", y))


def report(folder: Path, frame: pl.DataFrame) -> tuple[Result, str]:
    frame.write_parquet(folder / "data.parquet")
    result = train(Job(folder / "data.parquet", "target", folder / "out", asked=Asked(epochs=4), quiet=True))
    return result, (folder / "out" / "report.html").read_text(encoding="utf-8")


CLASSIFIED = ["Learning curves", "Confusion matrix", "ROC and precision-recall curves", "Calibration"]
INSIDE = "Inside the network"
MEASURED = ["Learning curves", "Predicted against true", "Residuals", "Calibration"]


@pytest.mark.parametrize(
    ("task", "columns", "pictures"),
    [
        ("binary", ("a", "b", "c"), [*CLASSIFIED, "Permutation importance", INSIDE]),
        ("multiclass", ("a", "b"), [*CLASSIFIED, "Decision boundary", "Permutation importance", INSIDE]),
        ("regression", ("a", "b"), [*MEASURED, "Predictions over the plane", "Permutation importance", INSIDE]),
        ("regression", AWKWARD, [*MEASURED, "Predictions over the plane", "Permutation importance", INSIDE]),
        ("binary", AWKWARD, [*CLASSIFIED, "Decision boundary", "Permutation importance", INSIDE]),
    ],
)
def test_pictures_and_self_containment(tmp_path, task, columns, pictures):
    _, text = report(tmp_path, table(task, columns))
    page = Page(text)
    assert page.headings == pictures
    assert "script" not in page.tags and not page.links
    assert len(page.images) == len(pictures)
    for source in page.images:
        head, data = source.split(",", 1)
        assert head == "data:image/svg+xml;base64"
        svg = base64.b64decode(data).decode()
        ET.fromstring(svg)
        assert not re.search(r'(href|src)="https?://', svg)


def test_report_has_the_numbers(tmp_path):
    result, text = report(tmp_path, table("binary").with_columns(pl.lit("k").alias("constant")))
    accuracy = result.scores["network"]["accuracy"]
    assert f"{accuracy:.4f}" in text
    assert "<h2>Findings</h2>" in text and "found. Checked were" in text
    for words in ("linear model", "always the majority", "constant", "same value in every row", "weight decay"):
        assert words in text


def test_the_same_run_writes_the_same_pictures(tmp_path):
    pages = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        pages.append(Page(report(folder, table("multiclass"))[1]).images)
    assert pages[0] == pages[1]


def test_awkward_classifier_outputs_still_draw():
    """One true class only, probabilities of exactly 0 and 1, and a class without test rows."""
    y = np.zeros(6, dtype=np.int32)
    outputs = np.tile([1.0, 0.0], (6, 1))
    names = ("only", "never")
    with settings():
        for figure in (
            classification.confusion_matrix(y, outputs, names),
            classification.calibration(y, outputs, names),
        ):
            assert to_svg(figure).startswith("<?xml")


def test_constant_predictions_still_draw():
    y, outputs = np.arange(5.0), np.full(5, 2.0)
    with settings():
        for draw in (regression.predicted_against_true, regression.residuals, regression.calibration):
            assert to_svg(draw(y, outputs, "target")).startswith("<?xml")


def test_confusion_matrix_counts():
    y = np.array([0, 0, 1, 2, 2], dtype=np.int32)
    outputs = np.eye(3)[[0, 1, 1, 2, 2]]
    with settings():
        svg = to_svg(classification.confusion_matrix(y, outputs, ("x", "y", "z")))
    assert "true class" in svg and "predicted class" in svg


def test_short_names():
    assert short("plain") == "plain"
    assert short("two\nlines") == "two lines"
    assert len(short("x" * 200, 28)) <= 28


def test_different_names_stay_different_when_short():
    assert short_names(["no", "yes"], 9) == ["no", "yes"]
    numbered = [f"class number {k} with a name" for k in range(12)]
    assert short_names(numbered, 16) == [f"…{k}…" for k in range(12)]
    assert short_names([f"measurement_of_{k}_things_in_it" for k in "ab"], 12) == ["…a…", "…b…"]
    assert (
        short_names(["the same long name of all of them"] * 2, 12)
        == [short("the same long name of all of them", 12)] * 2
    )


def test_large_numbers_are_written_out_along_an_axis():
    with settings():
        figure = new_figure()
        ax = figure.subplots()
        ax.set_xlim(-2_600_000, 2_600_000)
        write_out(ax.xaxis)
        svg = to_svg(figure)
    assert ">1,500,000<" in svg and ">\N{MINUS SIGN}1,500,000<" in svg and "1e6" not in svg


def test_the_plane_of_a_regression_says_what_the_points_show(tmp_path):
    _, text = report(tmp_path, table("regression", ("a", "b")))
    assert "whose colour is the true value" in text


def test_words_in_the_table_of_metrics_do_not_break_on_narrow_screens(tmp_path):
    _, text = report(tmp_path, table("binary"))
    assert "<table class='metrics'>" in text
    assert "table.metrics td:first-child { white-space: nowrap; }" in text
    assert "table.metrics th { white-space: normal; overflow-wrap: normal; }" in text


def test_broad_pictures_scroll_on_narrow_screens_and_others_do_not(tmp_path):
    _, text = report(tmp_path, table("binary"))
    assert "figure.broad .wide img { max-width: none; width: 660px; max-height: none; }" in text
    for title, broad in (("Learning curves", True), ("ROC and precision-recall curves", True), ("Calibration", False)):
        figure = next(part for part in text.split("<figure")[1:] if f"<h3>{title}</h3>" in part)
        assert figure.startswith(" class='broad'>") is broad
        assert (f"<div class='wide' role='region' tabindex='0' aria-label='{title}'><img" in figure) is broad


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_nothing_is_cut_on_a_narrow_screen(tmp_path):
    """The page, and the table of metrics in it, are no wider than the screen."""
    report(tmp_path, table("regression", ("a", "b")))
    path = tmp_path / "out" / "report.html"
    asked = (
        "<script>const t = document.querySelector('.metrics').parentNode, p = document.documentElement;"
        "p.setAttribute('data-fits', [p.scrollWidth <= p.clientWidth, t.scrollWidth <= t.clientWidth, p.clientWidth]);"
        "</script>"
    )
    # A window of Chromium's is at least 500 wide; a frame is not.
    inner = path.read_text(encoding="utf-8").replace("</body>", f"{asked}</body>")
    (tmp_path / "inner.html").write_text(inner, encoding="utf-8")
    frame = "<iframe src='inner.html' width='390' height='800' onload='document.body.dataset.fits = "
    frame += "this.contentDocument.documentElement.dataset.fits'></iframe>"
    (tmp_path / "outer.html").write_text(f"<!doctype html><body>{frame}</body>", encoding="utf-8")
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom"]
    shown = subprocess.run([*command, f"file://{tmp_path / 'outer.html'}"], capture_output=True, text=True, timeout=120)
    assert re.search(r'<body data-fits="true,true,3\d\d"', shown.stdout), shown.stdout[-500:] + shown.stderr[-500:]


def test_far_residuals_are_counted_instead_of_flattening_the_histogram():
    rng = np.random.default_rng(0)
    truth, outputs = rng.normal(size=200), np.zeros(200)
    assert regression.outside_note(truth) == "", "normal residuals all fit"
    low, high = regression.residual_limits(truth)
    assert (low, high) == (truth.min(), truth.max())
    truth[[3, 50, 51]] = 900.0, -4000.0, 1500.0
    low, high = regression.residual_limits(truth)
    assert -5 < low < high < 5
    note = regression.outside_note(truth)
    assert note.startswith(" 3 of 200 rows lie outside the vertical axis (residuals of -4,000 to 1,500): triangles")
    with settings():
        figure = regression.residuals(truth, outputs, "price")
    ax, side = figure.axes
    assert ax.get_ylim()[0] > -6 and ax.get_ylim()[1] < 6
    assert all(low <= tick <= high for tick in ax.get_yticks()), "the strips outside have no scale"
    assert sum(bar.get_width() for bar in side.patches) == 197
    assert sorted(text.get_text() for text in ax.texts) == ["1 row below", "2 rows above"]


def test_residuals_that_are_mostly_equal_are_all_shown():
    rest = np.array([0.0] * 20 + [5.0])
    assert regression.residual_limits(rest) == (0.0, 5.0) and regression.outside_note(rest) == ""
