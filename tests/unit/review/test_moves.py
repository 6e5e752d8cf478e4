"""Whatever is tried, a dispute only ever makes the moves of the one table."""

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
from linerisk.review.disputes import Dispute, folded
from linerisk.review.transitions import LEAD, MOVES, OPEN_STATES, REVIEWER, SCORER, SYSTEM, Actor, Move, Outcome, State
from linerisk.settings import Settings
from linerisk.web.token_store import Role

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [
    Actor(name, role)
    for name, role in (("hotline", SCORER), ("anne", REVIEWER), ("ben", REVIEWER), ("lea", LEAD), ("liu", LEAD))
]
ROLES = {person.name: person.role for person in PEOPLE}
TIERS = ("medium_low", "medium_high", "extremely_high")
REASONS = st.sampled_from(["too short", "Long enough to be a reason that somebody wrote."])


def test_every_role_of_the_table_is_that_of_a_token_or_the_clock() -> None:
    assert {role for rule in MOVES.values() for role in rule.roles} <= {*Role, SYSTEM}


def test_the_table_has_a_row_for_every_move_and_a_way_to_every_state() -> None:
    assert MOVES.keys() == set(Move)
    assert set().union(*(rule.after for rule in MOVES.values())) == set(State)


@pytest.mark.parametrize("ended", sorted(set(State) - OPEN_STATES))
def test_nothing_leads_out_of_a_dispute_that_ended(ended: State) -> None:
    assert not [move for move, rule in MOVES.items() if ended in rule.before]


class ServiceState(RuleBasedStateMachine):
    """Anybody tries anything at any time; what came of it is compared with the table."""

    def __init__(self) -> None:
        super().__init__()
        self._now = START
        self._clock = patch.object(as_of, "now", lambda: self._now)
        self._clock.start()
        self._folder = tempfile.TemporaryDirectory()
        self._log = DecisionLog(f"sqlite:///{Path(self._folder.name) / 'decisions.db'}")
        self._desk = DisputeService(self._log, load_policies(Settings().policies), role_of=ROLES.get)
        self._keys = (f"k-{i}" for i in itertools.count())
        self._dispute: Dispute | None = None

    def teardown(self) -> None:
        self._log.close()
        self._folder.cleanup()
        self._clock.stop()

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
        self._dispute = self._desk.open(
            by, self._record.decision_id, statement="no", channel="hall", request_id=next(self._keys)
        )
        assert self._dispute.state is State.OPENED

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE))
    def assign(self, by: Actor, to: Actor) -> None:
        before = self._stand
        if self._try(Move.ASSIGN, by, self._desk.assign, assignee=to.name):
            assert to.role != SCORER
            assert to.name not in before.barred
            assert self._stand.assigned_to == to.name

    @precondition(lambda self: self._dispute is not None)
    @rule(
        by=st.sampled_from(PEOPLE),
        outcome=st.sampled_from(list(Outcome)),
        reason=REASONS,
        lowered_to=st.sampled_from([None, *TIERS]),
    )
    def decide(self, by: Actor, outcome: Outcome, reason: str, lowered_to: str | None) -> None:
        before = self._stand
        said = {"outcome": outcome, "reason": reason, "lowered_to": lowered_to}
        if self._try(Move.DECIDE, by, self._desk.decide, **said):
            assert by.name == before.assigned_to
            assert len(reason) >= 20
            assert (outcome is Outcome.LOWERED) == (lowered_to is not None)
            second = outcome is Outcome.UPHELD and before.tier == "extremely_high"
            assert self._stand.state == ("awaiting_approval" if second else outcome.value)

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), agreed=st.booleans(), reason=REASONS)
    def approve(self, by: Actor, agreed: bool, reason: str) -> None:  # noqa: FBT001
        before = self._stand
        move = Move.APPROVE if agreed else Move.REFUSE
        if self._try(move, by, self._desk.approve, agreed=agreed, reason=reason):
            assert by.role == LEAD
            assert by.name != before.decided_by
            assert by.name not in before.barred

    @precondition(lambda self: self._dispute is not None)
    @rule(by=st.sampled_from(PEOPLE), reason=REASONS)
    def withdraw(self, by: Actor, reason: str) -> None:
        before = self._stand
        if self._try(Move.WITHDRAW, by, self._desk.withdraw, reason=reason):
            assert by.role != SCORER or by.name == before.opened_by

    @rule(hours=st.integers(1, 200))
    def wait(self, hours: int) -> None:
        self._now += timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        due = self._dispute is not None and self._stand.is_open and self._now >= self._stand.hard_limit
        assert self._desk.expire_due() == int(due)
        if due:
            assert self._stand.state is State.EXPIRED

    @invariant()
    def what_lifts_is_what_ended_in_the_holders_favour(self) -> None:
        overturned = self._dispute is not None and self._stand.overturned
        assert len(self._desk.lifts()) == int(overturned)

    @invariant()
    def the_events_are_numbered_and_every_one_is_a_row_of_the_table(self) -> None:
        if self._dispute is None:
            return
        state: State | None = None
        for number, event in enumerate(self._stand.events, start=1):
            row = MOVES[event.move]
            assert event.number == number
            assert (state in row.before) if number > 1 else not row.before
            assert event.state in row.after
            assert event.role in row.roles
            state = event.state
        assert folded(self._stand.events) == self._stand
        (listed,) = self._desk.of_line("line-1")
        assert (listed.state, listed.number) == (self._stand.state, self._stand.number)

    @invariant()
    def the_chain_holds(self) -> None:
        assert self._log.verify().ok

    @property
    def _stand(self) -> Dispute:
        assert self._dispute is not None
        found = self._desk.get(self._dispute.dispute_id)
        assert found is not None
        return found

    def _try(self, move: Move, by: Actor, make: Any, **said: Any) -> bool:
        before = self._stand
        try:
            now = make(by, before.dispute_id, request_id=next(self._keys), **said)
        except LineriskError:
            assert self._stand == before
            return False
        assert by.role in MOVES[move].roles
        assert before.state in MOVES[move].before
        assert now == self._stand
        assert now.number == before.number + 1
        return True


ServiceState.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestDesk = ServiceState.TestCase
