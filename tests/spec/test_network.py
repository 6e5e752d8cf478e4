"""Network: number blocks dialled through, and busy lines on one cell."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "A sweep goes on within a block of 100 numbers: two of three calls after another one do.",
        {"same_block_callee_share_7d": 0.666667},
        """
        ago | peer | block
        5m  | n1   | b1
        4m  | n2   | b1
        3m  | n3   | b1
        2m  | x    | b9
        """,
    ),
    Spec(
        "To redial the same number is no sweep.",
        {"same_block_callee_share_7d": 0},
        """
        ago | peer | block
        5m  | n1   | b1
        4m  | n1   | b1
        """,
    ),
    Spec(
        "Calls whose block is not recorded are stepped over; a call in between comes from somebody else.",
        {"same_block_callee_share_7d": 1},
        """
        ago | record_type | peer | block
        5m  | call_out    | n1   | b1
        4m  | call_out    | ann  | -
        3m  | call_in     | bob  | b7
        2m  | call_out    | n2   | b1
        """,
    ),
    Spec(
        "A single call follows none.",
        {"same_block_callee_share_7d": None},
        """
        ago | block
        5m  | b1
        """,
    ),
    Spec(
        "Three lines with 50 calls on one cell; a fourth with 49 is not busy there.",
        {"busy_lines_per_cell_count_7d": 3},
        """
        line | ago | cell | times
        me   | 1h  | here | 50
        sim2 | 2d  | here | 50
        sim3 | 6d  | here | 90
        sim4 | 1d  | here | 49
        sim5 | 9d  | here | 90
        """,
    ),
    Spec(
        "A quiet line on a cell full of busy ones is not one of them.",
        {"busy_lines_per_cell_count_7d": 0},
        """
        line | ago | cell | times
        me   | 1h  | here | 49
        sim2 | 2d  | here | 50
        sim3 | 6d  | here | 90
        """,
    ),
    Spec(
        "A busy line alone on its cell.",
        {"busy_lines_per_cell_count_7d": 1},
        """
        line | ago | record_type | cell  | times
        me   | 1h  | call_out    | here  | 50
        sim2 | 1h  | call_out    | there | 50
        sim3 | 1h  | call_in     | here  | 50
        """,
    ),
    Spec(
        "Two calls go on in the block after n1, then one after x: the longest run is two; today it was one.",
        {"longest_sweep_count_24h": 1, "longest_sweep_count_7d": 2, "same_block_callee_share_24h": 1},
        """
        ago  | peer | block
        30h  | n1   | b1
        29h  | n2   | b1
        28h  | n3   | b1
        5m   | x    | b9
        4m   | y    | b9
        """,
    ),
    Spec(
        "Calls without a sweep, and none whose block is recorded today.",
        {"longest_sweep_count_7d": 0, "longest_sweep_count_24h": None, "same_block_callee_share_24h": None},
        """
        ago | peer | block
        30h | n1   | b1
        29h | x    | b9
        """,
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
