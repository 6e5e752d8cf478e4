"""Batch scoring: a feature table in, the contract's score table out. Nothing is recorded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.as_of import parse_instant
from linerisk.errors import InputError
from linerisk.explanation import Wording, reason_codes
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.policy import Policy
from linerisk.scoring import Scored, score
from linerisk.tables.schemas import LINE_STATUS, TIER_NAMES, Scores

CHUNK_ROWS = 20_000
_MOST_NAMED = 5
_UTC = pl.Datetime("us", "UTC")
_STATUS = pl.Enum(LINE_STATUS)
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
            known, and `cleared_at`, when a dispute about the line last ended in the holder's favour, for cool-downs;
            `line_status` if it is known, other words than an account's are not. Grain: one row per line.
        policy: The policy in force at `as_of`.
        wording: Words and codes of the reasons.
        as_of: The instant that the features stand at.
        reasons: Whether to say why; without, scoring is many times faster and every list is empty.
        on_progress: Called with (rows done, rows in all) after every chunk.

    Returns:
        One row per line, sorted by `line_id`; `action` is the kind of action, with `_held` if it is held back. Lines
        that are suspended or closed are scored like all others, as the service does; `line_status` says so.

    Raises:
        InputError: A column of the model is not there or holds no numbers, one of times holds none, there is no id, or
            a line is there twice.
    """
    ids = _ids(features, model)
    _check_numbers(features, model)
    parts = [pl.DataFrame(schema=dict(Scores.create_empty().schema))]
    for start in range(0, features.height, CHUNK_ROWS):
        chunk = features.slice(start, CHUNK_ROWS)
        rows = chunk.select(pl.col(model.feature_names).cast(pl.Float32).fill_null(float("nan"))).to_numpy(order="c")
        scored = score(model, np.ascontiguousarray(rows))
        codes = _lists(reason_codes(model, rows, wording) if reasons else np.empty((chunk.height, 0), dtype=np.str_))
        columns = _columns(ids.slice(start, CHUNK_ROWS), scored, codes).with_columns(
            as_of=pl.lit(as_of),
            model_version=pl.lit(model.version),
            line_status=_statuses(chunk),
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
            found=f"no {_some(missing)}" if name else "no line_id",
            todo="make the table as the one that the model was trained on was made, by the same version of the "
            "catalogue or of your own code; what is not known of a line is an empty cell, not a column left out",
            field=missing[0] if missing else "line_id",
        )
    ids = features[name].cast(pl.String).alias("line_id")
    if ids.n_unique() < len(ids) or ids.null_count():
        raise InputError(
            "the feature table does not have one row per line",
            expected="every line once",
            found=f"{ids.n_unique()} lines in {len(ids)} rows, {ids.null_count()} without an id",
            todo="keep one row of each line, that of the instant to score at, and give every row an id",
            field=name,
        )
    return ids


def _check_numbers(features: pl.DataFrame, model: RiskModel) -> None:
    """Refuse text where the model has numbers."""
    for name in model.feature_names:
        column = features[name]
        if column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
            continue
        lost = column.filter(column.cast(pl.String).cast(pl.Float32, strict=False).is_null() & column.is_not_null())
        if len(lost):
            raise InputError(
                f"column {name!r} of the feature table is not of numbers",
                expected="numbers, true / false, or empty cells",
                found=f"{len(lost):,} other cells, such as {str(lost[0])!r}",
                todo="write it as the table has it that the model was trained on",
                field=name,
            )


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


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
    """Instants in UTC of a column, empty where the table has none; text is read, as a CSV file has nothing else."""
    if name not in chunk.columns:
        return pl.Series(name, [None], dtype=_UTC).new_from_index(0, chunk.height)
    column = chunk[name]
    if column.dtype == pl.String:
        read = {text: parse_instant(text) for text in column.drop_nulls().unique()}
        return column.replace_strict(read, default=None, return_dtype=_UTC)
    if column.dtype not in (pl.Date, pl.Datetime, pl.Null):
        raise InputError(
            f"column {name!r} of the feature table is not of times",
            expected="dates, timestamps, or ISO 8601 text such as 2024-07-25",
            found=f"{column.dtype}, such as {column.drop_nulls()[0]}",
            todo="write its times so, or leave the column out: then no cool-down is known of",
            field=name,
        )
    naive = not isinstance(column.dtype, pl.Datetime) or column.dtype.time_zone is None
    return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") if naive else column.cast(_UTC)


def _statuses(chunk: pl.DataFrame) -> pl.Series:
    if "line_status" not in chunk.columns:
        return pl.Series([None], dtype=_STATUS).new_from_index(0, chunk.height)
    return chunk["line_status"].cast(pl.String).cast(_STATUS, strict=False)


def _actions(columns: pl.DataFrame, policy: Policy, as_of: datetime) -> pl.DataFrame:
    """What the policy asks for. Grain: one row per tier and instants of verification and clearing that occur."""
    cases = columns.select("tier", *_COOLING).unique()
    return cases.with_columns(action=pl.Series(_kinds(cases, policy, as_of), dtype=pl.String))


def _kinds(cases: pl.DataFrame, policy: Policy, as_of: datetime) -> Iterator[str]:
    by_name = {tier.value: tier for tier in TIERS}
    for name, verified, cleared in cases.select("tier", *_COOLING).iter_rows():
        action = policy.action(by_name[name], last_verified_at=verified, as_of=as_of, cleared_at=cleared)
        yield action.kind if action.held_by is None else f"{action.kind}{HELD}"
