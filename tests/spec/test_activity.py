"""Activity: how much, which way, how long."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "Windows are counted back from as_of: a call exactly 24 hours old is outside the last 24 hours.",
        {"out_calls_count_24h": 2, "out_calls_count_7d": 4, "out_calls_count_28d": 6},
        """
        ago      | answered | duration_s
        0s       | true     | 60
        23h59m59s| false    | 0
        1d       | true     | 5
        6d23h    | true     | 60
        7d       | true     | 60
        27d      | true     | 60
        28d      | true     | 60
        """,
    ),
    Spec(
        "Incoming calls are counted whether or not they were answered.",
        {"in_calls_count_7d": 2, "in_calls_count_28d": 3},
        """
        ago | record_type | answered | duration_s
        1h  | call_in     | true     | 20
        2d  | call_in     | false    | 0
        9d  | call_in     | true     | 20
        """,
    ),
    Spec(
        "The share of outgoing calls leaves texts and forwarded calls out.",
        {"out_call_share_7d": 0.75, "out_call_share_28d": 0.6},
        """
        ago | record_type    | times
        1h  | call_out       | 3
        2h  | call_in        | 1
        3h  | call_forwarded | 5
        4h  | sms_in         | 9
        8d  | call_in        | 1
        """,
    ),
    Spec(
        "A short call was answered and lasted at most 10 s; what nobody answered is not short.",
        {"short_call_share_7d": 0.333333},
        """
        ago | answered | duration_s
        1h  | true     | 10
        2h  | true     | 11
        3h  | true     | 300
        4h  | false    | 0
        """,
    ),
    Spec(
        "A long call lasted at least 180 s.",
        {"long_call_share_28d": 0.5},
        """
        ago | duration_s
        1d  | 180
        20d | 179
        """,
    ),
    Spec(
        "Mean talk time looks at answered outgoing calls only.",
        {"mean_call_duration_s_7d": 90, "mean_call_duration_s_28d": 80},
        """
        ago | record_type | answered | duration_s
        1h  | call_out    | true     | 60
        2h  | call_out    | true     | 120
        3h  | call_out    | false    | 0
        4h  | call_in     | true     | 900
        8d  | call_out    | true     | 60
        """,
    ),
    Spec(
        "Without a record of failed attempts, a call that lasted was answered.",
        {"mean_call_duration_s_7d": 30, "answered_call_share_7d": 1},
        """
        ago | answered | duration_s
        1h  | -        | 30
        """,
    ),
    Spec(
        "Mean ringing time leaves out calls whose ringing was not recorded.",
        {"mean_ring_s_7d": 12.25},
        """
        ago | ring_s
        1h  | 4.5
        2h  | 20
        3h  | -
        """,
    ),
    Spec(
        "Forwarded calls are their own kind: neither outgoing nor incoming.",
        {"forwarded_calls_count_7d": 2, "out_calls_count_7d": 0, "in_calls_count_7d": 0},
        """
        ago | record_type    | times
        1h  | call_forwarded | 2
        """,
    ),
    Spec(
        "Texts are counted apart from calls.",
        {"out_texts_count_24h": 3, "out_texts_count_7d": 5, "out_calls_count_7d": 0},
        """
        ago | record_type | times
        1h  | sms_out     | 3
        30h | sms_out     | 2
        1h  | sms_in      | 7
        """,
    ),
    Spec(
        "For a line without records counts are 0, and shares and means are missing.",
        {
            "out_calls_count_7d": 0,
            "in_calls_count_7d": 0,
            "out_call_share_7d": None,
            "short_call_share_7d": None,
            "long_call_share_28d": None,
            "mean_call_duration_s_7d": None,
            "mean_ring_s_7d": None,
        },
    ),
    Spec(
        "A record that came in after as_of is not known yet, though it started before.",
        {"out_calls_count_24h": 1},
        """
        ago | late
        3h  | 2h
        1h  | 2h
        """,
    ),
    Spec(
        "The last hour holds what began less than 3600 s ago.",
        {"out_calls_count_1h": 2, "out_texts_count_1h": 1, "out_calls_count_24h": 3, "out_texts_count_28d": 2},
        """
        ago     | record_type | times
        59m59s  | call_out    | 2
        1h      | call_out    | 1
        5m      | sms_out     | 1
        20d     | sms_out     | 1
        """,
    ),
    Spec(
        "A day with calls out only, in a week that had calls in.",
        {"in_calls_count_24h": 0, "out_call_share_24h": 1, "out_call_share_7d": 0.5},
        """
        ago | record_type
        1h  | call_out
        2d  | call_in
        """,
    ),
    Spec(
        "Of four answered calls one ended within 2 s and two within 10 s.",
        {
            "very_short_call_share_24h": 0.333333,
            "very_short_call_share_7d": 0.25,
            "short_call_share_24h": 0.333333,
            "short_call_share_28d": 0.5,
            "long_call_share_7d": 0.25,
        },
        """
        ago | duration_s
        1h  | 2
        2h  | 60
        3h  | 180
        2d  | 10
        """,
    ),
    Spec(
        "The median is the middle talk time, of two in the middle their mean; talk times of 30 and 90 s vary by half.",
        {"median_call_duration_s_7d": 60, "median_call_duration_s_28d": 60, "call_duration_cv_28d": 0.5},
        """
        ago | duration_s
        1h  | 30
        2h  | 90
        """,
    ),
    Spec(
        "One answered call has no variation.",
        {"median_call_duration_s_7d": None, "median_call_duration_s_28d": 30, "call_duration_cv_28d": None},
        """
        ago | duration_s
        9d  | 30
        """,
    ),
    Spec(
        "A call that never rang met an empty or barred number; one given up within 2 s wants to be called back.",
        {
            "no_ring_call_share_24h": 0.25,
            "no_ring_call_share_7d": 0.4,
            "one_ring_call_share_24h": 0.5,
            "one_ring_call_share_7d": 0.6,
            "mean_ring_s_24h": 5.5,
        },
        """
        ago | answered | duration_s | ring_s
        1h  | false    | 0          | 0
        2h  | false    | 0          | 2
        3h  | false    | 0          | 20
        4h  | true     | 9          | 0
        5h  | false    | 0          | -
        2d  | false    | 0          | 0
        """,
    ),
    Spec(
        "Of four calls to the line one was forwarded, and of the others two were answered.",
        {
            "forwarded_calls_count_28d": 1,
            "forwarded_call_share_7d": 0.25,
            "forwarded_call_share_28d": 0.25,
            "answered_in_call_share_7d": 0.666667,
            "answered_in_call_share_28d": 0.666667,
        },
        """
        ago | record_type    | answered | duration_s
        1h  | call_forwarded | true     | 60
        2h  | call_in        | true     | 60
        3h  | call_in        | true     | 60
        4h  | call_in        | false    | 0
        """,
    ),
    Spec(
        "Without calls in nothing is said of answering them, without ringing times nothing of ringing.",
        {
            "answered_in_call_share_7d": None,
            "forwarded_call_share_7d": None,
            "no_ring_call_share_7d": None,
            "one_ring_call_share_7d": None,
        },
        """
        ago | record_type
        1h  | call_out
        """,
    ),
    Spec(
        "Eleven calls where five are usual: (11 + 1) / (5 + 1).",
        {"out_calls_vs_segment_ratio_7d": 2},
        """
        ago | times
        2d  | 11
        """,
        usual={"out_calls_count_7d": 5},
    ),
    Spec(
        "Too few lines to say what is usual.",
        {"out_calls_vs_segment_ratio_7d": None},
        """
        ago | times
        2d  | 11
        """,
        usual={},
    ),
    Spec(
        "Without an account nobody can say which lines are alike.",
        {"out_calls_vs_segment_ratio_7d": None},
        """
        ago | times
        2d  | 11
        """,
        accounts="",
        usual={"out_calls_count_7d": 5},
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
