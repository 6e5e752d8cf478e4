"""The model card has figures, unproven bounds, weaknesses and overrides."""

from dataclasses import replace
from typing import Any

import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import run_gates
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.model_card import Override, card_sections, markdown, weaknesses, with_overrides
from linerisk.evaluation.report.tables import evidence_sentences
from linerisk.model.risk_model import RiskModel

REPORTED = ReportFacts(
    title="linerisk, version 7",
    facts={"data fingerprint": "ab12", "trained by": "li"},
    notices=("Simulated records.",),
    again="linerisk train --store store --as-of 2024-07-26",
    valid_days=45,
)


@pytest.fixture(scope="module")
def card(model: RiskModel, evaluation: Evaluation) -> str:
    return markdown(REPORTED.title, card_sections(model, evaluation, run_gates(evaluation), REPORTED))


def test_the_card_has_its_sections_in_order(card: str) -> None:
    headings = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "Intended use",
        "Not for",
        "Provenance",
        "Data",
        "Figures",
        "Tiers",
        "Gates",
        "Known weaknesses",
        "Overrides",
        "Expiry",
        "Reproduce",
    ]


def test_card_figures_have_their_intervals(card: str, evaluation: Evaluation) -> None:
    e = evaluation.average_precision
    assert f"| average precision | {e.value:.3f} | {e.low:.3f} – {e.high:.3f} |" in card


def test_every_gate_is_on_the_card(card: str, evaluation: Evaluation) -> None:
    for gate in run_gates(evaluation):
        assert f"| {gate.code} | {gate.title} | {gate.outcome} |" in card


def test_an_unproven_bound_is_reported_with_the_missing_lines(evaluation: Evaluation) -> None:
    low, _, highest = evidence_sentences(evaluation)
    assert "was widened to separate the tier from the one above" in low
    assert f"{evaluation.tiers[-1].missing:,} more legitimate lines are needed" in highest
    found = weaknesses(evaluation, (), ())
    assert (
        f"The requested bound of 1e-05 for extremely_high is not proven: {evaluation.tiers[-1].missing:,} legitimate "
        "lines are missing."
    ) in found


def test_a_bound_proven_as_requested_is_no_weakness(evaluation: Evaluation) -> None:
    proven = tuple(replace(row, proven=row.wished, missing=0) for row in evaluation.tiers)
    good = replace(evaluation, tiers=proven)
    assert all(sentence.endswith("confidence, as requested.") for sentence in evidence_sentences(good))
    assert not [sentence for sentence in weaknesses(good, (), ()) if "not proven" in sentence]


def test_a_failed_gate_is_the_first_weakness(evaluation: Evaluation) -> None:
    wrong = replace(evaluation, tenure_raised=3)
    assert weaknesses(wrong, run_gates(wrong), ())[0].startswith("Gate G006 (age never raises a tier) failed: 3 of")


def test_an_age_band_without_a_figure_is_a_weakness(evaluation: Evaluation) -> None:
    ages = (replace(evaluation.ages[0], average_precision=None, fraud=2, lines=90), *evaluation.ages[1:])
    text = " ".join(weaknesses(replace(evaluation, ages=ages), (), ()))
    assert "Too few lines to measure ranking in these tenure bands: under 1 month (2 fraud of 90)." in text


def test_the_group_with_the_highest_ratio_is_a_weakness_with_its_figure(bench: Any, evaluation: Evaluation) -> None:
    finding = bench.answer("G012", evaluation).finding
    assert "times the rate of other lines (at least" in finding
    assert f"Highest proven ratio of false-positive rates: {finding}." in weaknesses(evaluation, (), ())


def test_unknown_groups_are_a_weakness(evaluation: Evaluation) -> None:
    text = " ".join(weaknesses(replace(evaluation, subgroups=None), (), ()))
    assert "No groups of lines are known" in text


def test_an_assessment_with_open_points_is_a_weakness(evaluation: Evaluation) -> None:
    assert evaluation.assessment is not None
    text = " ".join(weaknesses(evaluation, (), ()))
    assert f"{evaluation.assessment.to_confirm} points of the impact assessment are still marked *to confirm*" in text
    done = replace(evaluation, assessment=replace(evaluation.assessment, to_confirm=0))
    assert "impact assessment" not in " ".join(weaknesses(done, (), ()))


def test_the_card_of_an_external_table_does_not_mention_phone_lines(
    model: RiskModel, evaluation: Evaluation, card: str
) -> None:
    def use(of: str) -> str:
        return of[of.index("## Intended use") : of.index("## Provenance")]

    own = markdown("t", card_sections(model, replace(evaluation, of_catalogue=False), (), REPORTED))
    assert "records of calls and texts" in use(card)
    assert not [word for word in ("phone", "call", "text", "account", "line ", "operator") if word in use(own)]
    assert "from the columns of that table" in use(own)


def test_notices_and_expiry_are_on_the_card(card: str) -> None:
    assert "- Simulated records." in card
    assert "- 45 days after promotion." in card


def test_the_card_of_a_model_that_is_never_served_does_not_mention_service_status(
    model: RiskModel, evaluation: Evaluation, card: str
) -> None:
    own = markdown("t", card_sections(model, replace(evaluation, served=False), (), REPORTED))
    assert "answers have the status degraded" in card
    assert "degraded" not in own
    assert "- 45 days after promotion its evidence is out of date: train it again." in own


def test_an_overridden_gate_is_listed_with_person_and_reason(card: str) -> None:
    overridden = with_overrides(card, [Override("G003", "wang", "measured again by hand,\nsee the minutes")])
    assert "- G003 was overridden by wang: measured again by hand, see the minutes\n" in overridden
    assert "None: no gate was overridden." not in overridden
    line = "- G003 was overridden by wang: measured again by hand, see the minutes\n"
    assert overridden.replace(line, "") == card.replace("- None: no gate was overridden.\n", "")


def test_a_later_override_replaces_the_earlier_one(card: str) -> None:
    once = with_overrides(card, [Override("G003", "wang", "the first reason")])
    again = with_overrides(once, [Override("G003", "chen", "the second reason")])
    assert again == with_overrides(card, [Override("G003", "chen", "the second reason")])


def test_cells_are_escaped_in_markdown_tables(model: RiskModel, evaluation: Evaluation) -> None:
    odd = replace(REPORTED, facts={"a|b": "two\nlines"})
    card = markdown("t", card_sections(model, evaluation, (), odd))
    assert "| a\\|b | two lines |" in card
