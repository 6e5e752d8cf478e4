"""Segments: a line's use against what is usual among lines of the same plan, with or without a declared use.

The usual value is the median of lines in use, published with the snapshot (`reference`). A segment is not split by age:
then a line that grows older would be compared with others, and its age would move features that are not bound to lower
the risk. The ratios are bound not to lower it, and the usual of a segment with a declared use is never below that of
the same plan without one, so that to declare a use never raises the risk.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import Feature, entries
from linerisk.tables.schemas import PLAN_KINDS

SEGMENT_LINES = 100
"""Values from which a median says what is usual; below, the median of all lines stands in."""

SEGMENTS = 2 * len(PLAN_KINDS)
"""Per plan kind, in their order: no use declared, a use declared."""

COMPARED = {
    "out_calls_vs_segment_ratio_7d": ("out_calls_count_7d", 1.0),
    "callees_vs_segment_ratio_7d": ("distinct_callees_count_7d", 1.0),
    "new_callees_vs_segment_ratio_7d": ("new_callees_count_7d", 1.0),
    "out_of_town_vs_segment_ratio_7d": ("out_of_town_share_7d", 0.1),
    "night_vs_segment_ratio_28d": ("night_call_share_28d", 0.1),
}
"""Feature, the feature that it compares, and what is added to both sides: from 0 to little is no great change."""

_NULL = f"no account row known yet, no reference published, or fewer than {SEGMENT_LINES} lines to compare with"
_SEGMENT = (
    "the median of lines in use with the same plan kind and likewise with or without a declared use (of all lines, "
    f"where fewer than {SEGMENT_LINES} have a value); what other lines do moves it"
)

_entry = partial(entries, unit="ratio", monotone=1)

FEATURES: tuple[Feature, ...] = (
    *_entry(
        "out_calls_vs_segment_ratio",
        "7d",
        family="activity",
        meaning=f"outgoing calls over {_SEGMENT}; both plus one",
        null=_NULL,
        reason="A01",
        zh="呼出次数与同类号码常见水平之比",
        en="outgoing calls against lines of the same kind",
    ),
    *_entry(
        "callees_vs_segment_ratio",
        "7d",
        family="contacts",
        meaning=f"different parties called over {_SEGMENT}; both plus one",
        null=_NULL,
        reason="A01",
        zh="呼出号码数与同类号码常见水平之比",
        en="numbers called against lines of the same kind",
    ),
    *_entry(
        "new_callees_vs_segment_ratio",
        "7d",
        family="contacts",
        meaning=f"parties called without contact before over {_SEGMENT}; both plus one",
        null=_NULL,
        reason="A01",
        zh="呼出的此前未联系过的号码数与同类号码常见水平之比",
        en="numbers called with no contact before against lines of the same kind",
    ),
    *_entry(
        "out_of_town_vs_segment_ratio",
        "7d",
        family="places",
        meaning=f"share of outgoing calls to parties neither of the line's home nor of where it was, over {_SEGMENT}; "
        "both plus 0.1",
        null=f"no outgoing call with the areas recorded, {_NULL}",
        reason="A02",
        zh="呼叫异地号码占比与同类号码常见水平之比",
        en="share of calls to other cities against lines of the same kind",
    ),
    *_entry(
        "night_vs_segment_ratio",
        "28d",
        family="rhythm",
        meaning=f"share of outgoing calls at night (from 23:00 until before 6:00) over {_SEGMENT}; both plus 0.1",
        null=f"no outgoing call, {_NULL}",
        reason="A01",
        zh="夜间呼出占比与同类号码常见水平之比",
        en="share of calls at night against lines of the same kind",
    ),
)


def segment(*, declared: pl.Expr) -> pl.Expr:
    """Number of a line's segment, from its `plan_kind` and whether a use is declared."""
    return pl.col("plan_kind").to_physical().cast(pl.Int64) * 2 + declared.cast(pl.Int64)


def usual_of(lines: pl.DataFrame) -> pl.DataFrame:
    """What is usual per segment: `Reference.usual`.

    A line in use had a call or text in 28 days, whatever its status: a suspension is an answer to risk. Its own value
    is one of the hundred or more behind the median.

    Args:
        lines: `segment` and features that do not need the reference. Grain: one row per line.
    """
    bases, c = [base for base, _ in COMPARED.values()], pl.col
    enough = [
        pl.when(c(base).count() >= SEGMENT_LINES).then(c(base).cast(pl.Float64).median()).alias(base) for base in bases
    ]
    in_use = lines.lazy().filter(c("distinct_contacts_count_28d") > 0).select("segment", *bases)
    numbered = pl.LazyFrame({"segment": range(SEGMENTS)}, schema={"segment": pl.Int64})
    medians = numbered.join(in_use.group_by("segment").agg(enough), on="segment", how="left", maintain_order="left")
    every, alone = pl.collect_all([in_use.select(enough), medians])
    stood_in = alone.select(c(base).fill_null(pl.lit(every[base].item(), dtype=pl.Float64)) for base in bases)
    declared = pl.int_range(pl.len()) % 2 == 1
    return stood_in.select(
        pl.when(declared).then(pl.max_horizontal(base, c(base).shift())).otherwise(base) for base in bases
    )


def usual_by_segment(usual: pl.LazyFrame) -> pl.LazyFrame:
    """`Reference.usual` with its segment and names of its own, to be put beside lines."""
    return usual.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("segment"),
        *(pl.col(base).alias(f"usual_{base}") for base, _ in COMPARED.values()),
    )


def ratios() -> dict[str, pl.Expr]:
    """Features, from `usual_by_segment` and the features they compare as the catalogue keeps them."""
    return {
        name: (pl.col(base).cast(pl.Float64) + floor) / (pl.col(f"usual_{base}") + floor)
        for name, (base, floor) in COMPARED.items()
    }
