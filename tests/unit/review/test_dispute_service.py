"""Dispute service: who may make which transition, idempotency, concurrency, lifts and counts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from linerisk.decisions.case_numbers import case_number
from linerisk.decisions.errors import ConflictError, StaleError
from linerisk.errors import InputError, LineriskError
from linerisk.review.errors import IllegalTransitionError, NotAllowedError, UnknownDisputeError
from linerisk.review.transitions import Outcome, State

SetNow = Callable[[datetime], None]


def test_a_new_dispute_has_a_case_number_and_deadlines(cases: Any) -> None:
    dispute = cases.opened()
    assert dispute.state is State.OPENED
    assert dispute.case_number == case_number(dispute.decision_id)
    assert dispute.answer_by - dispute.opened_at == timedelta(hours=24)
    assert dispute.hard_limit - dispute.opened_at == timedelta(days=15)
    assert dispute.policy == "shenzhen-2024-07-b"
    assert cases.service.get(dispute.dispute_id) == dispute


def test_a_later_dispute_of_a_decision_gets_its_case_number_with_a_suffix(cases: Any) -> None:
    first = cases.decided(Outcome.UPHELD)
    case_numbers = [first.case_number]
    for _ in range(2):
        later = cases.service.open(
            cases.people["hotline"], first.decision_id, statement="x", channel="hotline", request_id=cases.new_id()
        )
        case_numbers.append(later.case_number)
        cases.service.withdraw(cases.people["anne"], later.dispute_id, reason=cases.reason, request_id=cases.new_id())
    number = case_number(first.decision_id)
    assert case_numbers == [number, f"{number}-2", f"{number}-3"]
    assert [each.case_number for each in cases.service.by_case_number(f"{number}-2")] == [f"{number}-2"]
    assert cases.service.rebuild() == 3


def test_a_dispute_names_the_raising_reasons_and_the_model(cases: Any) -> None:
    dispute = cases.opened()
    assert (dispute.reasons, dispute.model) == (("A02",), "7")


def test_a_dispute_of_an_unknown_decision_is_refused(cases: Any) -> None:
    with pytest.raises(UnknownDisputeError):
        cases.service.open(
            cases.people["hotline"], "01J1NR8X00AAAAAAAAAAAAAAAA", statement="no", channel="hall", request_id="k"
        )


def test_a_decision_has_at_most_one_open_dispute(cases: Any) -> None:
    first = cases.opened()
    again = {"statement": "once more", "channel": "hall"}
    with pytest.raises(IllegalTransitionError, match="open dispute already"):
        cases.service.open(cases.people["hotline"], first.decision_id, request_id="again", **again)
    cases.service.withdraw(
        cases.people["hotline"], first.dispute_id, reason="The holder has cancelled.", request_id="w"
    )
    assert cases.service.open(cases.people["hotline"], first.decision_id, request_id="later", **again).number == 1


def test_a_repeated_request_returns_the_stored_answer_and_writes_nothing(cases: Any) -> None:
    opened = cases.opened()
    assigning = {"assignee": "anne", "request_id": "k"}
    assigned = cases.service.assign(cases.people["lea"], opened.dispute_id, **assigning)
    cases.service.withdraw(
        cases.people["hotline"], opened.dispute_id, reason="The holder has cancelled.", request_id="w"
    )
    assert cases.service.assign(cases.people["lea"], opened.dispute_id, **assigning) == assigned
    with pytest.raises(ConflictError, match="another body"):
        cases.service.assign(cases.people["lea"], opened.dispute_id, assignee="ben", request_id="k")
    assert cases.service.get(opened.dispute_id).number == 3


@pytest.mark.parametrize("outcome", [Outcome.CLEARED, Outcome.INCONCLUSIVE, Outcome.UPHELD])
def test_an_outcome_closes_the_dispute(cases: Any, outcome: Outcome) -> None:
    dispute = cases.decided(outcome)
    assert dispute.state.value == outcome.value
    assert (dispute.decided_by, dispute.reason, dispute.closed_at) == ("anne", cases.reason, cases.now)


def test_lowered_to_must_be_a_lower_tier(cases: Any) -> None:
    assert cases.decided(Outcome.LOWERED, lowered_to="medium_low").lowered_to == "medium_low"
    for wrong in ("medium_high", "normal", None):
        with pytest.raises(InputError, match="cannot replace"):
            cases.decided(Outcome.LOWERED, lowered_to=wrong)
    with pytest.raises(InputError, match="cannot replace"):
        cases.decided(Outcome.CLEARED, lowered_to="medium_low")


def test_upholding_the_highest_tier_needs_a_second_person(cases: Any) -> None:
    proposed = cases.decided(Outcome.UPHELD, tier="extremely_high")
    assert (proposed.state, proposed.closed_at) == (State.AWAITING_APPROVAL, None)
    agreed = cases.service.approve(
        cases.people["lea"], proposed.dispute_id, agreed=True, reason=cases.reason, request_id="a"
    )
    assert (agreed.state, agreed.decided_by, agreed.approved_by) == (State.UPHELD, "anne", "lea")


def test_the_decider_cannot_be_the_second_person(cases: Any) -> None:
    proposed = cases.decided(Outcome.UPHELD, by=cases.people["lea"], tier="extremely_high")
    approval = {"agreed": True, "reason": cases.reason}
    with pytest.raises(NotAllowedError, match="the first one"):
        cases.service.approve(cases.people["lea"], proposed.dispute_id, request_id="a", **approval)
    assert (
        cases.service.approve(cases.people["liu"], proposed.dispute_id, request_id="b", **approval).approved_by == "liu"
    )


def test_a_refused_proposal_returns_to_the_assignee(cases: Any) -> None:
    proposed = cases.decided(Outcome.UPHELD, tier="extremely_high")
    refused = cases.service.approve(
        cases.people["lea"], proposed.dispute_id, agreed=False, reason=cases.reason, request_id="r"
    )
    assert (refused.state, refused.outcome, refused.assigned_to) == (State.ASSIGNED, None, "anne")
    cleared = cases.service.decide(
        cases.people["anne"], proposed.dispute_id, outcome=Outcome.CLEARED, reason=cases.reason, request_id="d"
    )
    assert cleared.state is State.CLEARED


def test_the_opener_and_the_scorer_cannot_be_assigned(cases: Any) -> None:
    for took_part in (cases.opened(by=cases.people["anne"]), cases.opened(scored_by="anne")):
        with pytest.raises(NotAllowedError, match="took part before"):
            cases.service.assign(cases.people["lea"], took_part.dispute_id, assignee="anne", request_id=cases.new_id())


def test_the_decider_of_a_dispute_cannot_review_the_next_one_of_the_same_decision(cases: Any) -> None:
    upheld = cases.decided(Outcome.UPHELD)
    again = cases.service.open(
        cases.people["hotline"], upheld.decision_id, statement="Still not.", channel="hall", request_id="again"
    )
    with pytest.raises(NotAllowedError, match="took part before"):
        cases.service.assign(cases.people["lea"], again.dispute_id, assignee="anne", request_id="x")
    assert (
        cases.service.assign(cases.people["lea"], again.dispute_id, assignee="ben", request_id="y").assigned_to == "ben"
    )


@pytest.mark.parametrize("name", ["hotline", "zoe"])
def test_only_a_reviewer_or_lead_can_be_assigned(cases: Any, name: str) -> None:
    with pytest.raises(InputError, match="no reviewer has this name"):
        cases.service.assign(cases.people["lea"], cases.opened().dispute_id, assignee=name, request_id="x")


def test_only_the_assignee_can_decide(cases: Any) -> None:
    dispute = cases.assigned()
    with pytest.raises(NotAllowedError, match="assigned to"):
        cases.service.decide(
            cases.people["ben"], dispute.dispute_id, outcome=Outcome.CLEARED, reason=cases.reason, request_id="x"
        )


@pytest.mark.parametrize("reason", ["", "no fraud", " " * 40, "x" * 4_001, "a reason with \x00 in it, long enough"])
def test_an_outcome_needs_a_written_reason(cases: Any, reason: str) -> None:
    dispute = cases.assigned()
    with pytest.raises(InputError) as caught:
        cases.service.decide(
            cases.people["anne"], dispute.dispute_id, outcome=Outcome.CLEARED, reason=reason, request_id="x"
        )
    assert caught.value.field == "reason"
    assert cases.service.get(dispute.dispute_id).number == dispute.number


def test_a_request_that_saw_an_older_event_is_refused(cases: Any) -> None:
    dispute = cases.assigned()
    cases.service.assign(cases.people["lea"], dispute.dispute_id, assignee="ben", request_id="x")
    with pytest.raises(StaleError):
        cases.service.decide(
            cases.people["ben"],
            dispute.dispute_id,
            outcome=Outcome.CLEARED,
            reason=cases.reason,
            request_id="y",
            seen=dispute.number,
        )


def test_one_of_several_concurrent_decisions_succeeds(cases: Any) -> None:
    dispute = cases.assigned()

    def decide(i: int) -> str:
        try:
            outcome = (Outcome.CLEARED, Outcome.UPHELD)[i % 2]
            cases.service.decide(
                cases.people["anne"],
                dispute.dispute_id,
                outcome=outcome,
                reason=cases.reason,
                request_id=f"at-once-{i}",
            )
        except ConflictError:
            return "refused"
        return "won"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(decide, range(8)))
    assert sorted(results) == ["refused"] * 7 + ["won"]
    assert cases.service.get(dispute.dispute_id).number == dispute.number + 1
    assert cases.log.verify().ok


def test_one_of_several_concurrent_openings_succeeds(cases: Any) -> None:
    record = cases.decide_line()

    def open_it(i: int) -> str:
        try:
            cases.service.open(
                cases.people["hotline"], record.decision_id, statement="No.", channel="hall", request_id=f"open-{i}"
            )
        except ConflictError:
            return "refused"
        return "won"

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(open_it, range(6))) == ["refused"] * 5 + ["won"]


def test_a_returned_dispute_is_readable_by_another_process(cases: Any, open_cases: Any, url: str) -> None:
    cleared = cases.decided(Outcome.CLEARED)
    other = open_cases(url)
    assert other.service.get(cleared.dispute_id) == cleared
    other.log.close()


def test_a_dispute_expires_only_past_its_hard_limit(cases: Any, set_now: SetNow) -> None:
    dispute = cases.assigned()
    set_now(dispute.hard_limit - timedelta(seconds=1))
    assert cases.service.expire_due() == 0
    set_now(dispute.hard_limit)
    assert cases.service.expire_due() == 1
    assert cases.service.expire_due() == 0
    expired = cases.service.get(dispute.dispute_id)
    assert (expired.state, expired.closed_at) == (State.EXPIRED, dispute.hard_limit)


def test_a_scorer_cannot_withdraw_a_dispute_of_another_opener(cases: Any) -> None:
    dispute = cases.opened(by=cases.people["anne"])
    with pytest.raises(NotAllowedError, match="only the person who opened"):
        cases.service.withdraw(cases.people["hotline"], dispute.dispute_id, reason=cases.reason, request_id="x")


def test_only_cleared_and_lowered_lift_the_measure(cases: Any) -> None:
    cleared = cases.decided(Outcome.CLEARED, line_id="line-1")
    cases.decided(Outcome.UPHELD, line_id="line-2")
    cases.decided(Outcome.INCONCLUSIVE, line_id="line-3")
    lowered = cases.decided(Outcome.LOWERED, line_id="line-4", lowered_to="medium_low")
    lifts = cases.service.lifts()
    assert [(each.dispute_id, each.lowered_to) for each in lifts] == [
        (cleared.dispute_id, None),
        (lowered.dispute_id, "medium_low"),
    ]
    assert [each.dispute_id for each in cases.service.lifts(after=lifts[0].seq)] == [lowered.dispute_id]
    assert cases.service.lifts(after=lifts[1].seq) == ()


def test_overturns_are_counted_by_reason_and_model(cases: Any) -> None:
    for outcome in (Outcome.CLEARED, Outcome.UPHELD, Outcome.UPHELD, Outcome.INCONCLUSIVE):
        cases.decided(outcome)
    ((key, decided),) = cases.service.counts(cases.now).overturns.items()
    assert (key.reason, key.model, decided.decided, decided.overturned, decided.rate) == ("A02", "7", 4, 1, 0.25)
    assert cases.service.counts(cases.now, since=cases.now + timedelta(days=1)).overturns == {}


def test_a_refused_request_writes_nothing(cases: Any) -> None:
    before = cases.log.anchor().seq
    with pytest.raises(LineriskError):
        cases.service.assign(cases.people["lea"], "01J1NR8X00AAAAAAAAAAAAAAAA", assignee="anne", request_id="x")
    assert cases.log.anchor().seq == before
