"""pandas: the chosen features, hand-written: vectorised flags, groups by party, hour, day and cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from chosen import AS_OF, CHOSEN, TIME_ZONE

DAY_S = 86_400
REDIAL_S = 1800
COLUMNS = (
    "line_key",
    "peer_key",
    "record_type",
    "started_at",
    "received_at",
    "duration_s",
    "answered",
    "peer_area",
    "visited_area",
    "cell_key",
    "device_key",
)


def frames(store: Path) -> pl.DataFrame:
    """The chosen features of every line."""
    home = _home(store)
    seen = _seen(store, home)
    calls = seen[seen["is_out"] & seen["w28"]]
    parts = (_by_party(seen), _by_callee(calls), _by_time(seen, calls), _by_place(seen, calls), _by_device(seen))
    features = pd.concat(parts, axis=1).reindex(home.index.union(pd.Index(seen["line_key"].unique())).sort_values())
    named = {name: features[name].to_numpy(dtype=np.float64) for name in CHOSEN}
    return pl.DataFrame({"line_key": features.index.to_numpy(), **named}).with_columns(pl.col(CHOSEN).fill_nan(None))


def _home(store: Path) -> pd.Series:
    """Home prefecture per line, as last known."""
    files = sorted(store.glob("tables/accounts*.parquet"))
    accounts = pd.read_parquet(files, columns=["line_key", "known_at", "home_area"])
    known = accounts[accounts["known_at"] <= AS_OF].sort_values("known_at")
    return known.groupby("line_key")["home_area"].last() // 100


def _seen(store: Path, home: pd.Series) -> pd.DataFrame:
    records = pd.read_parquet(sorted(store.glob("days/*.parquet")), columns=list(COLUMNS))
    age = (AS_OF - records["started_at"]).dt.total_seconds() // 1
    keep = (age >= 0) & (records["started_at"] > AS_OF - pd.Timedelta(days=56)) & (records["received_at"] <= AS_OF)
    records = records[keep].assign(age_s=age[keep].astype("int32")).drop(columns="received_at")
    kind = records["record_type"].astype("category")
    records["is_out"], records["is_in"] = kind == "call_out", kind == "call_in"
    records["is_text"], records["is_contact"] = kind == "sms_out", kind != "call_forwarded"
    answered = records["answered"].astype("boolean").fillna(records["duration_s"] > 0).astype(bool)
    records["is_talk"] = records["is_out"] & answered
    for days in (1, 7, 28):
        records[f"w{days}"] = records["age_s"] < days * DAY_S
    records["home"] = records["line_key"].map(home)
    for area in ("peer_area", "visited_area"):
        records[area] //= 100
    return records.drop(columns=["record_type", "answered"])


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _by_party(seen: pd.DataFrame) -> pd.DataFrame:
    out, talk, w1, w7, w28 = (seen[name] for name in ("is_out", "is_talk", "w1", "w7", "w28"))
    hour = seen["started_at"].dt.tz_convert(TIME_ZONE).dt.hour
    flags = pd.DataFrame(
        {
            "line_key": seen["line_key"],
            "peer_key": seen["peer_key"],
            "out_1": out & w1,
            "out_7": out & w7,
            "out_28": out & w28,
            "in_28": seen["is_in"] & w28,
            "before_7": seen["is_contact"] & ~w7,
            "talks_7": talk & w7,
            "talks_28": talk & w28,
            "short_7": talk & w7 & (seen["duration_s"] <= 10),  # noqa: PLR2004 - as the catalogue says
            "long_28": talk & w28 & (seen["duration_s"] >= 180),  # noqa: PLR2004
            "talk_s_28": seen["duration_s"] * (talk & w28),
            "texts_7": seen["is_text"] & w7,
            "night_7": out & w7 & ((hour >= 23) | (hour < 6)),  # noqa: PLR2004
        }
    )
    party = flags.groupby(["line_key", "peer_key"], sort=False).sum()
    for days in (1, 7, 28):
        party[f"called_{days}"] = party[f"out_{days}"] > 0
    party["new_7"] = party["called_7"] & (party["before_7"] == 0)
    party["mutual_28"] = party["called_28"] & (party["in_28"] > 0)
    line = party.groupby("line_key").sum()
    return pd.DataFrame(
        {
            "out_calls_count_24h": line["out_1"],
            "out_calls_count_7d": line["out_7"],
            "out_calls_count_28d": line["out_28"],
            "in_calls_count_28d": line["in_28"],
            "out_call_share_28d": _share(line["out_28"], line["out_28"] + line["in_28"]),
            "short_call_share_7d": _share(line["short_7"], line["talks_7"]),
            "long_call_share_28d": _share(line["long_28"], line["talks_28"]),
            "mean_call_duration_s_28d": _share(line["talk_s_28"], line["talks_28"]),
            "out_texts_count_7d": line["texts_7"],
            "distinct_callees_count_24h": line["called_1"],
            "distinct_callees_count_7d": line["called_7"],
            "distinct_callees_count_28d": line["called_28"],
            "new_callees_count_7d": line["new_7"],
            "new_callee_share_7d": _share(line["new_7"], line["called_7"]),
            "reciprocal_callee_share_28d": _share(line["mutual_28"], line["called_28"]),
            "night_call_share_7d": _share(line["night_7"], line["out_7"]),
        }
    )


def _by_callee(calls: pd.DataFrame) -> pd.DataFrame:
    """Attempts, redials merged: one begins with a call, or goes on into the window from before it."""
    ordered = calls[["line_key", "peer_key", "age_s", "w7"]].sort_values(
        ["line_key", "peer_key", "age_s"], ascending=[True, True, False]
    )
    same = (ordered["line_key"] == ordered["line_key"].shift()) & (ordered["peer_key"] == ordered["peer_key"].shift())
    before = ordered["age_s"].shift()
    begins = ~same | (before - ordered["age_s"] > REDIAL_S)
    attempts = ordered[["line_key", "peer_key"]].assign(
        calls_28=begins, calls_7=ordered["w7"] & (begins | (before >= 7 * DAY_S))
    )
    callee = attempts.groupby(["line_key", "peer_key"], sort=False).sum().reset_index("peer_key", drop=True)
    callee["once_28"], callee["called_7"] = callee["calls_28"] == 1, callee["calls_7"] > 0
    callee["weight_log_7"] = callee["calls_7"] * np.log(callee["calls_7"].clip(lower=1))
    grouped = callee.groupby("line_key")
    line = grouped.sum()
    entropy = np.log(line["calls_7"].where(line["calls_7"] > 0)) - line["weight_log_7"] / line["calls_7"]
    return pd.DataFrame(
        {
            "calls_per_callee_7d": _share(line["calls_7"], line["called_7"]),
            "one_shot_callee_share_28d": line["once_28"] / grouped.size(),
            "top_callee_share_28d": grouped["calls_28"].max() / line["calls_28"],
            "callee_entropy_7d": entropy / np.log(line["called_7"].where(line["called_7"] > 1)),
        }
    )


def _by_time(seen: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    week = calls[calls["w7"]]
    hours = week.groupby(["line_key", week["age_s"] // 3600], sort=False).size()
    both = seen[(seen["is_out"] | seen["is_in"]) & seen["w28"]]
    days = both.groupby(["line_key", both["age_s"] // DAY_S], sort=False)[["is_out", "is_in"]].sum()
    ordered = week[["line_key", "age_s"]].sort_values(["line_key", "age_s"], ascending=[True, False])
    gap = (ordered["age_s"].shift() - ordered["age_s"]).where(ordered["line_key"] == ordered["line_key"].shift())
    busy_without_in = (days["is_out"] >= 10) & (days["is_in"] == 0)  # noqa: PLR2004
    return pd.DataFrame(
        {
            "max_out_calls_count_1h_7d": hours.groupby("line_key").max(),
            "active_days_count_28d": days.groupby("line_key").size(),
            "zero_in_days_count_28d": busy_without_in.groupby("line_key").sum(),
            "mean_gap_s_7d": gap.where(gap <= DAY_S).groupby(ordered["line_key"]).mean(),
        }
    )


def _by_place(seen: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    week = calls[calls["w7"]].dropna(subset=["peer_area", "home", "visited_area"])
    town = (week["peer_area"] != week["home"]) & (week["peer_area"] != week["visited_area"])
    used = seen[seen["w7"]].dropna(subset=["cell_key"]).groupby(["line_key", "cell_key"], sort=False).size()
    cells = used.groupby("line_key")
    return pd.DataFrame(
        {
            "out_of_town_share_7d": town.groupby(week["line_key"]).mean(),
            "distinct_cells_count_7d": cells.size(),
            "main_cell_share_7d": cells.max() / cells.sum(),
        }
    )


def _by_device(seen: pd.DataFrame) -> pd.DataFrame:
    named = seen.loc[seen["w28"], ["line_key", "device_key"]].dropna().drop_duplicates()
    return named.groupby("line_key").size().to_frame("distinct_devices_count_28d")
