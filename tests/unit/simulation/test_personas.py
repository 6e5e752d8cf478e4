"""Personas and frauds differ in their records as they do in reality."""

from __future__ import annotations

import polars as pl
import pytest

c = pl.col
OUT, IN = c("record_type") == "call_out", c("record_type") == "call_in"


@pytest.fixture(scope="module")
def lines(records: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row per line with the features that separate personas."""
    per_line = records.group_by("line_id").agg(
        out=OUT.sum(),
        inn=IN.sum(),
        callees=c("peer_id").filter(OUT).n_unique(),
        answered=c("answered").filter(OUT).mean(),
        town=(c("peer_area") != c("visited_area")).filter(OUT).mean(),
        cells=c("cell_id").n_unique(),
    )
    return truth.join(per_line, on="line_id", how="left").with_columns(c("out", "inn").fill_null(0))


def median(frame: pl.DataFrame, value: pl.Expr) -> float:
    return float(frame.select(value.alias("value")).drop_nulls()["value"].median())


def test_heavy_legal_callers_overlap_the_frauds_in_volume(records: pl.DataFrame, truth: pl.DataFrame) -> None:
    days = records.filter(OUT).group_by("line_id", c("started_at").dt.date().alias("day")).len()
    days = days.join(truth, on="line_id")
    busy = days.filter(c("len") >= 30)
    assert busy.filter(~c("is_fraud"))["line_id"].n_unique() > 3 * busy.filter("is_fraud")["line_id"].n_unique()


def test_couriers_differ_from_boxes_in_mobility_and_local_calls(lines: pl.DataFrame) -> None:
    courier, box = lines.filter(c("persona") == "courier"), lines.filter(c("persona") == "goip")
    assert median(courier, c("out") / c("callees")) < 1.6
    assert median(courier, c("town")) < 0.3
    assert median(box, c("town")) > 0.7
    assert median(courier, c("cells")) > 10
    assert median(box, c("cells")) < 5


def test_a_redialler_repeats_one_number_and_is_rarely_answered(lines: pl.DataFrame) -> None:
    redialler = lines.filter(c("persona") == "redialler")
    assert median(redialler, c("out") / c("callees")) > 5
    assert median(redialler, c("answered")) < 0.3


def test_a_reception_has_mostly_incoming_calls(lines: pl.DataFrame) -> None:
    reception = lines.filter(c("persona") == "reception")
    assert median(reception, c("inn") / (c("out") + c("inn"))) > 0.6


def test_boxes_share_a_cell_and_devices(records: pl.DataFrame, truth: pl.DataFrame) -> None:
    box = truth.filter(c("persona") == "goip", c("life").is_null())
    joined = records.join(box, on="line_id")
    shared = joined.group_by("device_id").agg(lines=c("line_id").n_unique())["lines"].max()
    cells = joined.group_by("cell_id").agg(lines=c("line_id").n_unique())["lines"].max()
    assert shared >= 3
    assert cells >= 3


def test_call_hours_follow_local_time(records: pl.DataFrame) -> None:
    local = c("started_at").dt.convert_time_zone("Asia/Shanghai").dt.hour()
    hours = records.filter(OUT).group_by(local.alias("hour")).len().sort("hour")["len"]
    share = (hours / hours.sum()).to_list()
    assert sum(share[9:20]) > 0.7
    assert sum(share[1:6]) < 0.03


def test_some_rows_reach_the_platform_days_late(records: pl.DataFrame) -> None:
    wait = (c("received_at") - c("started_at") - pl.duration(seconds=c("duration_s"))).dt.total_hours()
    hours = records.select(wait.alias("hours"))["hours"]
    assert 0.005 < (hours >= 12).mean() < 0.06
    assert hours.max() < 24 * 8


def test_sequential_dialling_is_visible_in_number_blocks(records: pl.DataFrame, truth: pl.DataFrame) -> None:
    follows = (c("peer_block") == c("peer_block").shift()) & (c("peer_id") != c("peer_id").shift())
    swept = (
        records.filter(OUT)
        .sort("line_id", "started_at")
        .with_columns(swept=follows & (c("line_id") == c("line_id").shift()))
        .join(truth, on="line_id")
        .group_by("persona")
        .agg(c("swept").mean())
    )
    share = dict(swept.iter_rows())
    assert share["burst_dialler"] > 0.03 > share["ordinary"]
