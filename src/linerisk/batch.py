"""Batch scoring: a feature table in, the contract's score table out. Nothing is recorded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.errors import InputError
from linerisk.explanation import Wording, reason_codes
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.policy import Policy
from linerisk.scoring import Scored, score
from linerisk.tables.schemas import TIER_NAMES, Scores

CHUNK_ROWS = 20_000
_COOLING = ("last_verified_at", "cleared_at")
HELD = "_held"
"""Follows the kind of an action that the policy holds back: nobody is asked for anything now."""


def score_table(
    model: RiskModel,
    features: pl.DataFrame,
    *,
    policy: Policy,
    wording: Wording,
    as_of: datetime,
    reasons: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> dy.DataFrame[Scores]:
    """Score every row of a feature table.

    Args:
        model: Its columns are looked up by name.
        features: `line_id`, or `line_key` where ids are not at hand; the model's columns; `last_verified_at` if it is
            known, and `cleared_at`, when a dispute about the line last ended in the holder's favour, for cool-downs.
            Grain: one row per line.
        policy: The policy in force at `as_of`.
        wording: Words and codes of the reasons.
        as_of: The instant that the features stand at.
        reasons: Whether to say why; without, scoring is many times faster and every list is empty.
        on_progress: Called with (rows done, rows in all) after every chunk.

    Returns:
        One row per line, sorted by `line_id`; `action` is the kind of action, with `_held` if it is held back.

    Raises:
        InputError: A column of the model is not there, there is no id, or a line is there twice.
    """
    ids = _ids(features, model)
    parts = [pl.DataFrame(schema=dict(Scores.create_empty().schema))]
    for start in range(0, features.height, CHUNK_ROWS):
        chunk = features.slice(start, CHUNK_ROWS)
        rows = chunk.select(pl.col(model.feature_names).cast(pl.Float32).fill_null(float("nan"))).to_numpy(order="c")
        scored = score(model, np.ascontiguousarray(rows))
        codes = _lists(reason_codes(model, rows, wording) if reasons else np.empty((chunk.height, 0), dtype=np.str_))
        columns = _columns(ids.slice(start, CHUNK_ROWS), scored, codes).with_columns(
            as_of=pl.lit(as_of),
            model_version=pl.lit(model.version),
            **{name: _instants(chunk, name) for name in _COOLING},
        )
        acted = columns.join(_actions(columns, policy, as_of), on=["tier", *_COOLING], nulls_equal=True)
        parts.append(acted.select(pl.col(name).cast(dtype) for name, dtype in parts[0].schema.items()))
        if on_progress is not None:
            on_progress(start + chunk.height, features.height)
    return Scores.validate(pl.concat(parts).sort("line_id"))


def _ids(features: pl.DataFrame, model: RiskModel) -> pl.Series:
    name = next((name for name in ("line_id", "line_key") if name in features.columns), None)
    missing = [column for column in model.feature_names if column not in features.columns]
    if name is None or missing:
        raise InputError(
            "the feature table does not fit the model",
            expected=f"line_id and the {len(model.feature_names)} columns of the model",
            found=f"no {', '.join(missing[:5]) if name else 'line_id'}",
            todo="make the features by the version of the catalogue that the model was trained on",
            field=missing[0] if missing else "line_id",
        )
    ids = features[name].cast(pl.String).alias("line_id")
    if ids.n_unique() < len(ids) or ids.null_count():
        raise InputError(
            "the feature table does not have one row per line",
            expected="every line once",
            found=f"{ids.n_unique()} lines in {len(ids)} rows, {ids.null_count()} without an id",
            field=name,
        )
    return ids


def _columns(ids: pl.Series, scored: Scored, codes: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line_id": ids,
            "margin": scored.margin,
            "probability": scored.probability,
            "probability_low": scored.low,
            "probability_high": scored.high,
            "tier": pl.Series(TIER_NAMES, dtype=pl.Enum(TIER_NAMES)).gather(scored.tier_index),
            "reasons": codes,
        }
    )


def _lists(codes: npt.NDArray[np.str_]) -> pl.Series:
    """Codes of shape (n, k) as a list per row, without the empty ones."""
    known, index = np.unique(codes, return_inverse=True)
    words = pl.Series([word or None for word in known.tolist()], dtype=pl.String)
    none = pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, len(codes))
    places = [words.gather(place) for place in index.reshape(codes.shape).T]
    return pl.select(pl.concat_list(none, *places).list.drop_nulls()).to_series()


def _instants(chunk: pl.DataFrame, name: str) -> pl.Series:
    if name in chunk.columns:
        return chunk[name]
    return pl.Series(name, [None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, chunk.height)


def _actions(columns: pl.DataFrame, policy: Policy, as_of: datetime) -> pl.DataFrame:
    """What the policy asks for. Grain: one row per tier and instants of verification and clearing that occur."""
    cases = columns.select("tier", *_COOLING).unique()
    return cases.with_columns(action=pl.Series(_kinds(cases, policy, as_of), dtype=pl.String))


def _kinds(cases: pl.DataFrame, policy: Policy, as_of: datetime) -> Iterator[str]:
    by_name = {tier.value: tier for tier in TIERS}
    for name, verified, cleared in cases.select("tier", *_COOLING).iter_rows():
        action = policy.action(by_name[name], last_verified_at=verified, as_of=as_of, cleared_at=cleared)
        yield action.kind if action.held_by is None else f"{action.kind}{HELD}"
