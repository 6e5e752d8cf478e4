"""`positions` of many keys equals a look-up of each key."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.features.reference import positions


@pytest.mark.parametrize("number", [1, 999, 1_001, 30_000])
@given(seed=st.integers(0, 2**32 - 1), known=st.sets(st.integers(0, 60), max_size=40))
def test_positions_of_many_keys_equal_single_look_ups(number: int, seed: int, known: set[int]) -> None:
    table = np.array(sorted(known), dtype=np.int64)
    keys = np.random.default_rng(seed).integers(-2, 63, number)
    at = {key: row for row, key in enumerate(table.tolist())}
    assert positions(table, keys).tolist() == [at.get(key, -1) for key in keys.tolist()]
