"""Any feature table that somebody brings: what is read, what is refused and how, and what gives a label away."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linerisk.errors import InputError
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples
from linerisk.training.from_table import RANDOM_SPLIT, read_table, shortcut_columns, slices_from_table

Write = Callable[..., Path]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_numbers_are_features_and_the_id_and_the_label_are_not(table_file: Write, name: str) -> None:
    path = table_file(name, line_id=["a", "b"], calls=[3, 4], share=[0.5, None], prepaid=[True, False], y=[1, 0])
    table = read_table(path, label="y", id_column="line_id")
    assert [column.name for column in table.examples.columns][:2] == ["calls", "share"]
    assert table.examples.column("calls").tolist() == [3, 4]
    assert table.examples.column("share").tolist() == pytest.approx([0.5, float("nan")], nan_ok=True)
    assert table.examples.fraud.tolist() == [True, False]
    assert table.ids.to_list() == ["a", "b"]


def test_true_and_false_are_numbers_too(table_file: Write) -> None:
    table = read_table(table_file("t.parquet", prepaid=[True, False], y=[1, 0]), label="y")
    assert table.examples.rows.tolist() == [[1.0], [0.0]]


def test_text_is_left_out_with_a_notice(table_file: Write) -> None:
    table = read_table(
        table_file("t.csv", line_id=[1, 2], calls=[3, 4], fold=["train", "test"], y=[1, 0]),
        label="y",
        id_column="line_id",
    )
    assert [column.name for column in table.examples.columns] == ["calls"]
    assert table.notices == ("not a number, left out: fold",)


def test_a_table_of_numbers_only_gives_no_notice(table_file: Write) -> None:
    path = table_file("t.csv", line_id=[1, 2], calls=[3, 4], y=[1, 0])
    assert read_table(path, label="y", id_column="line_id").notices == ()


def test_a_table_without_an_id_gives_a_notice_with_candidate_columns(table_file: Write) -> None:
    (notice,) = read_table(table_file("t.csv", number=[8, 9, 10], calls=[4, 4, 5], y=[1, 0, 0]), label="y").notices
    assert notice.startswith("No --id was given: rows are numbered")
    assert notice.endswith("is no evidence of fraud: number. If it is one, give it as --id.")
    (notice,) = read_table(table_file("t.csv", share=[0.1, 0.2], y=[1, 0]), label="y").notices
    assert "may be an id" not in notice


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "null"])
def test_a_csv_may_write_missing_values_in_several_ways(table_file: Write, missing: str) -> None:
    table = read_table(table_file("t.csv", calls=["3", missing], more=[1, 2], y=[1, 0]), label="y")
    assert np.isnan(table.examples.column("calls")).tolist() == [False, True]


@pytest.mark.parametrize(
    ("fraud", "legitimate"),
    [(1, 0), (1.0, 0.0), (True, False), ("true", "false"), ("fraud", "legitimate"), ("Fraud", "LEGITIMATE")],
)
def test_labels_are_read_in_several_formats(table_file: Write, fraud: object, legitimate: object) -> None:
    path = table_file("t.parquet", calls=[1, 2, 3], y=[fraud, legitimate, fraud])
    assert read_table(path, label="y").examples.fraud.tolist() == [True, False, True]


def test_rows_without_an_id_are_named_by_their_number(table_file: Write) -> None:
    assert read_table(table_file("t.csv", calls=[3, 4], y=[1, 0]), label="y").ids.to_list() == ["0", "1"]


def test_leading_zeros_of_an_id_are_kept_where_the_file_has_them_as_text(table_file: Write) -> None:
    path = table_file("t.parquet", line_id=["007", "07"], calls=[3, 4], y=[1, 0])
    assert read_table(path, label="y", id_column="line_id").ids.to_list() == ["007", "07"]


def test_columns_of_the_catalogue_keep_their_family(table_file: Write) -> None:
    table = read_table(table_file("t.csv", tenure_days=[3, 4], mine=[1, 2], y=[1, 0]), label="y")
    assert [column.family for column in table.examples.columns] == ["tenure", "other"]


def test_names_in_chinese_are_names(table_file: Write) -> None:
    table = read_table(table_file("t.csv", 通话次数=[3, 4], y=[1, 0]), label="y")
    assert table.examples.columns[0].name == "通话次数"


def test_the_fingerprint_differs_between_files(table_file: Write) -> None:
    first = read_table(table_file("a.csv", calls=[3, 4], y=[1, 0]), label="y").fingerprint
    assert first == read_table(table_file("b.csv", calls=[3, 4], y=[1, 0]), label="y").fingerprint
    assert first != read_table(table_file("c.csv", calls=[3, 5], y=[1, 0]), label="y").fingerprint


# Refusals: each says what was wrong, what was expected, what was found -----------------------------------------------


def refused(path: Path, *, label: str = "y", **columns: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_table(path, label=label, **columns)
    assert caught.value.todo
    return caught.value


def test_no_such_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere.csv").found == "no file nowhere.csv"


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    path.write_text("x")
    error = refused(path)
    assert (error.expected, error.found) == (".parquet or .csv", ".xlsx")


def test_a_file_whose_content_does_not_match_its_suffix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_text("not parquet at all")
    assert refused(path).wrong == "table.parquet cannot be read"


def test_a_label_column_that_is_not_there_and_what_comes_near(table_file: Write) -> None:
    error = refused(table_file("t.csv", calls=[1], lable=[1]), label="label")
    assert error.wrong == "the table has no column 'label', which --label names"
    assert (error.field, error.found) == ("label", "calls, lable")
    assert error.todo == "give --label the name of a column, such as lable"


@pytest.mark.parametrize(
    ("option", "column"), [("id", "id_column"), ("time", "time_column"), ("group", "group_column")]
)
def test_a_column_that_is_not_there_is_named_with_its_option(table_file: Write, option: str, column: str) -> None:
    error = refused(table_file("t.csv", calls=[1], y=[1]), **{column: "elsewhere"})
    assert error.wrong == f"the table has no column 'elsewhere', which --{option} names"
    assert (error.expected, error.found) == ("one of its 2 columns", "calls, y")


def test_a_table_of_many_columns_is_not_listed_without_end(table_file: Write) -> None:
    many = {f"column_{number:03}": [1] for number in range(99)}
    found = refused(table_file("t.csv", **many, y=[1]), label="z").found
    assert str(found).endswith("column_059 and 40 more")


def test_names_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "head.csv"
    path.write_text("line_id,calls,y\n", encoding="utf-8")
    error = refused(path)
    assert (error.wrong, error.found) == ("head.csv has no rows", "the names alone: line_id, calls, y")


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (["2024-01-01", "spring", "spring"], "text that is no time in 2 of 3 rows, such as 'spring'"),
        ([202401, 202402, 202403], "numbers (Int64) such as 202401"),
        (["2024-01-01", None, "2024-01-02"], "1 empty of 3"),
    ],
)
def test_a_time_that_is_none(table_file: Write, times: list[str], found: str) -> None:
    error = refused(table_file("t.parquet", calls=[1, 2, 3], month=times, y=[1, 0, 0]), time_column="month")
    assert error.wrong == "column 'month', which --time names, is no time"
    assert (error.found, error.field) == (found, "month")
    assert "without --time rows are split at random" in str(error.todo)


def test_an_id_column_that_is_not_there(table_file: Write) -> None:
    error = refused(table_file("t.csv", calls=[1], y=[1]), id_column="line_id")
    assert (error.field, error.found) == ("line_id", "calls, y")


def test_an_id_in_two_rows(table_file: Write) -> None:
    path = table_file("t.csv", line_id=["a", "b", "a"], calls=[1, 2, 3], y=[1, 0, 1])
    error = refused(path, id_column="line_id")
    assert (error.found, error.field) == ("1 rows too many", "line_id")


@pytest.mark.parametrize(("bad", "example"), [(2, "'2'"), (None, "None")])
def test_a_label_that_is_neither(table_file: Write, bad: object, example: str) -> None:
    error = refused(table_file("t.parquet", calls=[1, 2], y=[1, bad]))
    assert (error.found, error.field) == (f"1 rows such as {example}", "y")


def test_a_table_without_numbers(table_file: Write) -> None:
    error = refused(table_file("t.csv", fold=["train"], y=[1]))
    assert (error.wrong, error.found) == ("the table has no feature", "columns of text: fold")


def test_a_table_of_a_label_only(table_file: Write) -> None:
    assert refused(table_file("t.csv", y=[1])).found == "no other column"


@pytest.mark.parametrize("name", ["calls out", "calls:out", 'the "calls"', "calls[7]", "a,b", "{calls}", "calls\nout"])
def test_a_name_that_trees_cannot_keep(table_file: Write, name: str) -> None:
    error = refused(table_file("t.parquet", **{name: [1, 2]}, y=[1, 0]))
    assert (error.field, error.found) == (name, repr(name))


# The split: random, by row, with a notice ----------------------------------------------------------------------------


def test_the_split_is_random_and_has_a_notice(table_file: Write) -> None:
    path = table_file("t.csv", line_id=list(range(1_000)), calls=list(range(1_000)), y=[0, 1] * 500)
    table = read_table(path, label="y", id_column="line_id")
    slices = slices_from_table(table, seed=1)
    assert slices.how == RANDOM_SPLIT == "random split, not point in time"
    assert [len(part) for part in (slices.train, slices.calibration, slices.test)] == [400, 300, 300]
    keys = np.concatenate([part.line_key for part in (slices.train, slices.calibration, slices.test)])
    assert sorted(keys.tolist()) == list(range(1_000))
    again, other = slices_from_table(table, seed=1), slices_from_table(table, seed=2)
    assert again.test.line_key.tolist() == slices.test.line_key.tolist() != other.test.line_key.tolist()


# Shortcuts: a column that is missing for one kind only says how the table was collected ------------------------------


def missing_for(
    *, fraud: int, legitimate: int, names: tuple[str, ...] = ("bill_sum", "bill_mean", "calls")
) -> Examples:
    """500 frauds and 500 legitimate rows; the first column is missing for some of each."""
    names = ("bill_sum", "bill_mean", "calls")
    rows = np.ones((1_000, len(names)), dtype=np.float32)
    rows[:fraud, 0] = np.nan
    rows[500 : 500 + legitimate, 0] = np.nan
    return Examples(
        columns=tuple(FeatureColumn(name, "other") for name in names),
        rows=rows,
        fraud=np.arange(1_000) < 500,
        line_key=np.arange(1_000),
    )


def test_a_column_that_only_fraud_lacks_is_a_shortcut() -> None:
    shortcut = shortcut_columns(missing_for(fraud=140, legitimate=0))
    assert (shortcut.columns, shortcut.rows, shortcut.fraud) == (("bill_sum",), 140, True)


def test_its_sisters_from_the_same_source_go_with_it() -> None:
    assert shortcut_columns(missing_for(fraud=140, legitimate=0)).family == ("bill_sum", "bill_mean")


def test_a_column_that_only_legitimate_rows_lack_is_one_too() -> None:
    shortcut = shortcut_columns(missing_for(fraud=0, legitimate=80))
    assert (shortcut.columns, shortcut.rows, shortcut.fraud) == (("bill_sum",), 80, False)


def test_a_single_exception_in_two_hundred_does_not_hide_it() -> None:
    assert shortcut_columns(missing_for(fraud=199, legitimate=1)).columns == ("bill_sum",)


@pytest.mark.parametrize(("fraud", "legitimate"), [(100, 100), (95, 5), (49, 0), (0, 0)])
def test_missing_for_both_kinds_or_for_few_rows_is_none(fraud: int, legitimate: int) -> None:
    shortcut = shortcut_columns(missing_for(fraud=fraud, legitimate=legitimate))
    assert (shortcut.columns, shortcut.family, shortcut.rows) == ((), (), 0)
