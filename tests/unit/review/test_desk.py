"""A dispute goes from a holder's words to what was found, each step by who may make it, once, and on disk."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from linerisk.decisions.case_numbers import case_number
from linerisk.decisions.errors import ConflictError, StaleError
from linerisk.errors import InputError, LineriskError
from linerisk.review.errors import IllegalMoveError, NotAllowedError, UnknownDisputeError
from linerisk.review.transitions import Outcome, State

SetClock = Callable[[datetime], None]


def test_an_objection_has_a_number_and_a_time_to_answer_at_once(office: Any) -> None:
    dispute = office.opened()
    assert dispute.state is State.OPENED
    assert dispute.case_number == case_number(dispute.decision_id)
    assert dispute.answer_by - dispute.opened_at == timedelta(hours=24)
    assert dispute.hard_limit - dispute.opened_at == timedelta(days=15)
    assert dispute.policy == "shenzhen-2024-07-b"
    assert office.desk.get(dispute.dispute_id) == dispute


def test_a_later_dispute_of_a_decision_has_its_number_and_which_one_it_is(office: Any) -> None:
    first = office.decided(Outcome.UPHELD)
    told = [first.case_number]
    for _ in range(2):
        later = office.desk.open(
            office.people["hotline"], first.decision_id, statement="x", channel="hotline", request_id=office.key()
        )
        told.append(later.case_number)
        office.desk.withdraw(office.people["anne"], later.dispute_id, reason=office.reason, request_id=office.key())
    number = case_number(first.decision_id)
    assert told == [number, f"{number}-2", f"{number}-3"]
    assert [each.case_number for each in office.desk.numbered(f"{number}-2")] == [f"{number}-2"]
    assert office.desk.rebuild() == 3


def test_a_dispute_names_the_reasons_that_raised_and_the_model(office: Any) -> None:
    dispute = office.opened()
    assert (dispute.reasons, dispute.model) == (("A02",), "7")


def test_a_dispute_of_no_decision_is_refused(office: Any) -> None:
    with pytest.raises(UnknownDisputeError):
        office.desk.open(
            office.people["hotline"], "01J1NR8X00AAAAAAAAAAAAAAAA", statement="no", channel="hall", request_id="k"
        )


def test_a_decision_is_disputed_once_at_a_time(office: Any) -> None:
    first = office.opened()
    again = {"statement": "once more", "channel": "hall"}
    with pytest.raises(IllegalMoveError, match="open already"):
        office.desk.open(office.people["hotline"], first.decision_id, request_id="again", **again)
    office.desk.withdraw(office.people["hotline"], first.dispute_id, reason="The holder has cancelled.", request_id="w")
    assert office.desk.open(office.people["hotline"], first.decision_id, request_id="later", **again).number == 1


def test_a_request_made_again_gives_the_same_answer_and_writes_nothing(office: Any) -> None:
    opened = office.opened()
    assigning = {"assignee": "anne", "request_id": "k"}
    assigned = office.desk.assign(office.people["lea"], opened.dispute_id, **assigning)
    office.desk.withdraw(
        office.people["hotline"], opened.dispute_id, reason="The holder has cancelled.", request_id="w"
    )
    assert office.desk.assign(office.people["lea"], opened.dispute_id, **assigning) == assigned
    with pytest.raises(ConflictError, match="another body"):
        office.desk.assign(office.people["lea"], opened.dispute_id, assignee="ben", request_id="k")
    assert office.desk.get(opened.dispute_id).number == 3


@pytest.mark.parametrize("outcome", [Outcome.CLEARED, Outcome.INCONCLUSIVE, Outcome.UPHELD])
def test_a_finding_ends_a_dispute(office: Any, outcome: Outcome) -> None:
    dispute = office.decided(outcome)
    assert dispute.state.value == outcome.value
    assert (dispute.decided_by, dispute.reason, dispute.closed_at) == ("anne", office.reason, office.now)


def test_a_tier_is_lowered_to_one_that_is_lower(office: Any) -> None:
    assert office.decided(Outcome.LOWERED, lowered_to="medium_low").lowered_to == "medium_low"
    for wrong in ("medium_high", "normal", None):
        with pytest.raises(InputError, match="cannot stand instead"):
            office.decided(Outcome.LOWERED, lowered_to=wrong)
    with pytest.raises(InputError, match="cannot stand instead"):
        office.decided(Outcome.CLEARED, lowered_to="medium_low")


def test_upholding_the_highest_tier_needs_a_second_person(office: Any) -> None:
    proposed = office.decided(Outcome.UPHELD, tier="extremely_high")
    assert (proposed.state, proposed.closed_at) == (State.AWAITING_APPROVAL, None)
    agreed = office.desk.approve(
        office.people["lea"], proposed.dispute_id, agreed=True, reason=office.reason, request_id="a"
    )
    assert (agreed.state, agreed.decided_by, agreed.approved_by) == (State.UPHELD, "anne", "lea")


def test_the_second_person_is_not_the_first(office: Any) -> None:
    proposed = office.decided(Outcome.UPHELD, by=office.people["lea"], tier="extremely_high")
    approval = {"agreed": True, "reason": office.reason}
    with pytest.raises(NotAllowedError, match="the first one"):
        office.desk.approve(office.people["lea"], proposed.dispute_id, request_id="a", **approval)
    assert (
        office.desk.approve(office.people["liu"], proposed.dispute_id, request_id="b", **approval).approved_by == "liu"
    )


def test_a_refused_proposal_is_decided_anew(office: Any) -> None:
    proposed = office.decided(Outcome.UPHELD, tier="extremely_high")
    refused = office.desk.approve(
        office.people["lea"], proposed.dispute_id, agreed=False, reason=office.reason, request_id="r"
    )
    assert (refused.state, refused.outcome, refused.assigned_to) == (State.ASSIGNED, None, "anne")
    cleared = office.desk.decide(
        office.people["anne"], proposed.dispute_id, outcome=Outcome.CLEARED, reason=office.reason, request_id="d"
    )
    assert cleared.state is State.CLEARED


def test_nobody_reviews_who_opened_or_scored(office: Any) -> None:
    for took_part in (office.opened(by=office.people["anne"]), office.opened(scored_by="anne")):
        with pytest.raises(NotAllowedError, match="took part before"):
            office.desk.assign(office.people["lea"], took_part.dispute_id, assignee="anne", request_id=office.key())


def test_who_decided_a_dispute_does_not_review_the_next_one_of_the_same_decision(office: Any) -> None:
    upheld = office.decided(Outcome.UPHELD)
    again = office.desk.open(
        office.people["hotline"], upheld.decision_id, statement="Still not.", channel="hall", request_id="again"
    )
    with pytest.raises(NotAllowedError, match="took part before"):
        office.desk.assign(office.people["lea"], again.dispute_id, assignee="anne", request_id="x")
    assert (
        office.desk.assign(office.people["lea"], again.dispute_id, assignee="ben", request_id="y").assigned_to == "ben"
    )


@pytest.mark.parametrize("nobody", ["hotline", "zoe"])
def test_only_a_reviewer_is_given_a_dispute(office: Any, nobody: str) -> None:
    with pytest.raises(InputError, match="nobody of this name reviews"):
        office.desk.assign(office.people["lea"], office.opened().dispute_id, assignee=nobody, request_id="x")


def test_only_the_person_it_is_assigned_to_decides(office: Any) -> None:
    dispute = office.assigned()
    with pytest.raises(NotAllowedError, match="assigned to"):
        office.desk.decide(
            office.people["ben"], dispute.dispute_id, outcome=Outcome.CLEARED, reason=office.reason, request_id="x"
        )


@pytest.mark.parametrize("reason", ["", "no fraud", " " * 40, "x" * 4_001, "a reason with \x00 in it, long enough"])
def test_a_finding_needs_a_written_reason(office: Any, reason: str) -> None:
    dispute = office.assigned()
    with pytest.raises(InputError) as caught:
        office.desk.decide(
            office.people["anne"], dispute.dispute_id, outcome=Outcome.CLEARED, reason=reason, request_id="x"
        )
    assert caught.value.field == "reason"
    assert office.desk.get(dispute.dispute_id).number == dispute.number


def test_a_stale_tab_is_refused(office: Any) -> None:
    dispute = office.assigned()
    office.desk.assign(office.people["lea"], dispute.dispute_id, assignee="ben", request_id="x")
    with pytest.raises(StaleError):
        office.desk.decide(
            office.people["ben"],
            dispute.dispute_id,
            outcome=Outcome.CLEARED,
            reason=office.reason,
            request_id="y",
            seen=dispute.number,
        )


def test_of_two_at_once_one_wins(office: Any) -> None:
    dispute = office.assigned()

    def decide(i: int) -> str:
        try:
            outcome = (Outcome.CLEARED, Outcome.UPHELD)[i % 2]
            office.desk.decide(
                office.people["anne"],
                dispute.dispute_id,
                outcome=outcome,
                reason=office.reason,
                request_id=f"at-once-{i}",
            )
        except ConflictError:
            return "refused"
        return "won"

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(decide, range(8)))
    assert sorted(told) == ["refused"] * 7 + ["won"]
    assert office.desk.get(dispute.dispute_id).number == dispute.number + 1
    assert office.log.verify().ok


def test_of_two_who_open_at_once_one_wins(office: Any) -> None:
    record = office.decide_line()

    def open_it(i: int) -> str:
        try:
            office.desk.open(
                office.people["hotline"], record.decision_id, statement="No.", channel="hall", request_id=f"open-{i}"
            )
        except ConflictError:
            return "refused"
        return "won"

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(open_it, range(6))) == ["refused"] * 5 + ["won"]


def test_what_was_told_is_there_after_the_process_is_gone(office: Any, office_at: Any, url: str) -> None:
    cleared = office.decided(Outcome.CLEARED)
    other = office_at(url)
    assert other.desk.get(cleared.dispute_id) == cleared
    other.log.close()


def test_only_past_its_hard_limit_does_a_dispute_expire(office: Any, at: SetClock) -> None:
    dispute = office.assigned()
    at(dispute.hard_limit - timedelta(seconds=1))
    assert office.desk.expire_due() == 0
    at(dispute.hard_limit)
    assert office.desk.expire_due() == 1
    assert office.desk.expire_due() == 0
    expired = office.desk.get(dispute.dispute_id)
    assert (expired.state, expired.closed_at) == (State.EXPIRED, dispute.hard_limit)


def test_another_scorer_does_not_withdraw_what_somebody_opened(office: Any) -> None:
    dispute = office.opened(by=office.people["anne"])
    with pytest.raises(NotAllowedError, match="only who opened"):
        office.desk.withdraw(office.people["hotline"], dispute.dispute_id, reason=office.reason, request_id="x")


def test_cleared_and_lowered_lift_the_measure_and_nothing_else_does(office: Any) -> None:
    cleared = office.decided(Outcome.CLEARED, line_id="line-1")
    office.decided(Outcome.UPHELD, line_id="line-2")
    office.decided(Outcome.INCONCLUSIVE, line_id="line-3")
    lowered = office.decided(Outcome.LOWERED, line_id="line-4", lowered_to="medium_low")
    lifts = office.desk.lifts()
    assert [(each.dispute_id, each.lowered_to) for each in lifts] == [
        (cleared.dispute_id, None),
        (lowered.dispute_id, "medium_low"),
    ]
    assert [each.dispute_id for each in office.desk.lifts(after=lifts[0].seq)] == [lowered.dispute_id]
    assert office.desk.lifts(after=lifts[1].seq) == ()


def test_overturns_are_counted_by_reason_and_model(office: Any) -> None:
    for outcome in (Outcome.CLEARED, Outcome.UPHELD, Outcome.UPHELD, Outcome.INCONCLUSIVE):
        office.decided(outcome)
    ((key, decided),) = office.desk.figures(office.now).overturns.items()
    assert (key.reason, key.model, decided.decided, decided.overturned, decided.rate) == ("A02", "7", 4, 1, 0.25)
    assert office.desk.figures(office.now, since=office.now + timedelta(days=1)).overturns == {}


def test_every_refusal_leaves_no_trace(office: Any) -> None:
    before = office.log.anchor().seq
    with pytest.raises(LineriskError):
        office.desk.assign(office.people["lea"], "01J1NR8X00AAAAAAAAAAAAAAAA", assignee="anne", request_id="x")
    assert office.log.anchor().seq == before
