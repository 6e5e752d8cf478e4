"""Rows in, scores out: alone or among others, and as a table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from linerisk.batch import score_table
from linerisk.errors import InputError
from linerisk.explanation import Wording, explain
from linerisk.model.calibration import BetaCalibration
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import TIERS, Tier, TierPromise
from linerisk.policy import Policy, load_policies
from linerisk.scoring import score
from linerisk.settings import Settings

POLICIES = Settings().policies
AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
NAMES = ("out_calls_count_7d", "tenure_days")


@pytest.fixture(scope="module")
def model() -> RiskModel:
    rng = np.random.default_rng(3)
    rows = rng.random((600, 2), dtype=np.float32)
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1},
        lgb.Dataset(rows, (rows[:, 0] > 0.7).astype(float), feature_name=list(NAMES)),
        num_boost_round=5,
    )
    margins = np.asarray(booster.predict(rows, raw_score=True))
    return RiskModel(
        name="m",
        version="7",
        columns=(FeatureColumn(NAMES[0], "activity"), FeatureColumn(NAMES[1], "tenure")),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(1.0, 1.0, 0.0),
        cuts=cut_points(margins, TierPromise(alpha=(0.3, 0.1, 0.03))),
        bands=(ScoreBand(-np.inf, 100, 1, 0.001, 0.02),),
    )


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    rows = rng.random((50, 2), dtype=np.float32)
    lines = pl.DataFrame({"line_id": [f"line-{i:02}" for i in range(50)]})
    return lines.hstack(pl.DataFrame(rows, schema=list(NAMES))).sample(fraction=1, shuffle=True, seed=1)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policies(POLICIES)[-1]


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load(POLICIES)


def test_a_row_scores_the_same_alone_and_among_others(model: RiskModel, features: pl.DataFrame) -> None:
    rows = features.select(NAMES).to_numpy().astype(np.float32)
    together = score(model, rows)
    for i in range(len(rows)):
        alone = score(model, rows[i : i + 1])
        assert alone.margin[0] == together.margin[i]
        assert alone.probability[0] == together.probability[i]
        assert alone.tiers[0] == together.tiers[i]


def test_the_interval_holds_the_probability(model: RiskModel, features: pl.DataFrame) -> None:
    scored = score(model, features.select(NAMES).to_numpy().astype(np.float32))
    assert (scored.low <= scored.probability).all()
    assert (scored.probability <= scored.high).all()


def test_no_rows_have_no_scores(model: RiskModel) -> None:
    scored = score(model, np.empty((0, 2), dtype=np.float32))
    assert len(scored.margin) == 0
    assert scored.tiers == []


def test_a_table_is_scored_by_line(model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording) -> None:
    table = score_table(model, features, policy=policy, wording=wording, as_of=AS_OF)
    assert table["line_id"].to_list() == sorted(features["line_id"])
    row = features.filter(pl.col("line_id") == "line-07").select(NAMES).to_numpy()
    told = table.row(7, named=True)
    assert told["margin"] == score(model, row).margin[0]
    assert told["tier"] == TIERS[int(model.tier(np.array([told["margin"]]))[0])]
    assert (told["as_of"], told["model_version"]) == (AS_OF, "7")
    assert 1 <= len(told["reasons"]) <= 4


def test_the_reasons_of_a_table_are_those_of_its_lines_in_the_same_order(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    silent = features.with_columns(
        tenure_days=pl.when(pl.col("line_id") == "line-03").then(None).otherwise("tenure_days")
    )
    told = score_table(model, silent, policy=policy, wording=wording, as_of=AS_OF)["reasons"].to_list()
    rows = silent.sort("line_id").select(NAMES).to_numpy()
    said = explain(model, np.ascontiguousarray(rows, dtype=np.float32), wording)
    assert told == [[reason.code for reason in explanation.reasons] for explanation in said]
    assert len(told[3]) < 2 == max(map(len, told))


def test_the_action_is_what_the_policy_asks_of_the_tier(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    table = score_table(model, features, policy=policy, wording=wording, as_of=AS_OF, reasons=False)
    asked = {(row["tier"], row["action"]) for row in table.iter_rows(named=True)}
    assert len(asked) > 1
    for tier, action in asked:
        assert action == policy.action(Tier(tier), last_verified_at=None, as_of=AS_OF).kind
    assert all(reasons == [] for reasons in table["reasons"].to_list())


def test_a_verification_the_day_before_holds_the_action(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    verified = features.with_columns(last_verified_at=pl.lit(AS_OF - timedelta(days=1)))
    table = score_table(model, verified, policy=policy, wording=wording, as_of=AS_OF, reasons=False)
    assert set(table.filter(pl.col("tier") != "normal")["action"]) == {"verify_held"}
    assert set(table.filter(pl.col("tier") == "normal")["action"]) == {"none"}


def test_a_dispute_that_ended_in_the_holders_favour_holds_the_action(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    for days, action in ((-1, "verify_held"), (1, "verify_held"), (400, "verify")):
        cleared = features.with_columns(cleared_at=pl.lit(AS_OF - timedelta(days=days)))
        table = score_table(model, cleared, policy=policy, wording=wording, as_of=AS_OF, reasons=False)
        assert set(table.filter(pl.col("tier") != "normal")["action"]) == {action}


def test_keys_stand_in_for_ids(model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording) -> None:
    keyed = features.drop("line_id").with_row_index("line_key")
    table = score_table(model, keyed, policy=policy, wording=wording, as_of=AS_OF, reasons=False)
    assert "17" in table["line_id"].to_list()


@pytest.mark.parametrize("lacking", ["tenure_days", "line_id"])
def test_a_table_that_does_not_fit_is_refused(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording, lacking: str
) -> None:
    with pytest.raises(InputError) as refusal:
        score_table(model, features.drop(lacking), policy=policy, wording=wording, as_of=AS_OF)
    assert refusal.value.field == lacking
    assert f"no {lacking}" == refusal.value.found
    assert "as the one that the model was trained on was made" in str(refusal.value.todo)


def test_text_where_the_model_has_numbers_is_refused_and_an_empty_column_of_text_is_a_gap(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    empty = features.with_columns(tenure_days=pl.lit(None, dtype=pl.String))
    gap = features.with_columns(tenure_days=pl.lit(None, dtype=pl.Float32))
    said = [score_table(model, table, policy=policy, wording=wording, as_of=AS_OF)["margin"] for table in (empty, gap)]
    assert said[0].equals(said[1])
    words = features.with_columns(tenure_days=pl.when(pl.col("line_id") == "line-03").then(pl.lit("long")))
    with pytest.raises(InputError, match="column 'tenure_days' of the feature table is not of numbers") as refusal:
        score_table(model, words, policy=policy, wording=wording, as_of=AS_OF)
    assert refusal.value.found == "1 other cells, such as 'long'"
    assert refusal.value.todo is not None


def test_a_line_out_of_use_is_scored_like_all_others_and_marked(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    known = {"line-01": "active", "line-02": "suspended", "line-03": "closed", "line-04": "停机"}
    marked = features.with_columns(line_status=pl.col("line_id").replace_strict(known, default=None))
    scored = score_table(model, marked, policy=policy, wording=wording, as_of=AS_OF)
    plain = score_table(model, features, policy=policy, wording=wording, as_of=AS_OF)
    assert scored["line_status"].to_list()[:6] == [None, "active", "suspended", "closed", None, None]
    assert scored.drop("line_status").equals(plain.drop("line_status"))
    assert plain["line_status"].null_count() == len(plain)


def test_times_of_a_text_file_count_and_what_is_no_time_is_refused(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    day = AS_OF - timedelta(days=1)
    for verified in (pl.lit("2024-07-31"), pl.lit("2024-07-31T08:00:00+08:00"), pl.lit(day.date()), pl.lit(day)):
        table = features.with_columns(last_verified_at=verified)
        scored = score_table(model, table, policy=policy, wording=wording, as_of=AS_OF, reasons=False)
        assert set(scored.filter(pl.col("tier") != "normal")["action"]) == {"verify_held"}
    with pytest.raises(InputError, match="column 'last_verified_at' of the feature table is not of times") as refusal:
        score_table(
            model, features.with_columns(last_verified_at=pl.lit(20240731)), policy=policy, wording=wording, as_of=AS_OF
        )
    assert refusal.value.todo is not None


def test_a_line_that_is_there_twice_is_refused(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording
) -> None:
    with pytest.raises(InputError, match=r"50 lines in 51 rows.*keep one row of each line"):
        score_table(model, pl.concat([features, features.head(1)]), policy=policy, wording=wording, as_of=AS_OF)


def test_an_empty_table_has_an_empty_answer(
    model: RiskModel, features: pl.DataFrame, policy: Policy, wording: Wording, tmp_path: Path
) -> None:
    table = score_table(model, features.head(0), policy=policy, wording=wording, as_of=AS_OF)
    table.write_parquet(tmp_path / "s.parquet")
    assert pl.read_parquet(tmp_path / "s.parquet").columns[:3] == ["line_id", "as_of", "margin"]
