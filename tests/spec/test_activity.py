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
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
