"""The report is one page that opens anywhere: nothing is fetched, nothing is run, and every gate and tier is on it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates import GATES, Outcome, run_gates
from linerisk.evaluation.plots import draw
from linerisk.evaluation.report import Reported, write_report
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Slices

HOSTILE = "a <script>alert(\"1\")</script> & 'model'"
REPORTED = Reported(title=HOSTILE, facts={HOSTILE: HOSTILE}, notices=[HOSTILE], again=HOSTILE)
DRAWN = {"precision_recall", "recall_at_low_fpr", "reliability", "margins", "families", "age_bands"}
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """What a browser would fetch, run and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.shown: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.shown)


@pytest.fixture(scope="module")
def plots(evaluation: Evaluation, model: RiskModel, slices: Slices) -> dict[str, str]:
    return draw(model, evaluation, model.margin(slices.test.rows), slices.test.fraud)


@pytest.fixture(scope="module")
def folder(evaluation: Evaluation, plots: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(out, evaluation=evaluation, gates=run_gates(evaluation), plots=plots, reported=REPORTED)
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def written(folder: Path, evaluation: Evaluation, plots: Mapping[str, str]) -> Page:
    path = write_report(folder, evaluation=evaluation, gates=run_gates(evaluation), plots=plots, reported=REPORTED)
    return Page(path.read_text(encoding="utf-8"))


def test_nothing_is_run(page: Page) -> None:
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_nothing_is_fetched(page: Page, folder: Path) -> None:
    assert not {"link", "img", "iframe", "object", "embed", "image", "use", "base"} & set(page.tags)
    fetching = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset", "action")]
    assert fetching == []
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert "url(http" not in text
    assert "url(//" not in text


def test_every_gate_is_shown_with_its_answer(page: Page) -> None:
    for code, title, _ in GATES:
        assert code in page.text
        assert title in page.text


def test_every_tier_is_shown(page: Page) -> None:
    for tier in TIERS:
        assert str(tier) in page.text


def test_a_bound_that_was_widened_is_never_called_proven_as_wished(page: Page, evaluation: Evaluation) -> None:
    lowest, *higher = evaluation.tiers[1:]
    assert lowest.wished is not None
    assert lowest.proven is not None
    assert lowest.missing == 0
    assert lowest.proven > lowest.wished
    assert "none; widened to stand clear of the tier above" in page.text
    for row in higher:
        assert f"{row.missing:,}" in page.text


def test_every_measure_is_shown_with_its_interval(page: Page, evaluation: Evaluation) -> None:
    for estimate in (evaluation.average_precision, evaluation.recall_at_fpr, evaluation.log_loss_skill):
        assert f"{estimate.value:.3f}" in page.text
        assert f"{estimate.low:.3f} – {estimate.high:.3f}" in page.text
    assert evaluation.predicted_over_observed is not None
    assert f"{evaluation.predicted_over_observed.value:.2f}" in page.text


def test_words_from_outside_are_escaped(page: Page) -> None:
    assert page.text.count(HOSTILE) == 6  # title, heading, notice, label and text of a fact, command


def test_a_good_model_may_be_promoted_and_the_page_says_so(page: Page) -> None:
    assert "may be promoted" in page.text
    assert "may not be promoted" not in page.text


def test_a_failed_gate_is_the_first_thing_said(evaluation: Evaluation, tmp_path: Path) -> None:
    text = written(tmp_path, replace(evaluation, tenure_raised=3), {}).text
    assert text.index("may not be promoted") < text.index("G006") < text.index("Tiers on lines")
    assert "3 of 6000 lines rose" in text


def test_a_model_without_any_figure_can_still_be_reported(
    bench: Any, model: RiskModel, slices: Slices, tmp_path: Path
) -> None:
    nothing = bench.measure(model, replace(slices, test=slices.test.take(~slices.test.fraud)))
    assert "no fraud observed" in written(tmp_path, nothing, {}).text


def test_figures_and_gates_stand_beside_the_page_as_json(folder: Path, evaluation: Evaluation) -> None:
    measured = json.loads((folder / "evaluation.json").read_text())
    assert measured["average_precision"]["value"] == evaluation.average_precision.value
    assert [row["tier"] for row in measured["tiers"]] == [str(tier) for tier in TIERS]
    gates = json.loads((folder / "gates.json").read_text())
    assert [gate["code"] for gate in gates] == [code for code, _, _ in GATES]
    assert {gate["outcome"] for gate in gates} <= {str(outcome) for outcome in Outcome}


# Plots --------------------------------------------------------------------------------------------------------------


def test_every_plot_is_on_the_page(page: Page, plots: dict[str, str]) -> None:
    assert set(plots) == DRAWN
    assert page.tags.count("svg") == len(DRAWN)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_plot_is_xml_with_marks_and_words_inside_its_frame(plots: dict[str, str], name: str) -> None:
    root = ET.fromstring(plots[name])  # noqa: S314 - our own drawing
    assert root.tag == f"{SVG}svg"
    assert len([path for path in root.iter(f"{SVG}path") if "NaN" not in path.get("d", "")]) > 3
    assert "NaN" not in plots[name]
    assert "undefined" not in plots[name]
    words = [text.text for text in root.iter(f"{SVG}text") if text.text]
    assert len(words) > 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("margins", ("legitimate", "fraud", "margin (log-odds before calibration)")),
        ("recall_at_low_fpr", ("medium_low", "medium_high", "extremely_high")),
        ("families", ("tenure", "activity", "contacts", "devices")),
        ("reliability", ("probability predicted (log)",)),
        ("precision_recall", ("fraud among lines flagged", "average precision 0.405 [0.356, 0.456]")),
    ],
)
def test_a_plot_names_what_it_shows(plots: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    shown = {text.text for text in ET.fromstring(plots[name]).iter(f"{SVG}text")}  # noqa: S314 - our own drawing
    assert set(words) <= shown


def test_bars_of_margins_stand_on_the_axis(plots: dict[str, str]) -> None:
    bars = [
        path
        for path in ET.fromstring(plots["margins"]).iter(f"{SVG}path")  # noqa: S314 - our own drawing
        if path.get("aria-roledescription") == "bar"
    ]
    heights = {round(float(path.get("d", "").split("v")[1].split("h")[0])) for path in bars}
    assert len(bars) > 40
    assert len(heights) > 10


def test_a_table_without_ages_has_no_plot_of_them(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    drawn = draw(model, replace(evaluation, ages=()), model.margin(slices.test.rows), slices.test.fraud)
    assert set(drawn) == DRAWN - {"age_bands"}


def test_common_fraud_is_drawn_on_plain_axes(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    common = replace(evaluation, fraud=evaluation.lines // 3)
    drawn = draw(model, common, model.margin(slices.test.rows), slices.test.fraud)
    assert "probability predicted (log)" not in drawn["reliability"]
    assert "probability predicted" in drawn["reliability"]
