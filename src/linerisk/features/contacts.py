"""Contacts: with whom a line speaks, how many are new, how many are called once, how many call back.

Redials of one callee within 30 minutes count as one attempt: twenty calls to one office are not dispersion.
"""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import Feature, Stage, count, entropy, share

REDIAL_S = 1800

_NONE = "no record in the window"
_NO_CALLEE = "nobody called in the window"

FEATURES = (
    Feature("distinct_callees_count_24h", "contacts", "count", "24h", "different parties called", _NONE, "A01"),
    Feature("distinct_callees_count_7d", "contacts", "count", "7d", "different parties called", _NONE, "A01"),
    Feature("distinct_callees_count_28d", "contacts", "count", "28d", "different parties called", _NONE, "A01"),
    Feature(
        "calls_per_callee_7d",
        "contacts",
        "calls",
        "7d",
        "redial-merged calls per party called",
        _NO_CALLEE,
        "A01",
    ),
    Feature(
        "calls_per_callee_28d",
        "contacts",
        "calls",
        "28d",
        "redial-merged calls per party called",
        _NO_CALLEE,
        "A01",
    ),
    Feature("one_shot_callee_share_7d", "contacts", "share", "7d", "parties called once only", _NO_CALLEE, "A01"),
    Feature("one_shot_callee_share_28d", "contacts", "share", "28d", "parties called once only", _NO_CALLEE, "A01"),
    Feature(
        "new_callees_count_24h",
        "contacts",
        "count",
        "24h",
        "parties called that had no contact before",
        _NONE,
        "A01",
    ),
    Feature(
        "new_callees_count_7d",
        "contacts",
        "count",
        "7d",
        "parties called that had no contact before",
        _NONE,
        "A01",
    ),
    Feature(
        "new_callee_share_7d",
        "contacts",
        "share",
        "7d",
        "parties without earlier contact among those called",
        _NO_CALLEE,
        "A01",
    ),
    Feature(
        "reciprocal_callee_share_7d",
        "contacts",
        "share",
        "7d",
        "parties called that also called in",
        _NO_CALLEE,
        "A03",
    ),
    Feature(
        "reciprocal_callee_share_28d",
        "contacts",
        "share",
        "28d",
        "parties called that also called in",
        _NO_CALLEE,
        "A03",
    ),
    Feature(
        "callee_entropy_7d",
        "contacts",
        "0-1",
        "7d",
        "evenness of calls over the parties called",
        "fewer than two parties called",
        "A01",
    ),
    Feature(
        "top_callee_share_28d",
        "contacts",
        "share",
        "28d",
        "calls to the most called party",
        _NO_CALLEE,
        "A01",
    ),
    Feature(
        "virtual_callee_share_7d",
        "contacts",
        "share",
        "7d",
        "privacy numbers of platforms among parties called",
        _NO_CALLEE,
        "A01",
    ),
    Feature("text_recipients_count_7d", "contacts", "count", "7d", "different parties texted", _NONE, "A10"),
    Feature(
        "text_reply_share_7d",
        "contacts",
        "share",
        "7d",
        "parties texted that texted back",
        "nobody texted in the window",
        "A10",
    ),
)


def _pairs(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """One row per line and peer: counts per window, both ways, and whether they had contact before."""
    w1, w7, w28 = pl.col("w1"), pl.col("w7"), pl.col("w28")
    out, inn = pl.col("is_out"), pl.col("is_in")
    contact = out | inn | pl.col("is_sms_out") | pl.col("is_sms_in")
    return prepared.group_by("line_key", "peer_key").agg(
        out_1=count(out & w1),
        out_7=count(out & w7),
        out_28=count(out & w28),
        in_7=count(inn & w7),
        in_28=count(inn & w28),
        before_1=count(contact & ~w1),
        before_7=count(contact & ~w7),
        text_out_7=count(pl.col("is_sms_out") & w7),
        text_in_7=count(pl.col("is_sms_in") & w7),
        virtual=(pl.col("peer_kind") == "virtual").any(),
    )


def _by_pair(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    called_7, called_28 = c("out_7") > 0, c("out_28") > 0
    texted = c("text_out_7") > 0
    weight_log = pl.when(called_7).then(c("out_7") * c("out_7").cast(pl.Float64).log()).otherwise(0.0)
    # Sums of floats depend on the order of rows; pairs are sorted so that every runner adds in the same order.
    sums = (
        _pairs(prepared)
        .group_by("line_key")
        .agg(
            distinct_callees_count_24h=count(c("out_1") > 0),
            distinct_callees_count_7d=count(called_7),
            distinct_callees_count_28d=count(called_28),
            once_7=count(c("out_7") == 1),
            once_28=count(c("out_28") == 1),
            new_callees_count_24h=count((c("out_1") > 0) & (c("before_1") == 0)),
            new_callees_count_7d=count(called_7 & (c("before_7") == 0)),
            mutual_7=count(called_7 & (c("in_7") > 0)),
            mutual_28=count(called_28 & (c("in_28") > 0)),
            virtual_7=count(called_7 & c("virtual")),
            text_recipients_count_7d=count(texted),
            text_replies=count(texted & (c("text_in_7") > 0)),
            out_7=c("out_7").sum(),
            out_28=c("out_28").sum(),
            top_28=c("out_28").max(),
            weight_logs=weight_log.sort().sum(),
        )
    )
    return sums.select(
        "line_key",
        "distinct_callees_count_24h",
        "distinct_callees_count_7d",
        "distinct_callees_count_28d",
        "new_callees_count_24h",
        "new_callees_count_7d",
        "text_recipients_count_7d",
        one_shot_callee_share_7d=share(c("once_7"), c("distinct_callees_count_7d")),
        one_shot_callee_share_28d=share(c("once_28"), c("distinct_callees_count_28d")),
        new_callee_share_7d=share(c("new_callees_count_7d"), c("distinct_callees_count_7d")),
        reciprocal_callee_share_7d=share(c("mutual_7"), c("distinct_callees_count_7d")),
        reciprocal_callee_share_28d=share(c("mutual_28"), c("distinct_callees_count_28d")),
        callee_entropy_7d=entropy(c("weight_logs"), c("out_7"), c("distinct_callees_count_7d")),
        top_callee_share_28d=share(c("top_28"), c("out_28")),
        virtual_callee_share_7d=share(c("virtual_7"), c("distinct_callees_count_7d")),
        text_reply_share_7d=share(c("text_replies"), c("text_recipients_count_7d")),
    )


def _merged_redials(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Calls per callee after attempts to one callee within `REDIAL_S` of the one before are merged."""
    c = pl.col
    again = (
        (c("line_key") == c("line_key").shift())
        & (c("peer_key") == c("peer_key").shift())
        & (c("age_s").shift() - c("age_s") <= REDIAL_S)
    ).fill_null(value=False)
    return (
        prepared.filter(c("is_out"), c("w28"))
        .select("line_key", "peer_key", "age_s", "w7")
        .sort("line_key", "peer_key", "age_s", descending=[False, False, True])
        .with_columns(first=~again)
        .group_by("line_key", "peer_key")
        .agg(attempts_7=count(c("first") & c("w7")), attempts_28=count(c("first")))
        .group_by("line_key")
        .agg(
            calls_7=c("attempts_7").sum(),
            calls_28=c("attempts_28").sum(),
            callees_7=count(c("attempts_7") > 0),
            callees_28=count(c("attempts_28") > 0),
        )
        .select(
            "line_key",
            calls_per_callee_7d=share(c("calls_7"), c("callees_7")),
            calls_per_callee_28d=share(c("calls_28"), c("callees_28")),
        )
    )


STAGES = (Stage("line_key", _by_pair), Stage("line_key", _merged_redials))
