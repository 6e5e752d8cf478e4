"""Plots are legible: labels do not overlap, counts are integers, captions match the figures."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import run_gates
from linerisk.evaluation.metrics import Estimate
from linerisk.evaluation.plots.draw import draw_plots
from linerisk.evaluation.plots.style import Plot
from linerisk.evaluation.random_audit import FEWEST_LINES, AuditMeasure, measure_audit
from linerisk.evaluation.reliability_bands import AgeBand
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.render import make_report
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices

SVG = "{http://www.w3.org/2000/svg}"
DIGIT_WIDTH = 0.55
"""Width of a digit of a sans-serif font over the font size."""


def audited(model: RiskModel, slices: Slices, every: int) -> AuditMeasure:
    source = np.where(np.arange(len(slices.test)) % every == 0, "random_audit", "no_finding")
    measured = measure_audit(model, replace(slices.test, source=source))
    assert measured is not None
    return measured


def by_name(model: RiskModel, evaluation: Evaluation, slices: Slices, **given: Any) -> dict[str, Plot]:
    return {plot.name: plot for plot in draw_plots(model, evaluation, slices, **given)}


@pytest.fixture(scope="module")
def plots(bench: Any, model: RiskModel, evaluation: Evaluation, slices: Slices) -> dict[str, Plot]:
    champion = bench.fit(slices, replace(bench.recipe, seed=5))
    with_audit = replace(evaluation, audit=audited(model, slices, 40))
    return by_name(model, with_audit, slices, champion=champion)


def root(plot: Plot) -> ET.Element:
    return ET.fromstring(plot.svg)  # noqa: S314 - our own drawing


def box(text: ET.Element) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a label within its group, estimated from the font size."""
    x, y = map(float, re.findall(r"-?[\d.]+", text.get("transform", ""))[:2])
    size = float(text.get("font-size", "12px").removesuffix("px"))
    width = DIGIT_WIDTH * size * len(text.text or "")
    left = {"middle": x - width / 2, "end": x - width}.get(text.get("text-anchor", "start"), x)
    return left, left + width, y - size, y


def labels(plot: Plot) -> Iterator[list[ET.Element]]:
    """Visible tick labels of each axis."""
    for group in root(plot).iter(f"{SVG}g"):
        if "role-axis-label" in group.get("class", ""):
            yield [text for text in group.iter(f"{SVG}text") if text.get("opacity", "1") != "0"]


def curves(plot: Plot) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.get("d", ""))]
        for path in root(plot).iter(f"{SVG}path")
        if path.get("aria-roledescription") == "line mark"
    ]


def test_axis_labels_do_not_overlap(plots: dict[str, Plot]) -> None:
    axes = [(name, axis) for name, plot in plots.items() for axis in labels(plot)]
    assert {name for name, _ in axes} == set(plots)
    for name, axis in axes:
        for one, other in itertools.combinations(axis, 2):
            (left, right, top, bottom), (left_2, right_2, top_2, bottom_2) = box(one), box(other)
            horizontal_gap = right + 2 < left_2 or right_2 + 2 < left
            vertical_gap = bottom <= top_2 + 1 or bottom_2 <= top + 1
            assert horizontal_gap or vertical_gap, f"{name}: {one.text} touches {other.text}"


@pytest.mark.parametrize("lowest", [2e-5, 2e-4, 2e-3])
def test_every_tick_of_a_log_axis_has_its_label(
    model: RiskModel, evaluation: Evaluation, slices: Slices, lowest: float
) -> None:
    first, *others = evaluation.reliability
    rare = replace(evaluation, fraud=evaluation.lines // 200, reliability=(replace(first, predicted=lowest), *others))
    plot = by_name(model, rare, slices)["reliability"]
    ticks = [
        len(list(group.iter(f"{SVG}line")))
        for group in root(plot).iter(f"{SVG}g")
        if "role-axis-tick" in group.get("class", "")
    ]
    assert [len(axis) for axis in labels(plot)] == ticks
    assert len(ticks) == 2
    assert min(ticks) > 3


def test_axis_labels_are_centred_at_their_ticks(plots: dict[str, Plot]) -> None:
    """A flushed first or last label would not be at its tick."""
    anchors = {text.get("text-anchor") for plot in plots.values() for axis in labels(plot) for text in axis}
    assert anchors == {"middle", "end"}
    for plot in plots.values():
        for axis in labels(plot):
            assert len({text.get("text-anchor") for text in axis}) == 1


@pytest.mark.parametrize("proven_over_seen", [0.3, 0.6, 1.0, 2.0])
def test_no_curve_crosses_the_label_of_a_proven_bound(
    model: RiskModel, evaluation: Evaluation, slices: Slices, proven_over_seen: float
) -> None:
    legitimate = model.margin(slices.calibration.rows[~slices.calibration.fraud])
    seen = [max(1, int((legitimate >= cut.margin).sum())) / len(legitimate) for cut in model.cuts]
    cuts = tuple(replace(c, proven=share * proven_over_seen) for c, share in zip(model.cuts, seen, strict=True))
    plot = by_name(replace(model, cuts=cuts), evaluation, slices)["cut_point_evidence"]
    words = [t for t in root(plot).iter(f"{SVG}text") if t.get("aria-roledescription") == "text mark"]
    drawn = curves(plot)
    assert len({text.text for text in words}) == 3
    assert len(drawn) == 2
    for text in words:
        left, right, top, bottom = box(text)
        for (x, y), (x_2, y_2) in itertools.chain.from_iterable(itertools.pairwise(curve) for curve in drawn):
            clear = max(x, x_2) < left or min(x, x_2) > right or max(y, y_2) < top or min(y, y_2) > bottom
            assert clear, f"a curve crosses {text.text}"


def test_a_tier_without_false_positives_is_drawn_at_none_and_inside_the_frame(
    model: RiskModel, evaluation: Evaluation, slices: Slices
) -> None:
    highest = float(model.margin(slices.test.rows[~slices.test.fraud]).max())
    strict = replace(model, cuts=(*model.cuts[:-1], replace(model.cuts[-1], margin=highest + 0.01)))
    plot = by_name(strict, evaluation, slices)["recall_at_low_fpr"]
    points = [
        float(re.findall(r"-?[\d.]+", path.get("transform", ""))[0])
        for path in root(plot).iter(f"{SVG}path")
        if path.get("aria-roledescription") == "point"
    ]
    (none,) = [box(text) for axis in labels(plot) for text in axis if text.text == "none"]
    assert len(points) == 3
    assert 5 < min(points) < 12
    assert min(points) == pytest.approx((none[0] + none[1]) / 2, abs=1)


def test_an_axis_of_counts_has_integer_labels(
    model: RiskModel, evaluation: Evaluation, slices: Slices, plots: dict[str, Plot]
) -> None:
    few = replace(audited(model, slices, 40), lines=30, fraud=0)
    for plot in (plots["audit"], by_name(model, replace(evaluation, audit=few), slices)["audit"]):
        *_, counts = [axis for axis in labels(plot) if not any("(" in (text.text or "") for text in axis)]
        assert len(counts) > 2
        assert all(re.fullmatch(r"[\d,]+", text.text or "") for text in counts)
        assert len({text.text for text in counts}) == len(counts)


def test_an_audit_of_few_lines_has_a_sentence_and_no_plot(
    model: RiskModel, evaluation: Evaluation, slices: Slices
) -> None:
    enough = replace(audited(model, slices, 40), lines=FEWEST_LINES, fraud=0)
    few = replace(enough, lines=FEWEST_LINES - 1)
    assert "audit" in by_name(model, replace(evaluation, audit=enough), slices)
    with_few = replace(evaluation, audit=few)
    report = make_report(
        model,
        slices,
        evaluation=with_few,
        gates=run_gates(with_few),
        reported=ReportFacts(title="planted", facts={}, notices=[], again="linerisk train"),
    )
    assert "audit" not in {plot.name for plot in report.plots}
    assert "19 randomly drawn lines, 0 fraud: fewer than 20 audited lines are too few" in report.page()


@pytest.mark.parametrize(
    ("old", "sentence"),
    [
        (Estimate(0.9, 0.85, 0.95), "Lowest at under 1 month (0.500), highest at over 5 years (0.900), and their"),
        (Estimate(0.6, 0.4, 0.8), "Lowest at under 1 month (0.500), highest at over 5 years (0.600), but their"),
        (None, None),
    ],
)
def test_the_caption_of_the_age_plot_matches_the_figures(
    model: RiskModel, evaluation: Evaluation, slices: Slices, old: Estimate | None, sentence: str | None
) -> None:
    ages = (AgeBand(0, 900, 40, Estimate(0.5, 0.4, 0.6)), AgeBand(1825, 900, 40, old))
    caption = by_name(model, replace(evaluation, ages=ages), slices)["age_bands"].caption
    assert ("Lowest" in caption) == (sentence is not None)
    assert sentence is None or sentence in caption


def test_the_title_mentions_family_colours_only_with_several_families(
    model: RiskModel, evaluation: Evaluation, slices: Slices, plots: dict[str, Plot]
) -> None:
    assert plots["features"].title == "Strongest columns, coloured by family"
    alone = replace(model, columns=tuple(replace(column, family="other") for column in model.columns))
    plot = by_name(alone, evaluation, slices)["features"]
    assert plot.title == "Strongest columns"
    assert "other" not in {text.text for text in root(plot).iter(f"{SVG}text")}
