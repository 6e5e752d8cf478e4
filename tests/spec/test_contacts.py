"""Contacts: how many parties, how new, how often each, who answers and who calls back."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "A party is counted once, however often it is called.",
        {"distinct_callees_count_24h": 1, "distinct_callees_count_7d": 2, "distinct_callees_count_28d": 3},
        """
        ago | peer | times
        1h  | ann  | 5
        2d  | ann  | 1
        2d  | bob  | 1
        20d | cyd  | 1
        """,
    ),
    Spec(
        "Parties who only called in, or were only texted, were not called.",
        {"distinct_callees_count_7d": 0, "calls_per_callee_7d": None, "one_shot_callee_share_7d": None},
        """
        ago | record_type | peer
        1h  | call_in     | ann
        1h  | sms_out     | bob
        """,
    ),
    Spec(
        "Redials within 30 minutes of the call before are one attempt: 20 calls to one office are not dispersion.",
        {
            "calls_per_callee_7d": 1.5,
            "calls_per_callee_28d": 2,
            "one_shot_callee_share_7d": 0.5,
            "one_shot_callee_share_28d": 0.5,
            "top_callee_share_28d": 0.75,
        },
        """
        ago    | peer   | times
        1h     | office | 20
        1h25m  | office | 1
        1h55m  | office | 1
        5h     | office | 1
        3h     | bob    | 1
        9d     | office | 1
        """,
    ),
    Spec(
        "An attempt is answered if one of its redials is.",
        {"answered_call_share_7d": 0.5, "answered_call_share_28d": 0.333333},
        """
        ago    | peer | answered | duration_s
        1h     | ann  | true     | 40
        1h5m   | ann  | false    | 0
        1h10m  | ann  | false    | 0
        2h     | bob  | false    | 0
        10d    | bob  | false    | 0
        """,
    ),
    Spec(
        "Of an attempt that began just before the last seven days, its calls inside them count.",
        {"calls_per_callee_7d": 1, "answered_call_share_7d": 0, "answered_call_share_28d": 1},
        """
        ago      | peer | answered | duration_s
        6d23h50m | ann  | false    | 0
        7d5m     | ann  | true     | 40
        """,
    ),
    Spec(
        "A new party had no contact either way, by call or text, between 56 days ago and the window.",
        {"new_callees_count_24h": 1, "new_callees_count_7d": 2, "new_callee_share_7d": 0.4},
        """
        ago | record_type | peer
        1h  | call_out    | new
        1h  | call_out    | recent
        2d  | call_out    | recent
        1h  | call_out    | friend
        20d | call_in     | friend
        1h  | call_out    | texter
        50d | sms_in      | texter
        1h  | call_out    | old
        55d | call_out    | old
        56d | call_out    | new
        """,
    ),
    Spec(
        "A call in during the window makes no party known before: to call back a stranger is to call a new party.",
        {"new_callees_count_7d": 1, "reciprocal_callee_share_7d": 1},
        """
        ago | record_type | peer
        2h  | call_in     | guest
        1h  | call_out    | guest
        """,
    ),
    Spec(
        "A reciprocal party was called and called in, in the same window and in either order.",
        {"reciprocal_callee_share_7d": 0.5, "reciprocal_callee_share_28d": 1},
        """
        ago | record_type | peer
        1h  | call_out    | ann
        2d  | call_in     | ann
        1h  | call_out    | bob
        9d  | call_in     | bob
        1h  | call_in     | cyd
        """,
    ),
    Spec(
        "Entropy is 1 where every party gets as many attempts, and missing with one party.",
        {"callee_entropy_7d": 1},
        """
        ago | peer
        1h  | ann
        5h  | ann
        1h  | bob
        5h  | bob
        """,
    ),
    Spec(
        "Entropy falls as attempts gather on one party: three to one gives 0.811.",
        {"callee_entropy_7d": 0.811278},
        """
        ago | peer
        1h  | ann
        3h  | ann
        5h  | ann
        1h  | bob
        """,
    ),
    Spec(
        "One party only: entropy is missing, and the top share is 1.",
        {"callee_entropy_7d": None, "top_callee_share_28d": 1},
        """
        ago | peer
        1h  | ann
        """,
    ),
    Spec(
        "Couriers and drivers call privacy numbers of platforms; a kind that is not recorded is no privacy number.",
        {"virtual_callee_share_7d": 0.333333},
        """
        ago | peer | peer_kind
        1h  | axb  | virtual
        2h  | ann  | mobile
        3h  | bob  | -
        """,
    ),
    Spec(
        "Whoever is texted and texts back has replied.",
        {"text_recipients_count_7d": 2, "text_reply_share_7d": 0.5},
        """
        ago | record_type | peer | times
        2h  | sms_out     | ann  | 9
        1h  | sms_in      | ann  | 1
        2h  | sms_out     | bob  | 1
        1h  | sms_in      | bank | 5
        """,
    ),
    Spec(
        "For a line without records counts are 0, and everything said of parties is missing.",
        {
            "distinct_callees_count_7d": 0,
            "new_callees_count_7d": 0,
            "text_recipients_count_7d": 0,
            "answered_call_share_7d": None,
            "new_callee_share_7d": None,
            "reciprocal_callee_share_7d": None,
            "top_callee_share_28d": None,
            "virtual_callee_share_7d": None,
            "text_reply_share_7d": None,
        },
    ),
    Spec(
        "A number called half an hour ago for the first time is new to the hour; one called this morning is not.",
        {
            "distinct_callees_count_1h": 2,
            "new_callees_count_1h": 1,
            "new_callees_count_24h": 2,
            "new_callee_share_24h": 1,
            "new_callees_count_28d": 2,
            "new_callee_share_28d": 1,
        },
        """
        ago | peer
        30m | ann
        40m | bob
        5h  | bob
        """,
    ),
    Spec(
        "Whoever is called, calls, texts or is texted is a contact; a forwarded call makes none.",
        {"distinct_contacts_count_24h": 1, "distinct_contacts_count_7d": 3, "distinct_contacts_count_28d": 4},
        """
        ago | record_type    | peer
        1h  | call_out       | ann
        2d  | call_in        | bob
        3d  | sms_out        | ann
        3d  | sms_in         | cyd
        9d  | sms_out        | dan
        1h  | call_forwarded | eve
        """,
    ),
    Spec(
        "A day on its own: two attempts each to two parties, one of whom called back; nobody answered bob.",
        {
            "calls_per_callee_24h": 2,
            "answered_call_share_24h": 0.5,
            "one_shot_callee_share_24h": 0,
            "callee_entropy_24h": 1,
            "callee_entropy_28d": 1,
            "top_callee_share_24h": 0.5,
            "top_callee_share_7d": 0.5,
            "reciprocal_callee_share_24h": 0.5,
        },
        """
        ago | record_type | peer | answered | duration_s
        1h  | call_out    | ann  | true     | 60
        3h  | call_out    | ann  | true     | 60
        1h  | call_out    | bob  | false    | 0
        3h  | call_out    | bob  | false    | 0
        2h  | call_in     | ann  | true     | 60
        """,
    ),
    Spec(
        "Kinds of parties called: one of four international, one a short code and one unknown.",
        {
            "international_callee_share_7d": 0.25,
            "international_callee_share_28d": 0.2,
            "grey_callee_share_7d": 0.5,
            "grey_callee_share_28d": 0.4,
            "virtual_callee_share_28d": 0.2,
        },
        """
        ago | peer | peer_kind
        1h  | ann  | international
        2h  | bob  | short_code
        3h  | cyd  | unknown
        4h  | dan  | -
        9d  | eve  | virtual
        """,
    ),
    Spec(
        "Nobody called: nothing is said of kinds.",
        {"international_callee_share_7d": None, "grey_callee_share_7d": None, "callees_vs_own_past_ratio_7d": None},
    ),
    Spec(
        "Three parties this week, seven in one of the seven weeks before, one a week: (3 + 1) / (1 + 1).",
        {"callees_vs_own_past_ratio_7d": 2},
        """
        ago | peer
        1h  | ann
        2d  | bob
        3d  | cyd
        20d | p1
        20d | p2
        20d | p3
        20d | p4
        20d | p5
        20d | p6
        20d | p7
        """,
    ),
    Spec(
        "One ring, then a call back: ann was rung and called after that; bob had called before; cyd was let ring.",
        {"one_ring_call_backs_count_7d": 1},
        """
        ago | record_type | peer | answered | duration_s | ring_s
        5h  | call_out    | ann  | false    | 0          | 1
        1h  | call_in     | ann  | true     | 60         | -
        5h  | call_out    | bob  | false    | 0          | 1
        9h  | call_in     | bob  | true     | 60         | -
        5h  | call_out    | cyd  | false    | 0          | 20
        1h  | call_in     | cyd  | true     | 60         | -
        """,
    ),
    Spec(
        "Texts to ann, who had called before, to bob, and last week to cyd, who replied.",
        {
            "text_recipients_count_24h": 2,
            "new_text_recipients_count_24h": 1,
            "new_text_recipients_count_7d": 2,
            "new_text_recipients_count_28d": 2,
            "text_recipients_count_28d": 3,
            "text_reply_share_24h": 0,
            "text_reply_share_28d": 0.333333,
        },
        """
        ago | record_type | peer
        1h  | sms_out     | ann
        40d | call_in     | ann
        1h  | sms_out     | bob
        3d  | sms_out     | cyd
        2d  | sms_in      | cyd
        """,
    ),
    Spec(
        "Two parties called where seven are usual, both new where none is: (2 + 1) / (7 + 1) and (2 + 1) / (0 + 1).",
        {"callees_vs_segment_ratio_7d": 0.375, "new_callees_vs_segment_ratio_7d": 3},
        """
        ago | peer
        1d  | ann
        2d  | bob
        """,
        usual={"distinct_callees_count_7d": 7, "new_callees_count_7d": 0},
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
