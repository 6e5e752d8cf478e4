"""The report page is self-contained, runs no script, and has every gate, tier and plot."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from linerisk.evaluation.archetypes import ArchetypeShare
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GATES, Outcome, run_gates
from linerisk.evaluation.metrics import Estimate
from linerisk.evaluation.plots.draw import draw_plots
from linerisk.evaluation.plots.importance import feature_strengths
from linerisk.evaluation.random_audit import AuditMeasure, measure_audit
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.model_card import Override
from linerisk.evaluation.report.render import Report, comparison_page, make_report, page_with_overrides
from linerisk.evaluation.rolling import RollingEvaluation, RollingStep
from linerisk.evaluation.subgroups import Subgroup
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe
from linerisk.training.search_trials import Trial, Tuned

HOSTILE = "a <script>alert(\"1\")</script> & 'model'"
REPORTED = ReportFacts(title=HOSTILE, facts={HOSTILE: HOSTILE}, notices=[HOSTILE], again=HOSTILE)
DRAWN = {
    "cut_point_evidence",
    "precision_recall",
    "recall_at_low_fpr",
    "margins",
    "reliability",
    "families",
    "features",
    "age_bands",
    "archetypes",
    "subgroups",
}
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, model: RiskModel, slices: Slices) -> Report:
    return make_report(model, slices, evaluation=evaluation, gates=run_gates(evaluation), reported=REPORTED)


@pytest.fixture(scope="module")
def plots(report: Report) -> dict[str, str]:
    return {plot.name: plot.svg for plot in report.plots}


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report.write(out)
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def written(report: Report, evaluation: Evaluation) -> Page:
    """The page with another evaluation."""
    return Page(replace(report, evaluation=evaluation, gates=run_gates(evaluation), plots=()).page())


def test_the_page_runs_no_script(page: Page) -> None:
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_page_fetches_nothing(page: Page, folder: Path) -> None:
    assert not {"link", "img", "iframe", "object", "embed", "image", "use", "base"} & set(page.tags)
    fetching = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset", "action")]
    assert [value for value in fetching if not value.startswith("#")] == []
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert "url(http" not in text
    assert "url(//" not in text


def test_every_gate_is_on_the_page(page: Page) -> None:
    for code, title, _ in GATES:
        assert code in page.text
        assert title in page.text


def test_every_tier_is_on_the_page(page: Page) -> None:
    for tier in TIERS:
        assert str(tier) in page.text


def test_a_widened_bound_is_not_reported_as_requested(page: Page, evaluation: Evaluation) -> None:
    lowest, *higher = evaluation.tiers[1:]
    assert lowest.wished is not None
    assert lowest.proven is not None
    assert lowest.missing == 0
    assert lowest.proven > lowest.wished
    assert "none; bound widened" in page.text
    for row in higher:
        assert f"{row.missing:,}" in page.text


def test_every_measure_is_on_the_page_with_its_interval(page: Page, evaluation: Evaluation) -> None:
    for estimate in (evaluation.average_precision, evaluation.recall_at_fpr, evaluation.log_loss_skill):
        assert f"{estimate.value:.3f}" in page.text
        assert f"{estimate.low:.3f} – {estimate.high:.3f}" in page.text
    assert evaluation.predicted_over_observed is not None
    assert f"{evaluation.predicted_over_observed.value:.2f}" in page.text


def test_an_unfinished_assessment_is_a_notice_on_the_page(
    evaluation: Evaluation, model: RiskModel, slices: Slices, report: Report
) -> None:
    assert evaluation.assessment is not None
    finished = replace(evaluation, assessment=replace(evaluation.assessment, to_confirm=0))
    other = make_report(model, slices, evaluation=finished, gates=run_gates(finished), reported=REPORTED)
    points = "points of the impact assessment are still marked"
    assert f'<p class="notice">{evaluation.assessment.to_confirm} {points}' in report.page()
    assert points not in other.page()


def test_text_from_outside_is_escaped(page: Page) -> None:
    # Title, heading, notice twice (also among weaknesses), label and text of a fact, command.
    assert page.text.count(HOSTILE) == 7


def test_the_page_of_a_good_model_has_the_verdict_may_be_promoted(page: Page) -> None:
    assert "may be promoted" in page.text
    assert "may not be promoted" not in page.text


def test_a_failed_gate_is_named_in_the_verdict_at_the_top(report: Report, evaluation: Evaluation) -> None:
    text = written(report, replace(evaluation, tenure_raised=3)).text
    assert text.index("may not be promoted") < text.index("failed: G006") < text.index("Tiers on the test slice")
    assert "3 of 6,000 lines rose" in text


def test_a_model_without_figures_has_a_report(bench: Any, report: Report, model: RiskModel, slices: Slices) -> None:
    nothing = bench.measure(model, replace(slices, test=slices.test.take(~slices.test.fraud)))
    assert "no fraud observed" in written(report, nothing).text


def test_every_entry_of_the_contents_links_to_a_section(page: Page) -> None:
    places = {value for name, value in page.attributes if name == "id"}
    entries = [value.removeprefix("#") for name, value in page.attributes if name == "href"]
    assert len(entries) > 5
    assert set(entries) <= places


def test_every_plot_has_a_caption(page: Page, report: Report) -> None:
    assert all(plot.caption.endswith(".") and plot.caption in page.text for plot in report.plots)
    assert page.tags.count("figcaption") == len(report.plots)


def test_evaluation_gates_and_flips_are_written_as_json(folder: Path, evaluation: Evaluation) -> None:
    measured = json.loads((folder / "evaluation.json").read_text())
    assert measured["average_precision"]["value"] == evaluation.average_precision.value
    assert [row["tier"] for row in measured["tiers"]] == [str(tier) for tier in TIERS]
    gates = json.loads((folder / "gates.json").read_text())
    assert [gate["code"] for gate in gates] == [code for code, _, _ in GATES]
    assert {gate["outcome"] for gate in gates} <= {str(outcome) for outcome in Outcome}
    assert json.loads((folder / "flips.json").read_text()) is None
    assert {path.stem for path in (folder / "plots").iterdir()} == DRAWN
    assert (folder / "card.md").read_text(encoding="utf-8").startswith("# Model card: ")


# Plots --------------------------------------------------------------------------------------------------------------


def test_every_plot_is_on_the_page(page: Page, plots: dict[str, str]) -> None:
    assert set(plots) == DRAWN
    assert page.tags.count("svg") == len(DRAWN)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_plot_is_xml_with_marks_and_labels(plots: dict[str, str], name: str) -> None:
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
        ("reliability", ("predicted probability (log)",)),
        (
            "precision_recall",
            ("precision: fraud among flagged lines", "Precision and recall: average precision 0.405 [0.356, 0.456]"),
        ),
    ],
)
def test_a_plot_has_its_titles_and_legend(plots: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    texts = {text.text for text in ET.fromstring(plots[name]).iter(f"{SVG}text")}  # noqa: S314 - our own drawing
    assert set(words) <= texts


def test_bars_of_margins_start_at_the_axis(plots: dict[str, str]) -> None:
    bars = [
        path
        for path in ET.fromstring(plots["margins"]).iter(f"{SVG}path")  # noqa: S314 - our own drawing
        if path.get("aria-roledescription") == "bar"
    ]
    heights = {round(float(path.get("d", "").split("v")[1].split("h")[0])) for path in bars}
    assert len(bars) > 40
    assert len(heights) > 10


def drawn(model: RiskModel, evaluation: Evaluation, slices: Slices, **given: Any) -> dict[str, str]:
    return {plot.name: plot.svg for plot in draw_plots(model, evaluation, slices, **given)}


def words(svg: str) -> set[str]:
    return {text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")}  # noqa: S314 - our own drawing


def test_a_table_without_ages_has_no_age_plot(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    assert set(drawn(model, replace(evaluation, ages=()), slices)) == DRAWN - {"age_bands"}


def test_common_fraud_has_linear_axes(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    common = replace(evaluation, fraud=evaluation.lines // 3)
    texts = words(drawn(model, common, slices)["reliability"])
    assert "predicted probability (log)" not in texts
    assert "predicted probability" in texts


def test_archetypes_and_subgroups_are_drawn_only_if_measured(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    none = Estimate(0.0, 0.0, 0.09)
    known = replace(
        evaluation,
        archetypes=(ArchetypeShare("courier", "courier", "", 40, none, none),),
        subgroups=(Subgroup("plan", "prepaid", 40, 0, none, none),),
    )
    both = drawn(model, known, slices)
    assert set(both) == DRAWN
    without = drawn(model, replace(evaluation, archetypes=None, subgroups=None), slices)
    assert set(without) == DRAWN - {"archetypes", "subgroups"}
    assert "courier (40)" in words(both["archetypes"])
    assert "plan: prepaid (0 of 40)" in words(both["subgroups"])


def test_champion_and_challenger_share_a_plot(
    bench: Any, evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    champion = bench.fit(slices, replace(bench.recipe, seed=5))
    both = drawn(model, evaluation, slices, champion=champion)
    assert {"challenger", "champion"} <= words(both["champion_and_challenger"])


def test_a_champion_with_missing_columns_is_not_drawn(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    column = replace(model.columns[0], name="of_another_table")
    champion = replace(model, columns=(column, *model.columns[1:]))
    assert set(drawn(model, evaluation, slices, champion=champion)) == DRAWN


def test_only_plots_with_limits_have_red_ticks_and_mention_them(report: Report) -> None:
    captions = {plot.name: plot.caption for plot in report.plots}
    assert "red ticks" in captions["archetypes"]
    assert "red ticks" not in captions["subgroups"]
    svgs = {plot.name: plot.svg for plot in report.plots}
    assert "#b3261e" in svgs["archetypes"]
    assert "#b3261e" not in svgs["subgroups"]


# A random audit, past trainings, tuning -------------------------------------------------------------------------------


def marks(svg: str, kind: str) -> int:
    return sum(
        path.get("aria-roledescription") == kind
        for path in ET.fromstring(svg).iter(f"{SVG}path")  # noqa: S314 - our own drawing
    )


@pytest.fixture(scope="module")
def audit(model: RiskModel, slices: Slices) -> AuditMeasure:
    source = np.where(np.arange(len(slices.test)) % 5 == 0, "random_audit", "no_finding")
    measured = measure_audit(model, replace(slices.test, source=source))
    assert measured is not None
    return measured


def test_an_audit_is_drawn_with_proven_bounds_and_predicted_fraud(
    audit: AuditMeasure, evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    svg = drawn(model, replace(evaluation, audit=audit), slices)["audit"]
    legitimate = audit.lines - audit.fraud
    hits = {tier: round(seen.value * legitimate) for tier, seen in audit.false_positives.items()}
    assert {f"{tier} ({n} of {legitimate:,})" for tier, n in hits.items()} <= words(svg)
    assert f"fraud ({audit.fraud} of {audit.lines:,})" in words(svg)
    # One tick per proven bound and one for the prediction; one dot per share above zero and one for the fraud found.
    assert marks(svg, "tick") == len(hits) + 1
    assert marks(svg, "point") == sum(n > 0 for n in hits.values()) + 1
    assert "NaN" not in svg


def test_an_audit_of_only_fraud_is_drawn(
    audit: AuditMeasure, evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    only = replace(audit, lines=audit.fraud, false_positives={})
    svg = drawn(model, replace(evaluation, audit=only), slices)["audit"]
    assert (marks(svg, "tick"), marks(svg, "point")) == (1, 1)


def step(day: str, value: float | None) -> RollingStep:
    if value is None:
        return RollingStep(f"{day}T00:00:00Z", "", 90, 2, problem="too few findings")
    seen = Estimate(value, value - 0.1, value + 0.1)
    return RollingStep(f"{day}T00:00:00Z", "", 900, 40, seen, seen, seen)


def test_past_trainings_are_drawn_with_gaps_for_unmeasured_dates(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    steps = (
        step("2024-05-03", 0.6),
        step("2024-05-31", None),
        step("2024-06-28", float("nan")),
        step("2024-07-26", 0.5),
    )
    svg = drawn(model, replace(evaluation, rolling=RollingEvaluation(steps)), slices)["rolling"]
    expected = {"2024-05-03", "2024-05-31", "2024-06-28", "2024-07-26", "average precision", "log-loss skill"}
    assert expected <= words(svg)
    # Two measured trainings with three measures each.
    assert marks(svg, "point") == 6
    assert "NaN" not in svg


def test_fewer_than_two_measured_past_trainings_are_in_the_table_and_not_drawn(
    report: Report, evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    nothing = replace(evaluation, rolling=RollingEvaluation((step("2024-05-31", None),)))
    assert "rolling" not in drawn(model, nothing, slices)
    one = RollingEvaluation((step("2024-05-31", None), step("2024-06-28", 0.6)))
    assert "rolling" not in drawn(model, replace(evaluation, rolling=one), slices)
    assert "too few findings" in written(report, nothing).text


def searched(chosen: int | None, *, nothing: float) -> Tuned:
    trials = tuple(
        Trial(number, Recipe(), loss, 0.0, 0.0, cost, number == 3, 1.0)
        for number, (loss, cost) in enumerate([(0.20, 5_000), (0.21, 400), (0.19, 900), (0.50, 300), (0.22, 0)])
    )
    return Tuned(trials, (4, 1, 2), chosen, Recipe(), nothing, (450, 40), "time is up")


def test_every_trial_is_drawn_with_the_pareto_front_and_the_chosen_trial(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    (plot,) = [
        p for p in draw_plots(model, evaluation, slices, tuned=searched(1, nothing=0.23)) if p.section == "tuning"
    ]
    assert {"pruned", "finished", "Pareto front", "starting recipe", "chosen"} <= words(plot.svg)
    assert marks(plot.svg, "point") == 5
    assert "In this search trial 1 was chosen." in plot.caption
    assert "gives a log loss of 0.2300 (the dashed line)" in plot.caption


def test_a_far_baseline_is_in_the_caption_and_not_drawn(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    def caption(nothing: float) -> str:
        plots = draw_plots(model, evaluation, slices, tuned=searched(None, nothing=nothing))
        return next(plot.caption for plot in plots if plot.name == "tuning_front")

    assert "gives a log loss of 0.9000 (far above the plot)" in caption(0.9)
    assert "In this search no trial was chosen." in caption(0.23)


def test_audit_rolling_and_tuning_sections_exist_only_if_measured(
    audit: AuditMeasure, page: Page, report: Report, evaluation: Evaluation
) -> None:
    sections = {"audit", "rolling", "tuning"}
    assert not sections & {value for name, value in page.attributes if name == "id"}
    past = RollingEvaluation((step("2024-05-03", 0.6),))
    with_search = replace(report, reported=replace(REPORTED, tuned=searched(None, nothing=0.2)))
    full = written(with_search, replace(evaluation, audit=audit, rolling=past))
    assert sections <= {value for name, value in full.attributes if name == "id"}
    assert "0.600 [0.500, 0.700]" in full.text
    assert "none chosen, the recipe that tuning began with was kept" in full.text


# Overrides ------------------------------------------------------------------------------------------------------------


def test_an_override_is_at_the_top_and_in_the_card_and_escaped(folder: Path, page: Page) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "None: no gate was overridden." in page.text
    html = page_with_overrides(text, [Override("G001", "li and wang", f"{HOSTILE} <!-- end of overrides --> \\1")])
    overridden = Page(html)
    assert "script" not in overridden.tags
    assert overridden.text.count(f"G001 was overridden by li and wang: {HOSTILE} <!-- end of overrides --> \\1") == 2
    assert "None: no gate was overridden." not in overridden.text
    assert overridden.text.index("overridden by li") < overridden.text.index("Tiers on the test slice")


def test_an_override_changes_nothing_else_and_the_last_one_replaces_the_first(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    first, second = ([Override("G001", "li and wang", why)] for why in ("the first reason", "the second reason"))
    assert page_with_overrides(page_with_overrides(text, first), second) == page_with_overrides(text, second)
    kept = Page(page_with_overrides(text, first)).text.split()
    # The verdict, and the sentence without overrides.
    gone = [word for word in Page(text).text.split() if word not in kept]
    assert set(gone) <= {"may", "be", "None:", "overridden.", "no", "gate", "failed"}
    assert {"None:", "overridden."} <= set(gone)


@pytest.mark.parametrize("raised", [0, 3], ids=["no gate failed", "one failed"])
def test_the_page_of_a_model_promoted_with_overrides_has_one_verdict(
    report: Report, evaluation: Evaluation, raised: int
) -> None:
    seen = replace(evaluation, tenure_raised=raised)
    text = replace(report, evaluation=seen, gates=run_gates(seen), plots=()).page()
    html = page_with_overrides(text, [Override("G006", "li and wang", "measured by hand")])
    summary = Page(html[html.index('<section id="summary">') : html.index('<ul class="chips">')]).text
    assert "promoted with overrides G006: overridden by two people" in " ".join(summary.split())
    assert not [verdict for verdict in ("may not be promoted", "may be promoted", "no gate failed") if verdict in html]
    assert html.count('class="verdict') == 1


# Single columns -----------------------------------------------------------------------------------------------------


def test_a_planted_leak_is_first_by_gain_and_by_contribution(bench: Any, slices: Slices) -> None:
    leaky = replace(
        slices,
        **{name: _leaked(getattr(slices, name)) for name in ("train", "calibration", "test")},
    )
    model = bench.fit(leaky)
    first, second, *others = feature_strengths(model, leaky.test.rows[:500])
    assert first.name == "distinct_devices_count_28d"
    assert first.gain > second.gain + sum(other.gain for other in others)
    assert first.contribution > second.contribution


def test_shares_of_gain_and_of_contributions_sum_to_one(model: RiskModel, slices: Slices) -> None:
    strengths = feature_strengths(model, slices.test.rows[:500])
    assert {s.name for s in strengths} == set(model.feature_names)
    assert sum(s.gain for s in strengths) == pytest.approx(1)
    assert sum(s.share for s in strengths) == pytest.approx(1)
    assert [s.contribution for s in strengths] == sorted((s.contribution for s in strengths), reverse=True)


def _leaked(examples: Examples) -> Examples:
    """The examples with the label in the last column."""
    rows = examples.rows.copy()
    rows[:, -1] = examples.fraud
    return replace(examples, rows=rows)


# The page of a comparison -------------------------------------------------------------------------------------------


def test_a_comparison_page_without_tier_flips_shows_the_notices(evaluation: Evaluation) -> None:
    page = Page(
        comparison_page(
            title="2 against 1",
            notices=("give --store", "G009 is of another champion"),
            tested="Each model on its own test slice.",
            figures=[["auc", "0.9", "0.91"]],
            gates=run_gates(evaluation),
            flips=None,
        )
    )
    assert "give --store" in page.text
    assert "G009 is of another champion" in page.text
    assert "Each model on its own test slice." in page.text
    assert "0.91" in page.text
    assert "script" not in page.tags
