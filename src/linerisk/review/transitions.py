"""Who may do what to a dispute: states, moves, and the one table of the moves that are legal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a dispute stands."""

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
    """What a reviewer finds: nothing stands, a lower tier stands, the tier stands, or it cannot be told."""

    CLEARED = "cleared"
    LOWERED = "lowered"
    UPHELD = "upheld"
    INCONCLUSIVE = "inconclusive"


class Move(StrEnum):
    """What can be done to a dispute."""

    OPEN = "open"
    ASSIGN = "assign"
    DECIDE = "decide"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class Who(StrEnum):
    """Who of those with the role may make a move."""

    ANYBODY = "anybody"
    ASSIGNEE = "the person it is assigned to"
    SECOND = "a second person, who took no part in it"
    OPENER_OR_REVIEWER = "who opened it, or anybody who reviews"
    CLOCK = "the clock, past the hard limit"


OPEN_STATES: Final = frozenset({State.OPENED, State.ASSIGNED, State.AWAITING_APPROVAL})
OVERTURNED: Final = frozenset({Outcome.CLEARED, Outcome.LOWERED})
"""Outcomes that lift the measure."""

SCORER: Final = "scorer"
REVIEWER: Final = "reviewer"
LEAD: Final = "lead"
SYSTEM: Final = "system"
"""Role of the clock; no token has it."""
CLOCK: Final = "(clock)"
"""Name under which the clock acts; no token can have it."""

LEAST_REASON: Final = 20
"""Least length of a written reason, characters."""
MOST_TEXT: Final = 4_000
"""Greatest length of a statement and of a written reason, characters."""
SECOND_PERSON_TIER: Final = "extremely_high"
"""Upholding this tier needs a second person."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table of moves.

    Attributes:
        before: States from which it may be made; empty where there is no dispute yet.
        after: States that it may lead to.
        roles: Whose tokens may make it.
        who: Who of them.
        reasoned: Whether a written reason is needed.
    """

    before: frozenset[State]
    after: frozenset[State]
    roles: frozenset[str]
    who: Who
    reasoned: bool = False


MOVES: Final[dict[Move, Rule]] = {
    Move.OPEN: Rule(
        frozenset(), frozenset({State.OPENED}), frozenset({SCORER, REVIEWER, LEAD}), Who.ANYBODY, reasoned=False
    ),
    Move.ASSIGN: Rule(
        frozenset({State.OPENED, State.ASSIGNED}), frozenset({State.ASSIGNED}), frozenset({REVIEWER, LEAD}), Who.ANYBODY
    ),
    Move.DECIDE: Rule(
        frozenset({State.ASSIGNED}),
        frozenset({State.CLEARED, State.LOWERED, State.UPHELD, State.INCONCLUSIVE, State.AWAITING_APPROVAL}),
        frozenset({REVIEWER, LEAD}),
        Who.ASSIGNEE,
        reasoned=True,
    ),
    Move.APPROVE: Rule(
        frozenset({State.AWAITING_APPROVAL}), frozenset({State.UPHELD}), frozenset({LEAD}), Who.SECOND, reasoned=True
    ),
    Move.REFUSE: Rule(
        frozenset({State.AWAITING_APPROVAL}), frozenset({State.ASSIGNED}), frozenset({LEAD}), Who.SECOND, reasoned=True
    ),
    Move.WITHDRAW: Rule(
        OPEN_STATES,
        frozenset({State.WITHDRAWN}),
        frozenset({SCORER, REVIEWER, LEAD}),
        Who.OPENER_OR_REVIEWER,
        reasoned=True,
    ),
    Move.EXPIRE: Rule(OPEN_STATES, frozenset({State.EXPIRED}), frozenset({SYSTEM}), Who.CLOCK),
}
"""Every move that there is; what is not in it cannot be done."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a move: the name and the role of a token."""

    name: str
    role: str


def state_after(move: Move, *, tier: str, outcome: Outcome | None = None) -> State:
    """Where a move leads; with `MOVES` this is all that there is to know of the moves.

    Args:
        move: The move.
        tier: The tier that is objected to.
        outcome: What was found; of `decide` alone.
    """
    if move is Move.DECIDE and outcome is not None:
        if outcome is Outcome.UPHELD and tier == SECOND_PERSON_TIER:
            return State.AWAITING_APPROVAL
        return State(outcome.value)
    (only,) = MOVES[move].after
    return only
