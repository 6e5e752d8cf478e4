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
    Spec(
        "A line was found: of three numbers called it had contact with two, with one alone (1), with one beside a "
        "third line (1 / log2 3).",
        {
            "found_line_shared_callee_count_7d": 2,
            "found_line_shared_callee_share_28d": 0.666667,
            "found_line_shared_callee_weight_7d": 1.63093,
            "found_line_shared_callee_weight_28d": 1.63093,
        },
        """
        line | ago | record_type | peer
        me   | 1d  | call_out    | ann
        me   | 1d  | call_out    | bob
        me   | 1d  | call_out    | cleo
        old  | 40d | call_out    | ann
        old  | 41d | sms_in      | bob
        joe  | 9d  | call_in     | bob
        """,
        labels="""
        line | source | ago | known
        old  | police | 40d | 35d
        """,
    ),
    Spec(
        "The last 28 days of a found line count, back from its last record; what came before does not, nor a "
        "forwarded call.",
        {"found_line_shared_callee_count_7d": 1, "found_line_shared_callee_weight_28d": 2},
        """
        line | ago | record_type    | peer
        me   | 1d  | call_out       | ann
        me   | 1d  | call_out       | bob
        me   | 1d  | call_out       | cleo
        me   | 9d  | call_out       | dan
        old  | 40d | call_out       | ann
        old  | 60d | call_out       | dan
        old  | 68d | call_out       | bob
        old  | 41d | call_forwarded | cleo
        """,
        labels="""
        line | source | ago | known
        old  | police | 40d | 35d
        """,
    ),
    Spec(
        "A finding counts for 90 days, from when it is known, until a person takes it back.",
        {"found_line_shared_callee_count_7d": 0, "found_line_contacts_count_28d": 0},
        """
        line  | ago | peer
        me    | 1d  | ann
        me    | 1d  | long
        me    | 1d  | wrong
        long  | 95d | ann
        wrong | 20d | ann
        """,
        labels="""
        line  | label      | source          | ago | known
        long  | fraud      | police          | 90d | 80d
        wrong | fraud      | complaint       | 20d | 15d
        wrong | legitimate | dispute_cleared | 20d | 10d
        """,
    ),
    Spec(
        "Calls and texts with found lines, either way; a line is not its own neighbour.",
        {"found_line_contacts_count_28d": 2, "found_line_shared_callee_count_7d": 0},
        """
        line | ago | record_type | peer
        me   | 1d  | call_out    | old
        me   | 2d  | sms_in      | bad
        me   | 29d | call_out    | worse
        me   | 1d  | call_out    | ann
        me   | 1d  | call_out    | me
        """,
        labels="""
        line  | source    | ago | known
        old   | police    | 40d | 35d
        bad   | complaint | 10d | 3d
        worse | police    | 40d | 35d
        me    | complaint | 10d | 3d
        """,
    ),
    Spec(
        "Nobody called, and then without a reference.",
        {"found_line_shared_callee_count_7d": 0, "found_line_shared_callee_share_28d": None},
        """
        line | ago | record_type | peer
        me   | 1d  | call_in     | ann
        """,
        labels="""
        line | source | ago | known
        old  | police | 40d | 35d
        """,
    ),
    Spec(
        "No reference is published: nothing is known of other lines.",
        {"found_line_shared_callee_count_7d": None, "found_line_contacts_count_28d": None},
        """
        ago | peer
        1d  | ann
        """,
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values


@pytest.mark.parametrize(("customers", "weight"), [(99, 0.15019), (100, 0)])
def test_a_number_that_more_than_100_other_lines_have_contact_with_is_shared_by_chance(
    customers: int, weight: float
) -> None:
    rows = ["line | ago | peer", "me | 1d | shop", "old | 40d | shop", *(f"l{n} | 2d | shop" for n in range(customers))]
    spec = Spec(
        "A shop, in contact with a found line and with its other customers.",
        {"found_line_shared_callee_weight_28d": weight, "found_line_shared_callee_count_7d": float(weight > 0)},
        "\n".join(rows),
        labels="line | ago | known\nold | 40d | 35d",
    )
    assert spec.found() == spec.values
