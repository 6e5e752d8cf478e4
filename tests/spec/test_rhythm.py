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
    Spec(
        "The last 24 hours on their own: a burst of texts and of calls, and a larger one the day before.",
        {
            "max_out_calls_count_10min_24h": 2,
            "max_out_calls_count_10min_7d": 5,
            "max_out_calls_count_1h_24h": 2,
            "max_out_texts_count_1h_24h": 3,
            "max_out_texts_count_1h_7d": 9,
            "active_days_count_7d": 2,
        },
        """
        ago | record_type | times
        2h  | call_out    | 2
        25h | call_out    | 5
        5h  | sms_out     | 3
        30h | sms_out     | 9
        """,
    ),
    Spec(
        "Gaps of 100 s and 300 s today; the shortest of the week, of 10 s, was yesterday.",
        {"mean_gap_s_24h": 200, "gap_cv_24h": 0.5, "min_gap_s_24h": 100, "min_gap_s_7d": 10},
        """
        ago
        100s
        200s
        500s
        25h
        25h10s
        """,
    ),
    Spec(
        "Who calls at ten as ever, and now as often at night: half of the profile has moved.",
        {"hour_profile_distance_7d": 0.5, "night_call_share_28d": 0.333333, "office_call_share_28d": 0.666667},
        """
        at
        2024-06-28 10:30
        2024-06-28 23:30
        2024-06-14 10:10
        """,
    ),
    Spec(
        "A day with eleven calls; in the 55 days before there were 110, two a day: (11 + 1) / (2 + 1).",
        {"out_calls_vs_own_past_ratio_24h": 4},
        """
        ago | times
        1h  | 11
        20d | 110
        """,
    ),
    Spec(
        "Nine texts this week, seven in the seven weeks before, one a week: (9 + 1) / (1 + 1).",
        {"out_texts_vs_own_past_ratio_7d": 5},
        """
        ago | record_type | times
        1h  | sms_out     | 9
        20d | sms_out     | 7
        """,
    ),
    Spec(
        "Forty calls after 33 days without use; after ten days of silence they would not count.",
        {"calls_after_silence_count_7d": 40, "silent_days_before_7d": 33},
        """
        ago | times
        1h  | 40
        34d | 1
        """,
    ),
    Spec(
        "A line in steady use: no call after silence, and the hours of a line without a past are not compared.",
        {"calls_after_silence_count_7d": 0, "hour_profile_distance_7d": 0, "min_gap_s_24h": None},
        """
        ago
        24h
        10d
        """,
    ),
    Spec(
        "No records at all: comparisons with the own past are missing.",
        {
            "out_calls_vs_own_past_ratio_24h": None,
            "out_texts_vs_own_past_ratio_7d": None,
            "hour_profile_distance_7d": None,
            "calls_after_silence_count_7d": 0,
        },
    ),
    Spec(
        "Every call at night where none is usual: (1 + 0.1) / (0 + 0.1).",
        {"night_vs_segment_ratio_28d": 11},
        """
        at
        2024-06-20T23:30
        2024-06-21T02:00
        """,
        usual={"night_call_share_28d": 0},
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
