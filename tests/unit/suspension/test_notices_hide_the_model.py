"""Properties: no notice depends on a field that the holder must not learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linerisk.decisions.record import DecisionRecord, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import frozen_features
from linerisk.policy import Policy
from linerisk.suspension.local_time import LANGUAGES
from linerisk.suspension.notice import make_notice
from linerisk.suspension.notice_page import notice_page
from linerisk.suspension.sms import MAX_PARTS, text_message

Decide = Callable[..., DecisionRecord]
Policies = dict[str, Policy]
Reasons = tuple[RecordedReason, ...]

amounts = st.floats(-20, 20, allow_nan=False)
shares = st.floats(0.0001, 0.9999)
counts = st.integers(1, 99_999)
raising = st.builds(
    lambda count, amount: RecordedReason(
        code="A01",
        family="contacts",
        direction="raises",
        zh=f"近7天您的号码向{count}个此前未联系过的号码拨出电话",
        en=f"In the last 7 days your number called {count} numbers it had no contact with before",
        contribution=amount,
        facts={"new_callees_count_7d": float(count)},
    ),
    counts,
    st.floats(0.001, 20),
)
lowering = raising.map(lambda reason: msgspec.structs.replace(reason, direction="lowers", zh="LOWERS", en="LOWERS"))
reasons = st.lists(raising, min_size=1, max_size=4).flatmap(
    lambda some: st.lists(lowering, max_size=4 - len(some)).map(lambda others: (*some, *others))
)
hidden = st.fixed_dictionaries(
    {
        "margin": amounts,
        "probability": shares,
        "probability_low": shares,
        "probability_high": shares,
        "base": amounts,
        "calibration": amounts,
        "contributions": st.dictionaries(st.sampled_from(["contacts", "places", "tenure"]), amounts),
        "model": st.builds(RecordedModel, name=st.just("linerisk"), version=st.text(max_size=3), fingerprint=st.text()),
        "features": st.floats(-1e6, 1e6, width=32).map(
            lambda value: frozen_features(("a",), np.array([[value]], dtype=np.float32))[0]
        ),
        "scored_by": st.text(max_size=8),
        "request_id": st.text(max_size=8),
        "snapshot_id": st.none() | st.text(max_size=8),
        "as_of": st.datetimes(datetime(2020, 1, 1), datetime(2024, 7, 27)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001  # made aware at once
    }
)
beginnings = st.text("0123456789", min_size=4, max_size=16)


@given(
    tier=st.sampled_from(["normal", "medium_low", "medium_high", "extremely_high"]),
    policy=st.sampled_from(["shenzhen-2024-07-a", "shenzhen-2024-07-b"]),
    held_by=st.sampled_from([None, None, "cool_down", "stale", "degraded"]),
    why=reasons,
    two=st.tuples(beginnings, hidden, beginnings, hidden),
)
def test_decisions_that_differ_only_in_hidden_fields_have_equal_notices(
    *,
    tier: str,
    policy: str,
    held_by: str | None,
    why: Reasons,
    two: tuple[Any, ...],
    decide: Decide,
    policies: Policies,
) -> None:
    notices = []
    for beginning, other in ((two[0], two[1]), (two[2], two[3])):
        record = decide(tier, policy, held_by=held_by, reasons=why, line_id=f"{beginning}0417", **other)
        for language in LANGUAGES:
            notice = make_notice(record, policies[policy], language=language)
            notices.append((notice, notice_page(notice, policies[policy]), text_message(notice, policies[policy])))
    assert notices[:2] == notices[2:]


@given(
    tier=st.sampled_from(["medium_low", "medium_high", "extremely_high"]),
    policy=st.sampled_from(["shenzhen-2024-07-a", "shenzhen-2024-07-b"]),
    why=reasons,
    other=hidden,
)
def test_a_notice_has_no_share_or_fraction_beyond_its_reasons(
    *, tier: str, policy: str, why: Reasons, other: dict[str, Any], decide: Decide, policies: Policies
) -> None:
    record = decide(tier, policy, reasons=why, **other)
    for language in LANGUAGES:
        notice = make_notice(record, policies[policy], language=language)
        message = text_message(notice, policies[policy])
        page = re.sub(r"<head>.*</head>", "", notice_page(notice, policies[policy]).decode(), flags=re.DOTALL)
        assert message.parts <= MAX_PARTS
        for text in (notice.text, message.text, page):
            assert not re.search(r"[%‰]|\d[.,]\d", text)
            assert "LOWERS" not in text
        assert all(str(int(reason.facts["new_callees_count_7d"])) in page for reason in notice.reasons)
        whole = [reason.text for reason in notice.reasons if reason.text in message.text]
        assert whole
        assert len(re.findall(r"\d+(?:个此前| numbers it)", message.text)) == len(whole) or len(set(whole)) < len(whole)
