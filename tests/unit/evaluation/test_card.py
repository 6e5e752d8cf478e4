"""The model card says what was measured, what could not be proven, what is weak, and who set a gate aside."""

from dataclasses import replace
from typing import Any

import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import run_gates
from linerisk.evaluation.report.facts import Reported
from linerisk.evaluation.report.model_card import Override, card_sections, markdown, weaknesses, with_overrides
from linerisk.evaluation.report.tables import evidence_sentences
from linerisk.model.risk_model import RiskModel

REPORTED = Reported(
    title="linerisk, version 7",
    facts={"data fingerprint": "ab12", "trained by": "li"},
    notices=("Simulated records.",),
    again="linerisk train --store store --as-of 2024-07-26",
    valid_days=45,
)


@pytest.fixture(scope="module")
def card(model: RiskModel, evaluation: Evaluation) -> str:
    return markdown(REPORTED.title, card_sections(model, evaluation, run_gates(evaluation), REPORTED))


def test_it_has_the_sections_that_a_reader_looks_for(card: str) -> None:
    headings = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "Intended use",
        "Not for",
        "Where it came from",
        "Data",
        "Figures",
        "Tiers",
        "Gates",
        "Known weaknesses",
        "Overrides",
        "Expiry",
        "Make it again",
    ]


def test_figures_have_their_intervals(card: str, evaluation: Evaluation) -> None:
    e = evaluation.average_precision
    assert f"| average precision | {e.value:.3f} | {e.low:.3f} – {e.high:.3f} |" in card


def test_every_gate_is_on_it(card: str, evaluation: Evaluation) -> None:
    for gate in run_gates(evaluation):
        assert f"| {gate.code} | {gate.title} | {gate.outcome} |" in card


def test_what_was_not_proven_is_said_with_the_lines_that_are_missing(evaluation: Evaluation) -> None:
    low, _, highest = evidence_sentences(evaluation)
    assert "widened so that the tier stands clear" in low
    assert f"{evaluation.tiers[-1].missing:,} more legitimate lines are needed" in highest
    said = weaknesses(evaluation, (), ())
    assert (
        f"The wish of 1e-05 for extremely_high is not proven: {evaluation.tiers[-1].missing:,} legitimate lines are "
        "missing."
    ) in said


def test_a_bound_that_holds_as_wished_is_no_weakness(evaluation: Evaluation) -> None:
    held = tuple(replace(row, proven=row.wished, missing=0) for row in evaluation.tiers)
    good = replace(evaluation, tiers=held)
    assert all(sentence.endswith("confidence, as wished.") for sentence in evidence_sentences(good))
    assert not [sentence for sentence in weaknesses(good, (), ()) if "not proven" in sentence]


def test_a_failed_gate_is_the_first_weakness(evaluation: Evaluation) -> None:
    wrong = replace(evaluation, tenure_raised=3)
    assert weaknesses(wrong, run_gates(wrong), ())[0].startswith("Gate G006 (age never raises a tier) failed: 3 of")


def test_an_age_at_which_nothing_was_seen_is_a_weakness(evaluation: Evaluation) -> None:
    ages = (replace(evaluation.ages[0], average_precision=None, fraud=2, lines=90), *evaluation.ages[1:])
    said = " ".join(weaknesses(replace(evaluation, ages=ages), (), ()))
    assert "Nothing can be said of ranking among lines by age: under 1 month (2 fraud of 90)." in said


def test_the_group_that_fares_worst_is_a_weakness_with_its_figure(bench: Any, evaluation: Evaluation) -> None:
    finding = bench.answer("G012", evaluation).finding
    assert "times the others' (at least" in finding
    assert f"Wrongly raised most often beside all other lines: {finding}." in weaknesses(evaluation, (), ())


def test_groups_that_nobody_knows_are_a_weakness(evaluation: Evaluation) -> None:
    said = " ".join(weaknesses(replace(evaluation, subgroups=None), (), ()))
    assert "No group of lines is known" in said


def test_an_assessment_with_open_points_is_a_weakness(evaluation: Evaluation) -> None:
    assert evaluation.assessment is not None
    said = " ".join(weaknesses(evaluation, (), ()))
    assert f"Of the impact assessment {evaluation.assessment.to_confirm} points are still marked *to confirm*" in said
    done = replace(evaluation, assessment=replace(evaluation.assessment, to_confirm=0))
    assert "impact assessment" not in " ".join(weaknesses(done, (), ()))


def test_the_card_of_somebodys_own_table_does_not_speak_of_phone_lines(
    model: RiskModel, evaluation: Evaluation, card: str
) -> None:
    def use(of: str) -> str:
        return of[of.index("## Intended use") : of.index("## Where it came from")]

    own = markdown("t", card_sections(model, replace(evaluation, of_catalogue=False), (), REPORTED))
    assert "records of calls and texts" in use(card)
    assert not [word for word in ("phone", "call", "text", "account", "line ", "operator") if word in use(own)]
    assert "from the columns of that table" in use(own)


def test_notices_and_expiry_are_on_it(card: str) -> None:
    assert "- Simulated records." in card
    assert "- 45 days after promotion." in card


def test_the_card_of_a_model_that_is_never_served_promises_nothing_of_the_service(
    model: RiskModel, evaluation: Evaluation, card: str
) -> None:
    own = markdown("t", card_sections(model, replace(evaluation, served=False), (), REPORTED))
    assert "answers have the status degraded" in card
    assert "degraded" not in own
    assert "- 45 days after promotion its evidence is used up: train it again." in own


def test_a_gate_that_was_set_aside_is_named_with_the_person_and_the_reason(card: str) -> None:
    told = with_overrides(card, [Override("G003", "wang", "measured again by hand,\nsee the minutes")])
    assert "- G003 was set aside by wang: measured again by hand, see the minutes\n" in told
    assert "None: no gate was set aside." not in told
    assert told.replace("- G003 was set aside by wang: measured again by hand, see the minutes\n", "") == card.replace(
        "- None: no gate was set aside.\n", ""
    )


def test_who_sets_it_aside_later_stands_there_instead_of_who_did_before(card: str) -> None:
    once = with_overrides(card, [Override("G003", "wang", "the first reason")])
    again = with_overrides(once, [Override("G003", "chen", "the second reason")])
    assert again == with_overrides(card, [Override("G003", "chen", "the second reason")])


def test_words_from_outside_do_not_break_a_table(model: RiskModel, evaluation: Evaluation) -> None:
    odd = replace(REPORTED, facts={"a|b": "two\nlines"})
    card = markdown("t", card_sections(model, evaluation, (), odd))
    assert "| a\\|b | two lines |" in card
