"""State machine of disputes: states, transitions, and the one table of who may make which transition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """State of a dispute."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    AWAITING_APPROVAL = "awaiting_approval"
    CLEARED = "cleared"
    LOWERED = "lowered"
    UPHELD = "upheld"
    INCONCLUSIVE = "inconclusive"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """A reviewer's finding: no tier is justified, a lower one is, the tier is, or the evidence does not decide it."""

    CLEARED = "cleared"
    LOWERED = "lowered"
    UPHELD = "upheld"
    INCONCLUSIVE = "inconclusive"


class Transition(StrEnum):
    """What can be done to a dispute."""

    OPEN = "open"
    ASSIGN = "assign"
    DECIDE = "decide"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class Performer(StrEnum):
    """Which of the people with the role may make a transition."""

    ANYONE = "anybody"
    ASSIGNEE = "the person it is assigned to"
    SECOND_PERSON = "a second person, who took no part in it"
    OPENER_OR_REVIEWER = "who opened it, or anybody who reviews"
    SYSTEM_PAST_LIMIT = "the clock, past the hard limit"


OPEN_STATES: Final = frozenset({State.OPENED, State.ASSIGNED, State.AWAITING_APPROVAL})
OVERTURNED: Final = frozenset({Outcome.CLEARED, Outcome.LOWERED})
"""Outcomes that lift the measure."""

SCORER: Final = "scorer"
REVIEWER: Final = "reviewer"
LEAD: Final = "lead"
SYSTEM: Final = "system"
"""Role under which the service expires disputes; no token has it."""
SYSTEM_NAME: Final = "(clock)"
"""Name under which the service expires disputes; no token can have it."""

MIN_REASON_CHARS: Final = 20
"""Minimum length of a written reason, characters."""
MAX_TEXT_CHARS: Final = 4_000
"""Maximum length of a statement and of a written reason, characters."""
SECOND_PERSON_TIER: Final = "extremely_high"
"""Upholding this tier needs a second person."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table of transitions.

    Attributes:
        from_states: States in which it is allowed; empty for the transition that opens a dispute.
        to_states: States that it may lead to.
        roles: Token roles that may make it.
        performer: Which people with such a role.
        needs_reason: Whether a written reason is required.
    """

    from_states: frozenset[State]
    to_states: frozenset[State]
    roles: frozenset[str]
    performer: Performer
    needs_reason: bool = False


TRANSITIONS: Final[dict[Transition, Rule]] = {
    Transition.OPEN: Rule(
        frozenset(), frozenset({State.OPENED}), frozenset({SCORER, REVIEWER, LEAD}), Performer.ANYONE
    ),
    Transition.ASSIGN: Rule(
        frozenset({State.OPENED, State.ASSIGNED}),
        frozenset({State.ASSIGNED}),
        frozenset({REVIEWER, LEAD}),
        Performer.ANYONE,
    ),
    Transition.DECIDE: Rule(
        frozenset({State.ASSIGNED}),
        frozenset({State.CLEARED, State.LOWERED, State.UPHELD, State.INCONCLUSIVE, State.AWAITING_APPROVAL}),
        frozenset({REVIEWER, LEAD}),
        Performer.ASSIGNEE,
        needs_reason=True,
    ),
    Transition.APPROVE: Rule(
        frozenset({State.AWAITING_APPROVAL}),
        frozenset({State.UPHELD}),
        frozenset({LEAD}),
        Performer.SECOND_PERSON,
        needs_reason=True,
    ),
    Transition.REFUSE: Rule(
        frozenset({State.AWAITING_APPROVAL}),
        frozenset({State.ASSIGNED}),
        frozenset({LEAD}),
        Performer.SECOND_PERSON,
        needs_reason=True,
    ),
    Transition.WITHDRAW: Rule(
        OPEN_STATES,
        frozenset({State.WITHDRAWN}),
        frozenset({SCORER, REVIEWER, LEAD}),
        Performer.OPENER_OR_REVIEWER,
        needs_reason=True,
    ),
    Transition.EXPIRE: Rule(OPEN_STATES, frozenset({State.EXPIRED}), frozenset({SYSTEM}), Performer.SYSTEM_PAST_LIMIT),
}
"""Every allowed transition; anything else is refused."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a transition: the name and the role of a token."""

    name: str
    role: str


def state_after(transition: Transition, *, tier: str, outcome: Outcome | None = None) -> State:
    """The state that a transition leads to; together with `TRANSITIONS`, the complete state machine.

    Args:
        transition: The transition.
        tier: The disputed tier.
        outcome: The finding; of `decide` only.
    """
    if transition is Transition.DECIDE and outcome is not None:
        if outcome is Outcome.UPHELD and tier == SECOND_PERSON_TIER:
            return State.AWAITING_APPROVAL
        return State(outcome.value)
    (only,) = TRANSITIONS[transition].to_states
    return only
