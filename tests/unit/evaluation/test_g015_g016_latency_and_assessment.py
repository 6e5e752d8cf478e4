"""G015: scores and reasons are fast enough. G016: the impact on people is assessed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.release_duties import REQUIRED_HEADINGS, read_assessment
from linerisk.explanation import Wording
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe
from linerisk.workflows.measure import measure_latency

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load(POLICIES)


def test_g015_passes_on_a_compact_model_timed_here(
    bench: Any, model: RiskModel, slices: Slices, wording: Wording
) -> None:
    latency = measure_latency(model, slices.test.rows, wording)
    assert latency.lines == 100
    assert 0 < latency.bare_score_us < latency.bare_reasons_us
    answer = bench.answer("G015", bench.measure(model, slices, latency=latency))
    assert (answer.outcome, "times the trees" in answer.finding) == (Outcome.PASSED, True)


def test_g015_fails_on_a_model_whose_reasons_take_too_long(bench: Any, slices: Slices, wording: Wording) -> None:
    # Hundreds of deep trees.
    huge = bench.fit(slices, Recipe(trees=500, leaves=255, depth=18, least_rows_in_leaf=2, least_hessian_in_leaf=1e-6))
    latency = measure_latency(huge, slices.test.rows[:5], wording)
    answer = bench.answer("G015", bench.measure(bench.fit(slices), slices, latency=latency))
    assert answer.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "slower",
    [
        {"score_us": 2_100.0, "bare_score_us": 2_000.0},
        {"reasons_us": 5_100.0, "bare_reasons_us": 5_000.0},
        {"score_us": 1_100.0, "bare_score_us": 200.0},
        {"reasons_us": 1_100.0, "bare_reasons_us": 350.0},
    ],
)
def test_g015_fails_on_each_limit(bench: Any, evaluation: Evaluation, slower: dict[str, float]) -> None:
    assert evaluation.latency is not None
    late = replace(evaluation, latency=replace(evaluation.latency, **slower))
    assert bench.answer("G015", late).outcome is Outcome.FAILED


def test_g015_ignores_ratios_below_a_millisecond(bench: Any, evaluation: Evaluation) -> None:
    assert evaluation.latency is not None
    fast = replace(evaluation.latency, score_us=900.0, bare_score_us=20.0, reasons_us=900.0, bare_reasons_us=100.0)
    assert bench.answer("G015", replace(evaluation, latency=fast)).outcome is Outcome.PASSED


def test_g016_reports_the_path_and_hash_of_the_document(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G016", evaluation)
    assert answer.outcome is Outcome.PASSED
    assert answer.finding.startswith("../docs/impact-assessment.md, SHA-256 ")


def test_g016_fails_without_the_document(bench: Any, evaluation: Evaluation, tmp_path: Path) -> None:
    nothing = replace(evaluation, assessment=read_assessment(tmp_path, "impact-assessment.md"))
    answer = bench.answer("G016", nothing)
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, "impact-assessment.md cannot be read")


@pytest.mark.parametrize("lacking", REQUIRED_HEADINGS)
def test_g016_fails_on_a_document_without_a_required_heading(
    bench: Any, evaluation: Evaluation, tmp_path: Path, lacking: str
) -> None:
    parts = [f"## {part.capitalize()}\n\nSomething.\n" for part in REQUIRED_HEADINGS if part != lacking]
    (tmp_path / "dpia.md").write_text("# Assessment\n\n" + "\n".join(parts), encoding="utf-8")
    answer = bench.answer("G016", replace(evaluation, assessment=read_assessment(tmp_path, "dpia.md")))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, f"dpia.md has no heading for {lacking}")


def test_g016_counts_the_unconfirmed_points(bench: Any, evaluation: Evaluation, tmp_path: Path) -> None:
    parts = "\n".join(f"## {part}\n\nSomething, *to confirm*.\n" for part in REQUIRED_HEADINGS)
    (tmp_path / "open.md").write_text(parts, encoding="utf-8")
    (tmp_path / "done.md").write_text(parts.replace(", *to confirm*", ""), encoding="utf-8")
    unfinished, done = (
        bench.answer("G016", replace(evaluation, assessment=read_assessment(tmp_path, name)))
        for name in ("open.md", "done.md")
    )
    assert unfinished.outcome is done.outcome is Outcome.PASSED
    assert unfinished.finding.endswith(
        "; 3 points of the impact assessment are still marked *to confirm*: finish it before real lines are scored"
    )
    assert "confirm" not in done.finding


def test_the_shipped_assessment_is_reported_as_unfinished(bench: Any, evaluation: Evaluation) -> None:
    text = (POLICIES / "../docs/impact-assessment.md").read_text(encoding="utf-8")
    assert evaluation.assessment is not None
    assert evaluation.assessment.to_confirm == text.count("*to confirm*") > 0
    assert (
        f"{evaluation.assessment.to_confirm} points of the impact assessment are still marked"
        in bench.answer("G016", evaluation).finding
    )


def test_g016_does_not_apply_to_a_model_that_is_never_served(bench: Any, model: RiskModel, slices: Slices) -> None:
    answer = bench.answer("G016", bench.measure(model, slices, served=False, assessment=None))
    assert answer.outcome is Outcome.NOT_APPLICABLE
    assert answer.finding.startswith("the service never answers from a model of this name")


def test_the_path_of_an_assessment_has_no_folders_of_this_machine(tmp_path: Path) -> None:
    inside, outside = tmp_path / "policies" / "law" / "dpia.md", tmp_path / "elsewhere" / "dpia.md"
    for file in (inside, outside):
        file.parent.mkdir(parents=True)
        file.write_text("# Assessment", encoding="utf-8")
    folder = tmp_path / "policies"
    named = {given: read_assessment(folder, given) for given in ("law/dpia.md", str(inside), str(outside))}
    assert [seen.path for seen in named.values()] == ["law/dpia.md", "law/dpia.md", "dpia.md"]
    assert all(seen.sha256 for seen in named.values())
    assert read_assessment(folder, str(tmp_path / "nowhere.md")).path == "nowhere.md"
