"""A plan that is written once runs on frame after frame."""

import gc
import weakref

import polars as pl
from polars.testing import assert_frame_equal

from linerisk.features.compiled_plans import Written


def test_every_run_sees_its_own_frames_and_the_plan_is_written_once() -> None:
    times = []

    def write(calls: pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
        times.append(1)
        counted = calls.group_by("line").agg(calls=pl.len().cast(pl.Int64))
        return lines.join(counted, on="line", how="left", maintain_order="left")

    written = Written(write)
    lines = pl.DataFrame({"line": [1, 2]})
    for called, counts in (([1, 1], [2, None]), ([2], [None, 1]), ([1, 2, 2], [1, 2])):
        got = written.run(pl.DataFrame({"line": called}), lines)
        assert_frame_equal(got, lines.with_columns(calls=pl.Series(counts, dtype=pl.Int64)))
    assert times == [1]


def test_a_slot_that_is_read_twice_gives_the_same_rows_twice() -> None:
    written = Written(lambda calls: pl.concat([calls.filter(pl.col("s") > 1), calls.filter(pl.col("s") > 2)]))
    assert written.run(pl.DataFrame({"s": [1, 2, 3]}))["s"].to_list() == [2, 3, 3]
    assert written.run(pl.DataFrame({"s": [5]}))["s"].to_list() == [5, 5]


def test_no_frame_outlives_its_run() -> None:
    written = Written(lambda calls: calls.select(pl.col("s").sum()))
    frame = pl.DataFrame({"s": [1, 2]})
    seen = weakref.ref(frame)
    assert written.run(frame).item() == 3
    del frame
    gc.collect()
    assert seen() is None
