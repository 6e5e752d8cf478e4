"""How often reviewers agreed with a model: decided disputes by model and tier."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import disputes
from linerisk.model.tiers import TIERS, Tier
from linerisk.review.transitions import State

_DECIDED = (State.CLEARED, State.LOWERED, State.UPHELD, State.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Decided disputes of one model and tier.

    Attributes:
        model: Version of the model.
        tier: The disputed tier.
        cleared: The reviewer found that no tier was justified.
        lowered: The reviewer found that a lower tier was justified.
        upheld: The reviewer agreed with the model.
        inconclusive: The evidence did not decide it.
    """

    model: str
    tier: str
    cleared: int = 0
    lowered: int = 0
    upheld: int = 0
    inconclusive: int = 0

    @property
    def decided(self) -> int:
        """How many were decided."""
        return self.cleared + self.lowered + self.upheld + self.inconclusive

    @property
    def disagreed(self) -> int:
        """How many ended with another tier than the model gave."""
        return self.cleared + self.lowered


def agreement(log: DecisionLog) -> tuple[Agreement, ...]:
    """Decided disputes by model and tier: newest version first, then lowest tier; empty without disputes."""
    with log.reading() as connection:
        rows = connection.execute(_BY_MODEL).all()
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row.model, row.tier][row.state] = row.many
    return tuple(Agreement(model, tier, **counts) for (model, tier), counts in sorted(found.items(), key=_order))


def newest_first(version: str) -> tuple[int, str]:
    """Sort key of versions: numbers from the greatest, then other names.

    >>> sorted(["9", "trial", "10"], key=newest_first)
    ['10', '9', 'trial']
    """
    return (-int(version), "") if version.isascii() and version.isdigit() else (1, version)


def _order(row: tuple[tuple[str, str], object]) -> tuple[tuple[int, str], int]:
    (model, tier), _ = row
    return newest_first(model), TIERS.index(Tier(tier))


_BY_MODEL = (
    select(disputes.c.model, disputes.c.tier, disputes.c.state, func.count().label("many"))
    .where(disputes.c.state.in_([state.value for state in _DECIDED]))
    .group_by(disputes.c.model, disputes.c.tier, disputes.c.state)
)
