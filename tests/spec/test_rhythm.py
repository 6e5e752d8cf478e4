"""Rhythm: bursts, days, the clock, gaps, and this week against the weeks before."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "Slots of ten minutes, hours and days are counted back from as_of; the fullest one counts.",
        {"max_out_calls_count_10min_7d": 4, "max_out_calls_count_1h_7d": 5, "max_out_calls_count_1d_28d": 6},
        """
        ago    | times
        2h1m   | 4
        2h31m  | 1
        5h     | 1
        1d     | 3
        """,
    ),
    Spec(
        "Two calls a minute apart fall into different slots if one slot ends between them.",
        {"max_out_calls_count_10min_7d": 1, "max_out_calls_count_1h_7d": 2},
        """
        ago
        9m30s
        10m30s
        """,
    ),
    Spec(
        "A day is active with a call either way; texts do not make it active.",
        {"active_days_count_28d": 2},
        """
        ago | record_type
        1h  | call_out
        2h  | call_in
        9d  | call_in
        12d | sms_out
        30d | call_out
        """,
    ),
    Spec(
        "Ten calls out on a day without a call in make a day of the dialler; with one call in they do not.",
        {"zero_in_days_count_28d": 1},
        """
        ago | record_type | times
        1h  | call_out    | 10
        25h | call_out    | 10
        26h | call_in     | 1
        50h | call_out    | 9
        """,
    ),
    Spec(
        "Hours of the day are local: 23:30 in Shenzhen is night, whatever the hour in UTC.",
        {"active_hours_count_7d": 4, "night_call_share_7d": 0.5, "office_call_share_7d": 0.25},
        """
        at
        2024-06-30 23:30
        2024-06-30 05:59
        2024-06-30 06:00
        2024-06-30 17:59
        """,
    ),
    Spec(
        "Office hours hold 9:00 and end before 18:00, on any day of the week.",
        {"active_hours_count_7d": 3, "office_call_share_7d": 0.5},
        """
        at
        2024-06-30 09:00
        2024-06-28 09:00
        2024-06-28 08:59
        2024-06-28 18:00
        """,
    ),
    Spec(
        "The weekend begins on Saturday, local time: 00:30 on Saturday is still Friday in UTC.",
        {"weekend_call_share_28d": 0.5},
        """
        at
        2024-06-29 00:30
        2024-06-30 23:59
        2024-06-28 23:59
        2024-07-01 00:00
        """,
    ),
    Spec(
        "A machine that dials every five minutes has gaps without variation.",
        {"mean_gap_s_7d": 300, "gap_cv_7d": 0},
        """
        ago
        5m
        10m
        15m
        20m
        """,
    ),
    Spec(
        "Gaps of 100 s and 300 s: mean 200 s, standard deviation 100 s. A gap of more than a day is left out.",
        {"mean_gap_s_7d": 200, "gap_cv_7d": 0.5},
        """
        ago
        100s
        200s
        500s
        2d
        """,
    ),
    Spec(
        "One gap has no variation to speak of, and a single call has no gap.",
        {"mean_gap_s_7d": 60, "gap_cv_7d": None},
        """
        ago
        1m
        2m
        """,
    ),
    Spec(
        "Calls of the same second have gaps of 0 s: a mean of 0, and no variation relative to it.",
        {"mean_gap_s_7d": 0, "gap_cv_7d": None},
        """
        ago | times
        1m  | 3
        """,
    ),
    Spec(
        "Eleven calls this week, fourteen in the seven weeks before, two a week: (11 + 1) / (2 + 1).",
        {"out_calls_vs_own_past_ratio_7d": 4},
        """
        ago | times
        1h  | 11
        20d | 14
        """,
    ),
    Spec(
        "Silent for 20 days, then in use again; platform texts that come in meanwhile are no use of the line.",
        {"silent_days_before_7d": 20},
        """
        ago | record_type
        1h  | call_out
        3d  | call_out
        24d | call_out
        10d | sms_in
        """,
    ),
    Spec(
        "A missed call is no use of the line, an answered one is.",
        {"silent_days_before_7d": 7},
        """
        ago | record_type | answered | duration_s
        12h | call_out    | true     | 60
        5d  | call_in     | false    | 0
        8d  | call_in     | true     | 60
        """,
    ),
    Spec(
        "No use in the seven weeks before: 49 days, all that is known.",
        {"silent_days_before_7d": 49},
        """
        ago
        5d
        """,
    ),
    Spec(
        "No use this week: nothing to say.",
        {"silent_days_before_7d": None, "out_calls_vs_own_past_ratio_7d": 0.875},
        """
        ago
        9d
        """,
    ),
    Spec(
        "For a line without records counts are 0, and shares, gaps and comparisons are missing.",
        {
            "max_out_calls_count_10min_7d": 0,
            "max_out_calls_count_1h_7d": 0,
            "max_out_calls_count_1d_28d": 0,
            "active_days_count_28d": 0,
            "zero_in_days_count_28d": 0,
            "active_hours_count_7d": 0,
            "night_call_share_7d": None,
            "office_call_share_7d": None,
            "weekend_call_share_28d": None,
            "mean_gap_s_7d": None,
            "gap_cv_7d": None,
            "out_calls_vs_own_past_ratio_7d": None,
            "silent_days_before_7d": None,
        },
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
