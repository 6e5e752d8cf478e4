"""Rows to learn from: taking some, leaving columns out, typical values, and slices too small to use."""

import numpy as np
import pytest

from linerisk.errors import EvidenceError
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Slices

NAN = float("nan")


def examples(rows: list[list[float]], fraud: list[int]) -> Examples:
    return Examples(
        columns=tuple(FeatureColumn(f"c{i}", "other") for i in range(len(rows[0]))),
        rows=np.array(rows, dtype=np.float32),
        fraud=np.array(fraud, dtype=np.bool_),
        line_key=np.arange(len(rows)),
    )


def of(fraud: int, legitimate: int) -> Examples:
    return examples([[0.0]] * (fraud + legitimate), [1] * fraud + [0] * legitimate)


def test_taking_rows_keeps_them_together_with_their_outcomes() -> None:
    taken = examples([[1, 2], [3, 4], [5, 6]], [1, 0, 1]).take(np.array([False, True, True]))
    assert taken.rows.tolist() == [[3, 4], [5, 6]]
    assert taken.fraud.tolist() == [False, True]
    assert taken.line_key.tolist() == [1, 2]
    assert len(taken) == 2


def test_leaving_columns_out_keeps_names_and_values_together() -> None:
    left = examples([[1, 2, 3]], [1]).without(np.array([False, True, False]))
    assert [column.name for column in left.columns] == ["c0", "c2"]
    assert left.column("c2").tolist() == [3]


def test_prevalence_is_the_share_of_fraud() -> None:
    assert of(1, 3).prevalence == 0.25
    assert of(1, 3).take(np.zeros(4, dtype=np.bool_)).prevalence == 0.0


def test_a_typical_value_is_the_median_of_legitimate_rows() -> None:
    rows = [[1.0], [3.0], [10.0], [NAN], [1000.0]]
    assert examples(rows, [0, 0, 0, 0, 1]).legitimate_column_medians()[0].typical == 3.0


def test_a_column_that_legitimate_rows_lack_has_no_typical_value() -> None:
    columns = examples([[NAN, 1.0], [NAN, 2.0], [5.0, 3.0]], [0, 0, 1]).legitimate_column_medians()
    assert [column.typical for column in columns] == [None, 1.5]


def test_an_infinite_value_is_no_typical_value() -> None:
    rows = [[float("inf")], [float("inf")], [2.0]]
    assert examples(rows, [0, 0, 0]).legitimate_column_medians()[0].typical == 2.0


@pytest.mark.parametrize("small", ["training", "calibration", "test"])
@pytest.mark.parametrize(("fraud", "legitimate"), [(9, 50), (50, 9)])
def test_a_slice_with_too_few_of_either_kind_is_refused_by_name(small: str, fraud: int, legitimate: int) -> None:
    parts = {name: of(20, 20) for name in ("training", "calibration", "test")} | {small: of(fraud, legitimate)}
    slices = Slices(parts["training"], parts["calibration"], parts["test"], "by hand")
    with pytest.raises(EvidenceError) as refused:
        slices.check()
    assert refused.value.wrong == f"the {small} slice is too small"
    assert refused.value.found == f"{fraud} fraud of {fraud + legitimate}"


def test_slices_with_ten_of_each_kind_are_accepted() -> None:
    Slices(of(10, 10), of(10, 10), of(10, 10), "by hand").check()
