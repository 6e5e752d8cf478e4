"""Model-based test: random requests only ever make transitions of the table."""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from linerisk import as_of
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel
from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.errors import LineriskError
from linerisk.policy import load_policies
from linerisk.review.dispute_service import DisputeService
from linerisk.review.disputes import Dispute, fold
from linerisk.review.transitions import (
    LEAD,
    OPEN_STATES,
    REVIEWER,
    SCORER,
    SYSTEM,
    TRANSITIONS,
    Actor,
    Outcome,
    State,
    Transition,
)
from linerisk.settings import Settings
from linerisk.web.token_store import Role

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [
    Actor(name, role)
    for name, role in (("hotline", SCORER), ("anne", REVIEWER), ("ben", REVIEWER), ("lea", LEAD), ("liu", LEAD))
]
ROLES = {person.name: person.role for person in PEOPLE}
TIERS = ("medium_low", "medium_high", "extremely_high")
REASONS = st.sampled_from(["too short", "Long enough to be a reason that a person wrote."])


def test_every_role_of_the_table_is_a_token_role_or_system() -> None:
    assert {role for rule in TRANSITIONS.values() for role in rule.roles} <= {*Role, SYSTEM}


def test_the_table_has_every_transition_and_reaches_every_state() -> None:
    assert TRANSITIONS.keys() == set(Transition)
    assert set().union(*(rule.to_states for rule in TRANSITIONS.values())) == set(State)


@pytest.mark.parametrize("ended", sorted(set(State) - OPEN_STATES))
def test_a_closed_state_has_no_transition(ended: State) -> None:
    assert not [transition for transition, rule in TRANSITIONS.items() if ended in rule.from_states]


class DisputeMachine(RuleBasedStateMachine):
    """Random actors make random requests at random times; every result is checked against the table."""

    def __init__(self) -> None:
        super().__init__()
        self._now = START
        self._now_patch = patch.object(as_of, "now", lambda: self._now)
        self._now_patch.start()
        self._folder = tempfile.TemporaryDirectory()
        self._log = DecisionLog(f"sqlite:///{Path(self._folder.name) / 'decisions.db'}")
        self._service = DisputeService(self._log, load_policies(Settings().policies), role_of=ROLES.get)
        self._request_ids = (f"k-{i}" for i in itertools.count())
        self._dispute: Dispute | None = None

    def teardown(self) -> None:
        self._log.close()
        self._folder.cleanup()
        self._now_patch.stop()

    @initialize(tier=st.sampled_from(TIERS), scored_by=st.sampled_from(["suspension", "ben"]))
    def decide_line(self, tier: str, scored_by: str) -> None:
        self._record = DecisionRecord(
            decision_id=decision_ids(START, 1)[0],
            request_id="r",
            line_id="line-1",
            as_of=START,
            scored_at=START,
            status="fresh",
            margin=0.0,
            probability=0.5,
            probability_low=0.5,
            probability_high=0.5,
            tier=tier,
            action=RecordedAction(kind="verify", policy="p"),
            reasons=(),
            base=0.0,
            calibration=0.0,
            contributions={},
            model=RecordedModel(name="m", version="1", fingerprint="f"),
            features_from="table",
            features=RecordedFeatures(columns="c", values=""),
            scored_by=scored_by,
        )
        self._log.append(scored_by, "r", "body", [self._record])

    @precondition(lambda self: self._dispute is None)
    @rule(by=st.sampled_from(PEOPLE))
    def open(self, by: Actor) -> None:
        self._dispute = self._service.open(
            by, self._record.decision_id, statement="no", channel="hall", request_id=next(self._request_ids)
        )
        assert self._dispute.state is State.OPENED

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE))
    def assign(self, by: Actor, to: Actor) -> None:
        before = self._current
        if self._try(Transition.ASSIGN, by, self._service.assign, assignee=to.name):
            assert to.role != SCORER
            assert to.name not in before.barred
            assert self._current.assigned_to == to.name

    @precondition(lambda self: self._dispute is not None)
    @rule(
        by=st.sampled_from(PEOPLE),
        outcome=st.sampled_from(list(Outcome)),
        reason=REASONS,
        lowered_to=st.sampled_from([None, *TIERS]),
    )
    def decide(self, by: Actor, outcome: Outcome, reason: str, lowered_to: str | None) -> None:
        before = self._current
        fields = {"outcome": outcome, "reason": reason, "lowered_to": lowered_to}
        if self._try(Transition.DECIDE, by, self._service.decide, **fields):
            assert by.name == before.assigned_to
            assert len(reason) >= 20
            assert (outcome is Outcome.LOWERED) == (lowered_to is not None)
            second = outcome is Outcome.UPHELD and before.tier == "extremely_high"
            assert self._current.state == ("awaiting_approval" if second else outcome.value)

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), agreed=st.booleans(), reason=REASONS)
    def approve(self, by: Actor, agreed: bool, reason: str) -> None:  # noqa: FBT001
        before = self._current
        transition = Transition.APPROVE if agreed else Transition.REFUSE
        if self._try(transition, by, self._service.approve, agreed=agreed, reason=reason):
            assert by.role == LEAD
            assert by.name != before.decided_by
            assert by.name not in before.barred

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), reason=REASONS)
    def withdraw(self, by: Actor, reason: str) -> None:
        before = self._current
        if self._try(Transition.WITHDRAW, by, self._service.withdraw, reason=reason):
            assert by.role != SCORER or by.name == before.opened_by

    @rule(hours=st.integers(1, 200))
    def wait(self, hours: int) -> None:
        self._now += timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        due = self._dispute is not None and self._current.is_open and self._now >= self._current.hard_limit
        assert self._service.expire_due() == int(due)
        if due:
            assert self._current.state is State.EXPIRED

    @invariant()
    def a_lift_exists_exactly_if_the_dispute_was_overturned(self) -> None:
        overturned = self._dispute is not None and self._current.overturned
        assert len(self._service.lifts()) == int(overturned)

    @invariant()
    def every_event_is_numbered_and_allowed_by_the_table(self) -> None:
        if self._dispute is None:
            return
        state: State | None = None
        for number, event in enumerate(self._current.events, start=1):
            row = TRANSITIONS[event.transition]
            assert event.number == number
            assert (state in row.from_states) if number > 1 else not row.from_states
            assert event.state in row.to_states
            assert event.role in row.roles
            state = event.state
        assert fold(self._current.events) == self._current
        (listed,) = self._service.of_line("line-1")
        assert (listed.state, listed.number) == (self._current.state, self._current.number)

    @invariant()
    def the_chain_is_intact(self) -> None:
        assert self._log.verify().ok

    @property
    def _current(self) -> Dispute:
        assert self._dispute is not None
        found = self._service.get(self._dispute.dispute_id)
        assert found is not None
        return found

    def _try(self, transition: Transition, by: Actor, request: Any, **fields: Any) -> bool:
        before = self._current
        try:
            now = request(by, before.dispute_id, request_id=next(self._request_ids), **fields)
        except LineriskError:
            assert self._current == before
            return False
        assert by.role in TRANSITIONS[transition].roles
        assert before.state in TRANSITIONS[transition].from_states
        assert now == self._current
        assert now.number == before.number + 1
        return True


DisputeMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestDisputeMachine = DisputeMachine.TestCase
