"""`keys_of_frame` gives each id the key of a single look-up, for recurring, rare and missing ids."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.tables.identity import key_of_id, keys_of_frame

SECRET = b"a secret of sixteen bytes or more"
FEW = st.sampled_from(["a", "b", "007", "", "号码", None])
MANY = st.text(max_size=6) | st.none()


@pytest.mark.parametrize("times", [1, 200])
@given(given_rows=st.lists(st.tuples(FEW, FEW, MANY, st.none()), max_size=40))
def test_keys_of_a_frame_equal_single_look_ups(times: int, given_rows: list[tuple[str | None, ...]]) -> None:
    rows = given_rows * times
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abcd", pl.String), orient="row")
    found = keys_of_frame(frame, {name: f"{name}_key" for name in "abcd"}, secret=SECRET)
    alone = [tuple(None if cell is None else key_of_id(cell, secret=SECRET) for cell in row) for row in given_rows]
    assert found.schema == dict.fromkeys(["a_key", "b_key", "c_key", "d_key"], pl.Int64)
    assert found.rows() == alone * times


@pytest.mark.parametrize("times", [1, 200])
@given(few=st.lists(st.integers(-3, 3) | st.none(), max_size=40))
def test_whole_numbers_have_the_keys_of_their_text(times: int, few: list[int | None]) -> None:
    numbers = few * times
    found = keys_of_frame(pl.DataFrame({"a": pl.Series(numbers, dtype=pl.Int64)}), {"a": "key"}, secret=SECRET)["key"]
    alone = [None if number is None else key_of_id(number, secret=SECRET) for number in few]
    assert found.to_list() == alone * times
