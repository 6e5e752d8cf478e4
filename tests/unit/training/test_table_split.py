"""Somebody's table in slices: by time where it has one, and no group in two."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from linerisk.errors import EvidenceError, InputError
from linerisk.training.examples import Examples
from linerisk.training.from_table import FeatureTable, read_table, slices_from_table
from linerisk.training.table_split import LEFT_OUT, latest_of_each, split_by_group, split_by_time

Write = Callable[..., Path]


def days(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array([np.datetime64("2024-01-01", "us") + np.timedelta64(number, "D") for number in numbers])


def test_the_earliest_rows_train_and_the_latest_test() -> None:
    at = days(9, 0, 1, 2, 3, 4, 5, 6, 7, 8)
    assert split_by_time(at, None, seed=1).tolist() == [2, 0, 0, 0, 0, 1, 1, 1, 2, 2]


def test_rows_of_one_instant_stay_together() -> None:
    at = days(0, 0, 0, 1, 1, 1, 1, 2, 2, 2)
    assigned = split_by_time(at, None, seed=1)
    for instant in np.unique(at):
        assert len(set(assigned[at == instant].tolist())) == 1


@pytest.mark.parametrize("at", [days(*[0] * 10), days(*[0] * 9, 1), days(0, 1)])
def test_times_that_make_no_three_periods_are_refused(at: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> None:
    with pytest.raises(EvidenceError, match="three periods"):
        split_by_time(at, None, seed=1)


def test_a_group_within_one_period_stays_whole_in_its_slice() -> None:
    at = days(*range(10))
    group = np.array([0, 0, 1, 1, 2, 2, 3, 4, 4, 5])
    assert split_by_time(at, group, seed=1).tolist() == split_by_time(at, None, seed=1).tolist()


def test_a_group_that_spans_periods_is_in_one_slice_and_its_other_rows_are_left_out() -> None:
    rng = np.random.default_rng(0)
    at, group = days(*rng.integers(0, 100, 3_000)), rng.integers(0, 300, 3_000)
    assigned = split_by_time(at, group, seed=1)
    for each in range(300):
        assert len(set(assigned[group == each].tolist()) - {LEFT_OUT}) <= 1
    train, calibration, test = (at[assigned == number] for number in range(3))
    assert train.max() < calibration.min() <= calibration.max() < test.min()
    assert min(len(train), len(calibration), len(test)) > 100


def test_without_times_whole_groups_are_assigned_at_random() -> None:
    group = np.repeat(np.arange(1_000), 3)
    assigned = split_by_group(group, seed=1)
    assert (assigned.reshape(-1, 3) == assigned[::3, None]).all()
    assert np.bincount(assigned).tolist() == [1_200, 900, 900]
    assert assigned.tolist() == split_by_group(group, seed=1).tolist() != split_by_group(group, seed=2).tolist()


def test_of_each_line_the_latest_row_is_kept() -> None:
    line, at = np.array([1, 2, 1, 2, 3]), days(5, 1, 4, 9, 0)
    assert latest_of_each(line, at).tolist() == [True, False, False, True, True]


# Through a table -----------------------------------------------------------------------------------------------------


@pytest.fixture
def panel(table_file: Write) -> FeatureTable:
    """300 lines of 100 holders, each at ten month's ends."""
    rows = [(line, month) for line in range(300) for month in range(1, 11)]
    path = table_file(
        "panel.parquet",
        line_id=[f"l{line}" for line, _ in rows],
        holder=[f"h{line // 3}" for line, _ in rows],
        month=[date(2024, month, 28) for _, month in rows],
        calls=[float(line * month) for line, month in rows],
        y=[line % 2 for line, _ in rows],
    )
    return read_table(path, label="y", id_column="line_id", time_column="month", group_column="holder")


def test_a_panel_is_split_by_time_with_no_holder_in_two_slices(panel: FeatureTable) -> None:
    slices = slices_from_table(panel, seed=1)
    parts: list[Examples] = [slices.train, slices.calibration, slices.test]
    holders = [set((part.column("calls") * 0 + part.line_key).astype(int).tolist()) for part in parts]
    assert not holders[0] & holders[1]
    assert not holders[1] & holders[2]
    assert not holders[0] & holders[2]
    instants = [part.as_of for part in parts if part.as_of is not None]
    assert instants[0].max() < instants[1].min() <= instants[1].max() < instants[2].min()
    assert slices.how.startswith("split by time, month: trained, calibrated, tested up to 2024-04-28 .. 2024-07-28 ..")
    assert "no holder in two slices" in slices.how
    assert "rows left out whose holder is in another slice" in slices.how


def test_calibration_and_test_count_a_line_once_at_its_latest(panel: FeatureTable) -> None:
    slices = slices_from_table(panel, seed=1)
    for part in (slices.calibration, slices.test):
        assert len(np.unique(part.line_key)) == len(part)
    assert slices.test.as_of is not None
    assert set(slices.test.as_of.astype("datetime64[D]").tolist()) == {date(2024, 10, 28)}
    assert len(np.unique(slices.train.line_key)) < len(slices.train)


def test_time_and_group_are_no_features(panel: FeatureTable) -> None:
    assert [column.name for column in panel.examples.columns] == ["calls"]


def test_a_line_at_several_times_is_a_group_of_its_own(table_file: Write) -> None:
    path = table_file(
        "t.csv", line=["a", "a", "b"], at=["2024-01-01", "2024-02-01", "2024-01-01"], x=[1, 2, 3], y=[0, 1, 0]
    )
    table = read_table(path, label="y", id_column="line", time_column="at")
    assert table.group is not None
    assert table.group.tolist() == [0, 0, 1]
    assert table.group_column == "line"


@pytest.mark.parametrize(
    "values",
    [
        [date(2024, 7, 1), date(2024, 7, 2)],
        [datetime(2024, 7, 1), datetime(2024, 7, 2)],  # noqa: DTZ001 - as tables have them
        ["2024-07-01", "2024-07-02T00:00:00Z"],
        ["2024-07-01T08:00:00+08:00", "2024-07-02"],
    ],
)
def test_times_are_read_in_several_formats(table_file: Write, values: list[object]) -> None:
    at = read_table(table_file("t.parquet", at=values, x=[1, 2], y=[0, 1]), label="y", time_column="at").examples.as_of
    assert at is not None
    assert at.astype("datetime64[s]").tolist() == [datetime(2024, 7, 1), datetime(2024, 7, 2)]  # noqa: DTZ001


@pytest.mark.parametrize("values", [["soon", "later"], [1.5, 2.5], [date(2024, 7, 1), None], ["2024-07-01", None]])
def test_a_column_that_holds_no_time_is_refused(table_file: Write, values: list[object]) -> None:
    with pytest.raises(InputError) as refused:
        read_table(table_file("t.parquet", at=values, x=[1, 2], y=[0, 1]), label="y", time_column="at")
    assert (refused.value.wrong, refused.value.field) == ("column 'at', which --time names, is no time", "at")


def test_a_line_twice_at_one_time_is_refused(table_file: Write) -> None:
    path = table_file("t.csv", line=["a", "a"], at=["2024-01-01", "2024-01-01"], x=[1, 2], y=[0, 1])
    with pytest.raises(InputError, match="in several rows of one time"):
        read_table(path, label="y", id_column="line", time_column="at")


def test_a_row_without_a_group_is_refused(table_file: Write) -> None:
    path = table_file("t.parquet", holder=["h", None], x=[1, 2], y=[0, 1])
    with pytest.raises(InputError, match="a row has no group"):
        read_table(path, label="y", group_column="holder")


def test_a_line_in_two_groups_is_refused(table_file: Write) -> None:
    path = table_file("t.csv", line=["a", "a"], at=["2024-01-01", "2024-01-02"], holder=["h", "k"], x=[1, 2], y=[0, 1])
    with pytest.raises(InputError, match="in more than one group"):
        read_table(path, label="y", id_column="line", time_column="at", group_column="holder")
