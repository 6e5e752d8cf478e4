"""Places: out of town in three readings, where the line was, and whether it moves."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "Out of town is neither home (Shenzhen, 4403) nor where the line was; a visited city makes its parties local.",
        {
            "out_of_town_share_24h": 0.5,
            "out_of_town_share_7d": 0.4,
            "out_of_town_share_28d": 0.5,
            "out_of_home_share_7d": 0.6,
            "out_of_visited_share_7d": 0.6,
        },
        """
        ago | peer_area | visited_area
        1h  | 510100    | 440300
        2h  | 440300    | 440300
        2d  | 440100    | 440100
        2d  | 440300    | 440100
        2d  | 310000    | 440300
        9d  | 310000    | 440300
        """,
    ),
    Spec(
        "Another district of the home city is at home: areas are compared by their first four digits.",
        {"out_of_town_share_7d": 0, "out_of_home_share_7d": 0, "distinct_callee_areas_count_7d": 1},
        """
        ago | peer_area | visited_area
        1h  | 440305    | 440304
        2h  | 440300    | 440300
        """,
    ),
    Spec(
        "The lawyer who redials one office at home while away: out of town by where he was, not by the feature.",
        {"out_of_town_share_7d": 0, "out_of_home_share_7d": 0, "out_of_visited_share_7d": 1, "away_call_share_7d": 1},
        """
        ago | peer_area | visited_area | times
        1h  | 440300    | 430100       | 20
        """,
    ),
    Spec(
        "A call whose areas are not recorded is in no share that needs them.",
        {"out_of_town_share_7d": 1, "out_of_home_share_7d": 0.5, "out_of_visited_share_7d": 1},
        """
        ago | peer_area | visited_area
        1h  | 510100    | 440300
        2h  | 440300    | -
        3h  | -         | 440300
        """,
    ),
    Spec(
        "Without an account the home area is not known.",
        {"out_of_town_share_7d": None, "out_of_home_share_7d": None, "out_of_visited_share_7d": 1, "tenure_days": None},
        """
        ago | peer_area | visited_area
        1h  | 510100    | 440300
        """,
        accounts="",
    ),
    Spec(
        "Calls spread evenly over two cities.",
        {"distinct_callee_areas_count_7d": 2, "callee_area_entropy_7d": 1},
        """
        ago | peer_area | times
        1h  | 510100    | 2
        2h  | 310115    | 1
        2h  | 310101    | 1
        3h  | -         | 1
        """,
    ),
    Spec(
        "One city only: the evenness is missing.",
        {"distinct_callee_areas_count_7d": 1, "callee_area_entropy_7d": None},
        """
        ago | peer_area
        1h  | 510100
        """,
    ),
    Spec(
        "Cities where the line was are counted over records of every kind; districts of one city are one.",
        {"distinct_visited_areas_count_28d": 2, "away_call_share_7d": 0.5},
        """
        ago | record_type | visited_area
        1h  | call_out    | 440304
        2h  | call_out    | 440106
        3h  | sms_in      | 440305
        40d | call_out    | 310000
        """,
    ),
    Spec(
        "A line that stays on one cell for three of four records.",
        {"distinct_cells_count_7d": 2, "main_cell_share_7d": 0.75},
        """
        ago | record_type | cell
        1h  | call_out    | here
        2h  | call_in     | here
        3h  | sms_in      | here
        4h  | call_out    | there
        5h  | call_out    | -
        8d  | call_out    | far
        """,
    ),
    Spec(
        "For a line without records, or where areas and cells are not recorded, all of this is missing.",
        {
            "out_of_town_share_24h": None,
            "out_of_town_share_28d": None,
            "out_of_visited_share_7d": None,
            "callee_area_entropy_7d": None,
            "distinct_callee_areas_count_7d": None,
            "away_call_share_7d": None,
            "distinct_visited_areas_count_28d": None,
            "distinct_cells_count_7d": None,
            "main_cell_share_7d": None,
        },
        """
        ago | record_type
        1h  | call_out
        """,
    ),
    Spec(
        "The three readings, and calls made away, over 28 days as over a day.",
        {
            "out_of_home_share_24h": 1,
            "out_of_visited_share_24h": 0,
            "away_call_share_24h": 1,
            "out_of_home_share_28d": 0.5,
            "out_of_visited_share_28d": 0,
            "away_call_share_28d": 0.5,
            "distinct_visited_areas_count_7d": 1,
        },
        """
        ago | peer_area | visited_area
        1h  | 440100    | 440100
        9d  | 440300    | 440300
        """,
    ),
    Spec(
        "Half of this week's calls out of town, none before: (0.5 + 0.1) / (0 + 0.1).",
        {"out_of_town_vs_own_past_ratio_7d": 6},
        """
        ago | peer_area | visited_area
        1h  | 510100    | 440300
        2d  | 440300    | 440300
        9d  | 440300    | 440300
        """,
    ),
    Spec(
        "Without calls in the weeks before there is nothing to compare with.",
        {"out_of_town_vs_own_past_ratio_7d": None},
        """
        ago | peer_area | visited_area
        1h  | 510100    | 440300
        """,
    ),
    Spec(
        "A day with calls to two cities, all from one cell; on the day before there was another cell.",
        {
            "distinct_callee_areas_count_24h": 2,
            "callee_area_entropy_24h": 1,
            "distinct_cells_count_24h": 1,
            "main_cell_share_24h": 1,
            "distinct_cells_count_7d": 2,
        },
        """
        ago | peer_area | cell
        1h  | 510100    | here
        2h  | 310000    | here
        30h | 310000    | there
        """,
    ),
    Spec(
        "Hours by day on one cell: two on Sunday, one on Friday, each counted once; the evening does not count.",
        {"main_cell_office_hours_count_7d": 3},
        """
        at               | cell
        2024-06-30 09:00 | shop
        2024-06-30 09:50 | shop
        2024-06-30 17:59 | shop
        2024-06-30 18:00 | shop
        2024-06-28 09:10 | shop
        2024-06-28 12:00 | lunch
        """,
    ),
    Spec(
        "Places not recorded, or not on this day.",
        {
            "distinct_cells_count_24h": None,
            "main_cell_share_24h": None,
            "main_cell_office_hours_count_7d": None,
            "distinct_callee_areas_count_24h": None,
            "callee_area_entropy_24h": None,
            "distinct_visited_areas_count_7d": None,
        },
        """
        ago
        1h
        """,
    ),
    Spec(
        "Half of the calls out of town where a tenth is usual: (0.5 + 0.1) / (0.1 + 0.1).",
        {"out_of_town_vs_segment_ratio_7d": 3},
        """
        ago | peer_area | visited_area
        1d  | 510100    | 440300
        2d  | 440300    | 440300
        """,
        usual={"out_of_town_share_7d": 0.1},
    ),
    Spec(
        "No areas recorded.",
        {"out_of_town_vs_segment_ratio_7d": None},
        """
        ago
        1d
        """,
        usual={"out_of_town_share_7d": 0.1},
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
