"""Policies: loading, validation, the one in force at an instant, and the action for a tier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from linerisk.as_of import iso
from linerisk.errors import PolicyError
from linerisk.model.tiers import TIERS, Tier
from linerisk.policy.file_model import (
    REASONS_FILE,
    RETENTION_FILE,
    TIERS_FILE,
    Appeal,
    Halls,
    HeldBy,
    Material,
    Step,
    Table,
    Text,
    TierRule,
    TimeLimits,
    Wording,
    Words,
    read_table,
    wrong_key,
)
from linerisk.policy.notice_placeholders import check_wording

EMERGENCY_NUMBERS: Final = ("110", "119", "120", "122")
"""No measure may close these (Telecommunications Regulations, article 36)."""

_STATUSES: dict[str, HeldBy | None] = {"fresh": None, "stale": "stale", "degraded": "degraded"}


@dataclass(frozen=True, slots=True)
class Action:
    """Action of a policy for a tier.

    Attributes:
        kind: `none`, or `verify`.
        policy: Id of the policy.
        steps: Steps of the tier, in order.
        held_by: Why the steps are not asked for now; None if they are.
    """

    kind: Literal["none", "verify"]
    policy: str
    steps: tuple[str, ...] = ()
    held_by: HeldBy | None = None


class Policy(Table):
    """One policy file. Its first day begins at midnight in its time zone."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Words
    operator: Words
    source: Text
    notes: tuple[Words, ...] = ()
    in_force_from: date
    time_zone: Text
    always_open: tuple[str, ...]
    clocks: TimeLimits
    halls: Halls
    appeal: Appeal
    wording: Wording
    tiers: dict[Tier, TierRule]
    steps: dict[str, Step]
    materials: dict[str, Material]

    @cached_property
    def starts_at(self) -> datetime:
        """Instant from which it is in force."""
        day = self.in_force_from
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.time_zone))

    @property
    def snapshot_max_age(self) -> timedelta:
        """Age past which a snapshot is stale."""
        return timedelta(hours=self.clocks.snapshot_max_age_hours)

    @property
    def cool_down(self) -> timedelta:
        """How long the same evidence may not trigger again."""
        return timedelta(days=self.clocks.cool_down_days)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its content: one id with two fingerprints means that the file was changed."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def asks_for(self, name: str) -> bool:
        """Whether any tier asks for the step or material of this id.

        A file that defines a step or material which no tier asks for is refused.
        """
        return name in self.steps or name in self.materials

    def action(
        self,
        tier: Tier,
        *,
        last_verified_at: datetime | None,
        as_of: datetime,
        status: str = "fresh",
        cleared_at: datetime | None = None,
    ) -> Action:
        """The action for a tier, and what holds it back.

        Within the cool-down after a passed verification, or after a dispute that ended in the holder's favour
        (`cleared_at`), the same evidence may not trigger again. Evidence from before the dispute ended was examined in
        it, so it is held back too. A tier from stale or degraded inputs never starts a measure. The steps of the tier
        are listed in either case.

        Raises:
            PolicyError: The status is unknown, or an instant has no time zone.
        """
        if status not in _STATUSES:
            raise PolicyError(
                "the status is unknown",
                expected=", ".join(_STATUSES),
                found=repr(status),
                todo="give one of these",
                field="status",
            )
        rule = self.tiers[tier]
        if rule.kind == "none":
            return Action(kind="none", policy=self.id)
        held_by = _STATUSES[status]
        if last_verified_at is not None and self._cools_down(last_verified_at, as_of):
            held_by = "cool_down"
        if cleared_at is not None and _aware(as_of, "as_of") - _aware(cleared_at, "cleared_at") < self.cool_down:
            held_by = "cool_down"
        return Action(kind=rule.kind, policy=self.id, steps=rule.steps, held_by=held_by)

    def _cools_down(self, last_verified_at: datetime, as_of: datetime) -> bool:
        passed = _aware(as_of, "as_of") - _aware(last_verified_at, "last_verified_at")
        # A verification after `as_of` is not known at `as_of`.
        return timedelta(0) <= passed < self.cool_down

    def summary(self) -> dict[str, Any]:
        """Its content as JSON values, lowest tier first, with its first instant and fingerprint."""
        content = self.model_dump(mode="json")
        content["tiers"] = {tier.value: content["tiers"][tier.value] for tier in TIERS}
        return {**content, "starts_at": iso(self.starts_at), "fingerprint": self.fingerprint}


def load_policies(folder: Path) -> tuple[Policy, ...]:
    """Load every policy of a folder, oldest first.

    Raises:
        PolicyError: There is none, one is wrong, or two share an id or a first day.
    """
    read: dict[str, Policy] = {}
    for file in sorted(folder.glob("*.toml")):
        if file.name in {TIERS_FILE, REASONS_FILE, RETENTION_FILE}:
            continue
        policy = read_table(file, Policy)
        _check(policy, file)
        for name, other in read.items():
            for key in ("id", "in_force_from"):
                if getattr(other, key) == getattr(policy, key):
                    raise wrong_key(
                        file, key, expected="another in every file", found=f"{getattr(policy, key)}, as in {name}"
                    )
        read[file.name] = policy
    if not read:
        raise PolicyError(
            "there is no policy",
            expected="a dated policy file",
            found=f"none in {folder}",
            todo="name the folder of policies with LINERISK_POLICIES",
        )
    return tuple(sorted(read.values(), key=lambda policy: policy.in_force_from))


def in_force(policies: Sequence[Policy], instant: datetime) -> Policy:
    """The policy in force at an instant: the newest whose first day has begun.

    Raises:
        PolicyError: None has begun, or the instant has no time zone.
    """
    instant = _aware(instant, "instant")
    begun = [policy for policy in policies if policy.starts_at <= instant]
    if not begun:
        first = min((policy.in_force_from.isoformat() for policy in policies), default="a policy")
        raise PolicyError(
            "no policy is in force", expected=f"{first} or later", found=iso(instant), todo="add a dated policy file"
        )
    return max(begun, key=lambda policy: policy.starts_at)


def with_id(policies: Sequence[Policy], policy_id: str) -> Policy:
    """The policy with an id, as a decision names it.

    Raises:
        PolicyError: No file has this id.
    """
    for policy in policies:
        if policy.id == policy_id:
            return policy
    raise PolicyError(
        "the policy of the decision is not there",
        expected=", ".join(policy.id for policy in policies),
        found=policy_id,
        todo="put its dated file back: a policy is kept as long as a decision that names it",
    )


def _aware(instant: datetime, field: str) -> datetime:
    if instant.tzinfo is None:
        raise PolicyError(
            "the instant has no time zone",
            expected="UTC",
            found=instant.isoformat(),
            todo="give its offset from UTC",
            field=field,
        )
    return instant


def _check(policy: Policy, file: Path) -> None:
    """Checks across the keys of a policy."""
    try:
        ZoneInfo(policy.time_zone)
    except (KeyError, OSError, ValueError) as error:
        raise wrong_key(file, "time_zone", expected="an IANA time zone", found=policy.time_zone) from error
    if set(policy.tiers) != set(TIERS):
        raise wrong_key(file, "tiers", expected=", ".join(TIERS), found=", ".join(policy.tiers))
    for tier, rule in policy.tiers.items():
        kind, few, many = ("none", 0, 0) if tier is Tier.NORMAL else ("verify", 1, len(policy.steps))
        if rule.kind != kind or not few <= len(set(rule.steps)) == len(rule.steps) <= many:
            expected = "kind none and no step" if tier is Tier.NORMAL else "kind verify and different steps"
            raise wrong_key(file, f"tiers.{tier}", expected=expected, found=f"{rule.kind} with {list(rule.steps)}")
    _check_used(file, "steps", policy.steps, [rule.steps for rule in policy.tiers.values()])
    for name, step in policy.steps.items():
        if step.short is None and all(
            policy.materials[each].short is None for each in step.materials if each in policy.materials
        ):
            raise wrong_key(file, f"steps.{name}.short", expected="short words of the step or a material", found="none")
    _check_used(file, "materials", policy.materials, [step.materials for step in policy.steps.values()])
    if policy.halls.scope != "country" and policy.halls.ground is None:
        raise wrong_key(file, "halls.ground", expected="a ground for a narrower scope than the country", found="none")
    closed = set(EMERGENCY_NUMBERS) - set(policy.always_open)
    if closed:
        raise wrong_key(file, "always_open", expected=", ".join(EMERGENCY_NUMBERS), found=f"no {sorted(closed)}")
    check_wording(policy.wording, file)


def _check_used(file: Path, key: str, known: dict[str, Any], requested: Sequence[Sequence[str]]) -> None:
    used = {name for names in requested for name in names}
    if used != set(known):
        odd = sorted(used ^ set(known))
        raise wrong_key(file, key, expected="every one defined and asked for", found=f"{odd} only one of the two")
