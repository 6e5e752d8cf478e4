"""Checks of a transition: role and state by the table of transitions, then the person, then the input."""

from __future__ import annotations

import re
from datetime import datetime

from linerisk.as_of import iso
from linerisk.errors import InputError
from linerisk.model.tiers import RAISED
from linerisk.review.disputes import Dispute
from linerisk.review.errors import IllegalTransitionError, NotAllowedError
from linerisk.review.transitions import (
    LEAD,
    MAX_TEXT_CHARS,
    MIN_REASON_CHARS,
    REVIEWER,
    SCORER,
    TRANSITIONS,
    Actor,
    Outcome,
    Performer,
    Transition,
)

_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_transition(dispute: Dispute | None, transition: Transition, actor: Actor, *, now: datetime) -> None:
    """Check a transition against the table; `dispute` is None when it is being opened.

    Raises:
        NotAllowedError: The role may not make it, or the person took part before.
        IllegalTransitionError: The state of the dispute does not allow it.
    """
    rule = TRANSITIONS[transition]
    if actor.role not in rule.roles:
        raise NotAllowedError(
            f"this role may not {transition} a dispute",
            expected=_any_of(rule.roles),
            found=actor.role,
            todo="ask somebody whose token has such a role",
        )
    if dispute is None:
        return
    if dispute.state not in rule.from_states:
        raise IllegalTransitionError(
            f"a dispute in state {dispute.state} does not allow {transition}",
            expected=f"{_any_of(rule.from_states)}, to {transition}",
            found=dispute.state,
            todo="read the case again",
        )
    _check_person(dispute, rule.performer, actor, now=now)


def check_assignee(dispute: Dispute, name: str, role: str | None) -> None:
    """Check that a person may be assigned to a dispute.

    Raises:
        InputError: No reviewer or lead has this name.
        NotAllowedError: The person scored, opened, or decided about this decision before.
    """
    if role not in {REVIEWER, LEAD}:
        raise InputError(
            "no reviewer has this name",
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


def checked_text(text: str, *, field: str, min_chars: int = 1) -> str:
    """A statement or a written reason, without surrounding blanks.

    Raises:
        InputError: It is too short or too long, or has control characters.
    """
    stripped = text.strip()
    if not min_chars <= len(stripped) <= MAX_TEXT_CHARS:
        raise InputError(
            f"the {field} is too {'short' if len(stripped) < min_chars else 'long'}",
            expected=f"{min_chars} to {MAX_TEXT_CHARS} characters",
            found=f"{len(stripped)}",
            todo="write in whole sentences what was examined and what follows"
            if min_chars > 1
            else "write a text of that length",
            field=field,
        )
    if _CONTROL_CHARACTERS.search(stripped):
        raise InputError(
            f"the {field} has control characters",
            expected="no control characters",
            todo="take out the control characters",
            field=field,
        )
    return stripped


def checked_reason(transition: Transition, reason: str) -> str:
    """The written reason of a transition; see `checked_text`."""
    min_chars = MIN_REASON_CHARS if TRANSITIONS[transition].needs_reason else 1
    return checked_text(reason, field="reason", min_chars=min_chars)


def checked_channel(channel: str) -> str:
    """The channel of the objection.

    Raises:
        InputError: It is not a valid channel name.
    """
    if not _CHANNEL.fullmatch(channel):
        raise InputError(
            "this is not a valid channel name",
            expected="lower-case letters, digits and _, such as hotline",
            todo="write it so",
            field="channel",
        )
    return channel


def checked_tier(dispute: Dispute, outcome: Outcome, lowered_to: str | None) -> str | None:
    """The tier that replaces the disputed one.

    Raises:
        InputError: An outcome other than `lowered` names one, or `lowered` names none that is lower.
    """
    raised = [tier.value for tier in RAISED]
    lower = raised[: raised.index(dispute.tier)] if dispute.tier in raised else []
    allowed: list[str | None] = [*lower] if outcome is Outcome.LOWERED else [None]
    if lowered_to not in allowed:
        raise InputError(
            "this tier cannot replace the disputed one",
            expected=" or ".join(str(tier) for tier in allowed) or "outcome cleared, since no measure is lower",
            found=str(lowered_to)[:32],
            todo="name a lower tier with the outcome lowered, and none with another outcome",
            field="lowered_to",
        )
    return lowered_to


def _check_person(dispute: Dispute, performer: Performer, actor: Actor, *, now: datetime) -> None:
    if performer is Performer.ASSIGNEE and actor.name != dispute.assigned_to:
        raise NotAllowedError(
            "only the person that the dispute is assigned to may decide it", todo="have it assigned to you first"
        )
    took_part = {dispute.decided_by, dispute.assigned_to, *dispute.barred}
    if performer is Performer.SECOND_PERSON and actor.name in took_part:
        raise NotAllowedError(
            "the second person is the first one, or took part before",
            expected="a lead who took no part in it",
            todo="have another lead approve it",
        )
    if performer is Performer.OPENER_OR_REVIEWER and actor.role == SCORER and actor.name != dispute.opened_by:
        raise NotAllowedError(
            "only the person who opened a dispute, or a reviewer, may withdraw it",
            todo="ask the person who opened it, or a reviewer",
        )
    if performer is Performer.SYSTEM_PAST_LIMIT and now < dispute.hard_limit:
        raise IllegalTransitionError(
            "the hard limit has not passed",
            expected=f"{iso(dispute.hard_limit)} or later",
            todo="wait until then; reviewers can still decide",
        )


def _any_of(names: frozenset[str]) -> str:
    return " or ".join(sorted(str(name) for name in names))
