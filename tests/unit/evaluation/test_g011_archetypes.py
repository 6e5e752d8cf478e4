"""G011: honest archetype lines are not raised. The suite is computed as in training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.evaluation.archetypes import ArchetypeRows, archetype_rows, archetype_shares
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.records.simulation.archetypes import ARCHETYPES
from linerisk.training.examples import Slices

EACH = 40


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archetypes")


@pytest.fixture(scope="module")
def suite(cache_dir: Path) -> ArchetypeRows:
    return archetype_rows(cache_dir, time_zone="Asia/Shanghai", lines_each=EACH)


def column(suite: ArchetypeRows, archetype: str, name: str) -> np.ndarray[Any, Any]:
    return suite.rows[np.array(suite.archetype) == archetype, suite.columns.index(name)]


def test_g011_passes_on_a_model_that_does_not_raise_archetypes(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G011", evaluation)
    assert answer.outcome is Outcome.PASSED
    assert "8 archetypes" in answer.finding


def test_g011_fails_where_couriers_would_be_sent_to_a_hall(bench: Any, model: RiskModel, slices: Slices) -> None:
    suspected = bench.suite(out_calls_count_7d=300.0, one_shot_callee_share_7d=0.95, tenure_days=20.0)
    answer = bench.answer("G011", bench.measure(model, slices, suite=suspected))
    assert answer.outcome is Outcome.FAILED
    assert answer.finding.startswith("courier: ")
    assert "elderly" not in answer.finding


def test_g011_fails_on_too_few_lines_even_if_none_is_raised(bench: Any, model: RiskModel, slices: Slices) -> None:
    answer = bench.answer("G011", bench.measure(model, slices, suite=bench.suite(lines_each=99)))
    assert answer.outcome is Outcome.FAILED
    assert "redialling_lawyer: only 99 lines" in answer.finding


def test_g011_fails_where_an_archetype_has_no_line(bench: Any, model: RiskModel, slices: Slices) -> None:
    whole = bench.suite()
    kept = np.array(whole.archetype) != "teacher"
    without = ArchetypeRows(whole.columns, whole.rows[kept], tuple(np.array(whole.archetype)[kept].tolist()))
    answer = bench.answer("G011", bench.measure(model, slices, suite=without))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, "teacher: only 0 lines")


def test_g011_does_not_apply_to_columns_outside_the_catalogue(bench: Any, model: RiskModel, slices: Slices) -> None:
    foreign = replace(model, columns=(FeatureColumn("arpu", "other"), *model.columns[1:]))
    assert bench.answer("G011", bench.measure(foreign, slices)).outcome is Outcome.NOT_APPLICABLE


# The suite itself ---------------------------------------------------------------------------------------------------


def test_every_archetype_has_its_lines_with_every_feature(suite: ArchetypeRows) -> None:
    names, counts = np.unique(suite.archetype, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == dict.fromkeys(ARCHETYPES, EACH)
    assert suite.columns == FEATURE_NAMES
    assert suite.rows.shape == (EACH * len(ARCHETYPES), len(FEATURE_NAMES))


def test_each_archetype_shows_its_conspicuous_feature(suite: ArchetypeRows) -> None:
    def median(archetype: str, name: str) -> float:
        return float(np.nanmedian(column(suite, archetype, name)))

    calls = "out_calls_count_28d"
    assert median("courier", calls) > 20 * median("elderly", calls)
    assert median("declared_call_centre", calls) > 20 * median("elderly", calls)
    assert median("teacher", "new_callees_count_28d") > 5 * median("elderly", "new_callees_count_28d")
    assert median("idle_number_woken", calls) > 10
    assert median("redialling_lawyer", "top_callee_share_28d") > median("courier", "top_callee_share_28d")
    assert median("returning_traveller", "distinct_visited_areas_count_28d") >= 2
    assert column(suite, "declared_call_centre", "use_declared").mean() > 0.95
    assert median("elderly", "tenure_days") > 5 * 365


def test_the_suite_is_computed_once_and_then_read_from_the_cache(cache_dir: Path, suite: ArchetypeRows) -> None:
    (file,) = cache_dir.glob("*")
    made_at = file.stat().st_mtime_ns
    again = archetype_rows(cache_dir, time_zone="Asia/Shanghai", lines_each=EACH)
    assert file.stat().st_mtime_ns == made_at
    assert again.archetype == suite.archetype
    np.testing.assert_array_equal(again.rows, suite.rows)


def test_a_threshold_on_calls_raises_couriers_and_call_centres(suite: ArchetypeRows, model: RiskModel) -> None:
    """Thirty calls a day is a rule that operators have used; the suite shows which archetypes it hits."""
    names = ["out_calls_count_7d"]
    calls = np.arange(600, dtype=np.float32)[:, None]
    grown = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5},
        lgb.Dataset(calls, calls[:, 0] > 210, feature_name=names),
        5,
    )
    rule = replace(
        model,
        columns=(FeatureColumn("out_calls_count_7d", "activity"),),
        trees=grown.model_to_string(),
        cuts=tuple(replace(cut, margin=0.0) for cut in model.cuts),
    )
    hit = {seen.name: seen.medium_high.value for seen in archetype_shares(rule, suite) if seen.medium_high}
    assert hit["courier"] > 0.3
    assert hit["declared_call_centre"] > 0.3
    assert hit["elderly"] == 0.0
