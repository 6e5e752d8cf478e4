"""Whether a move may be made: role and state by the table of moves, then the person, then what is said."""

from __future__ import annotations

import re
from datetime import datetime

from linerisk.as_of import iso
from linerisk.errors import InputError
from linerisk.model.tiers import RAISED
from linerisk.review.disputes import Dispute
from linerisk.review.errors import IllegalMoveError, NotAllowedError
from linerisk.review.transitions import (
    LEAD,
    LEAST_REASON,
    MOST_TEXT,
    MOVES,
    REVIEWER,
    SCORER,
    Actor,
    Move,
    Outcome,
    Who,
)

_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_move(dispute: Dispute | None, move: Move, actor: Actor, *, now: datetime) -> None:
    """Hold a move to the table.

    Raises:
        NotAllowedError: The role may not, or the person took part.
        IllegalMoveError: It cannot be made from where the dispute stands.
    """
    rule = MOVES[move]
    if actor.role not in rule.roles:
        raise NotAllowedError(
            f"this role may not {move} a dispute",
            expected=_any_of(rule.roles),
            found=actor.role,
            todo="ask somebody whose token has such a role",
        )
    if dispute is None:
        return
    if dispute.state not in rule.before:
        raise IllegalMoveError(
            f"a dispute that is {dispute.state} cannot be moved so",
            expected=f"{_any_of(rule.before)}, to {move}",
            found=dispute.state,
            todo="read the case again",
        )
    _check_person(dispute, rule.who, actor, now=now)


def check_assignee(dispute: Dispute, name: str, role: str | None) -> None:
    """Whether a dispute may be given to somebody.

    Raises:
        InputError: Nobody of this name may review.
        NotAllowedError: The person scored, opened, or decided about this decision before.
    """
    if role not in {REVIEWER, LEAD}:
        raise InputError(
            "nobody of this name reviews",
            expected="the name of a token of a reviewer or lead",
            todo="name another; `linerisk tokens list` shows the roles",
            field="assignee",
        )
    if name in dispute.barred:
        raise NotAllowedError(
            "the person took part before: scored, opened, or decided about this decision",
            expected="somebody who did not",
            todo="name somebody else",
            field="assignee",
        )


def checked_text(text: str, *, field: str, least: int = 1) -> str:
    """A statement or a written reason, without blanks around it.

    Raises:
        InputError: It is too short or too long, or has characters that are no text.
    """
    said = text.strip()
    if not least <= len(said) <= MOST_TEXT:
        raise InputError(
            f"the {field} is too {'short' if len(said) < least else 'long'}",
            expected=f"{least} to {MOST_TEXT} characters",
            found=f"{len(said)}",
            todo="say in whole sentences what was looked at and what follows"
            if least > 1
            else "write a text of that length",
            field=field,
        )
    if _NO_TEXT.search(said):
        raise InputError(
            f"the {field} is no text",
            expected="no control characters",
            todo="take out the control characters",
            field=field,
        )
    return said


def checked_reason(move: Move, reason: str) -> str:
    """The written reason of a move that needs one; see `checked_text`."""
    return checked_text(reason, field="reason", least=LEAST_REASON if MOVES[move].reasoned else 1)


def checked_channel(channel: str) -> str:
    """Where the holder objected.

    Raises:
        InputError: It is no name of a channel.
    """
    if not _CHANNEL.fullmatch(channel):
        raise InputError(
            "this is no name of a channel",
            expected="small letters, digits and _, such as hotline",
            todo="write it so",
            field="channel",
        )
    return channel


def checked_tier(dispute: Dispute, outcome: Outcome, lowered_to: str | None) -> str | None:
    """The tier that stands instead.

    Raises:
        InputError: One is named without lowering, or lowering names none that is lower.
    """
    raised = [tier.value for tier in RAISED]
    lower = raised[: raised.index(dispute.tier)] if dispute.tier in raised else []
    allowed: list[str | None] = [*lower] if outcome is Outcome.LOWERED else [None]
    if lowered_to not in allowed:
        raise InputError(
            "this tier cannot stand instead",
            expected=" or ".join(str(tier) for tier in allowed) or "outcome cleared, since no measure is lower",
            found=str(lowered_to)[:32],
            todo="name a lower tier with the outcome lowered, and none with another outcome",
            field="lowered_to",
        )
    return lowered_to


def _check_person(dispute: Dispute, who: Who, actor: Actor, *, now: datetime) -> None:
    if who is Who.ASSIGNEE and actor.name != dispute.assigned_to:
        raise NotAllowedError(
            "only the person that the dispute is assigned to may decide it", todo="have it assigned to you first"
        )
    if who is Who.SECOND and actor.name in {dispute.decided_by, dispute.assigned_to, *dispute.barred}:
        raise NotAllowedError(
            "the second person is the first one, or took part before",
            expected="a lead who took no part in it",
            todo="have another lead approve it",
        )
    if who is Who.OPENER_OR_REVIEWER and actor.role == SCORER and actor.name != dispute.opened_by:
        raise NotAllowedError(
            "only who opened a dispute, or a reviewer, may withdraw it", todo="ask who opened it, or a reviewer"
        )
    if who is Who.CLOCK and now < dispute.hard_limit:
        raise IllegalMoveError(
            "the hard limit has not passed",
            expected=f"{iso(dispute.hard_limit)} or later",
            todo="wait until then; reviewers can still decide",
        )


def _any_of(names: frozenset[str]) -> str:
    return " or ".join(sorted(str(name) for name in names))
