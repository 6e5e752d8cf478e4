"""Who changes tier when a challenger replaces the champion: on the same lines, from where to where, because of what.

A line's place is its margin's distance from the cut point that it crossed. That distance changes by the sum of what its
families changed, of the base, and of the cut point itself, exactly. The cause of a move is the part that went furthest
in the direction of the move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linerisk.model.risk_model import Floats, RiskModel, Rows
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Examples

MOST_EXPLAINED = 2_000
"""Lines whose moves are explained at most, the highest first: contributions are dear."""
MOST_EXAMPLES = 12
CUT_POINT = "cut point and base"
"""The cause of a move where the line stayed and the tier's beginning passed it by."""
_KEY_DIGITS = 8

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """How many explained moves had one cause, by direction and outcome."""

    cause: str
    up_fraud: int
    up_legitimate: int
    down_fraud: int
    down_legitimate: int

    @property
    def moves(self) -> int:
        """All of them."""
        return self.up_fraud + self.up_legitimate + self.down_fraud + self.down_legitimate


@dataclass(frozen=True, slots=True)
class Moved:
    """One line that moved, as an example.

    Attributes:
        key: First digits of the line's pseudonymous key, hexadecimal: enough to find it again in the store, no id.
        fraud: What was established about it.
        before: Tier under the champion.
        after: Tier under the challenger.
        cause: What changed most in the direction of the move.
        change: By how much that changed the distance from the cut point, log-odds.
        total: By how much the distance changed in all, log-odds.
    """

    key: str
    fraud: bool
    before: str
    after: str
    cause: str
    change: float
    total: float


@dataclass(frozen=True, slots=True)
class TierFlips:
    """The tier-flip report.

    Attributes:
        champion: Version of the champion.
        lines: Lines that both placed.
        fraud: Fraud lines by champion's tier (row) and challenger's (column), in the order of `TIERS`.
        legitimate: Legitimate lines likewise.
        explained: Moves whose cause was looked for.
        causes: The most frequent first.
        examples: Moves across most tiers first.
    """

    champion: str
    lines: int
    fraud: Table
    legitimate: Table
    explained: int
    causes: tuple[Cause, ...]
    examples: tuple[Moved, ...]

    @property
    def moved(self) -> int:
        """Lines in another tier than before."""
        return sum(self.counts.values())

    @property
    def counts(self) -> dict[str, int]:
        """Moves by direction and outcome."""
        return {
            f"{direction}_{kind}": sum(
                table[row][column]
                for row in range(len(TIERS))
                for column in range(len(TIERS))
                if (column > row if direction == "up" else column < row)
            )
            for direction in ("up", "down")
            for kind, table in (("fraud", self.fraud), ("legitimate", self.legitimate))
        }

    @property
    def all_lines(self) -> Table:
        """Lines of both kinds."""
        return tuple(
            tuple(a + b for a, b in zip(of_fraud, of_others, strict=True))
            for of_fraud, of_others in zip(self.fraud, self.legitimate, strict=True)
        )

    def as_dict(self, *, examples: bool = True) -> dict[str, Any]:
        """As JSON has it; without examples where it may come into a log."""
        told = asdict(self) | {"moved": self.moved, "counts": self.counts, "tiers": [str(tier) for tier in TIERS]}
        return told if examples else {key: value for key, value in told.items() if key != "examples"}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> TierFlips:
        """What `as_dict` wrote."""
        return cls(
            champion=told["champion"],
            lines=told["lines"],
            fraud=tuple(map(tuple, told["fraud"])),
            legitimate=tuple(map(tuple, told["legitimate"])),
            explained=told["explained"],
            causes=tuple(Cause(**cause) for cause in told["causes"]),
            examples=tuple(Moved(**moved) for moved in told["examples"]),
        )


def aligned_rows(model: RiskModel, examples: Examples) -> Rows | None:
    """The rows as a model wants them, shape (n, its features); None where one of its columns is missing."""
    place = {column.name: index for index, column in enumerate(examples.columns)}
    if not set(model.feature_names) <= place.keys():
        return None
    return np.ascontiguousarray(examples.rows[:, [place[name] for name in model.feature_names]])


def tier_flips(champion: RiskModel, challenger: RiskModel, examples: Examples) -> TierFlips | None:
    """Place the same lines with both models and say what became of them.

    Args:
        champion: What is live.
        challenger: What might replace it.
        examples: Lines that neither has seen; one row per line.

    Returns:
        The report; None where one of the two cannot read these rows.
    """
    old_rows, new_rows = aligned_rows(champion, examples), aligned_rows(challenger, examples)
    if old_rows is None or new_rows is None:
        return None
    old_margin, new_margin = champion.margin(old_rows), challenger.margin(new_rows)
    before, after = champion.tier(old_margin), challenger.tier(new_margin)
    changed = np.flatnonzero(before != after)
    highest = np.maximum(old_margin, new_margin)[changed]
    chosen = changed[np.argsort(-highest, kind="stable")[:MOST_EXPLAINED]]
    names, parts = _parts(
        champion,
        challenger,
        old_rows=old_rows[chosen],
        new_rows=new_rows[chosen],
        crossed=np.maximum(before, after)[chosen] - 1,
    )
    direction = np.sign(after[chosen].astype(int) - before[chosen])
    cause = (parts * direction[:, None]).argmax(axis=1) if len(chosen) else np.zeros(0, dtype=np.intp)
    moves = tuple(
        Moved(
            key=f"{int(examples.line_key[line]) & (2**64 - 1):016x}"[:_KEY_DIGITS],
            fraud=bool(examples.fraud[line]),
            before=str(TIERS[before[line]]),
            after=str(TIERS[after[line]]),
            cause=names[cause[i]],
            change=float(parts[i, cause[i]]),
            total=float(parts[i].sum()),
        )
        for i, line in enumerate(chosen)
    )
    ranked = sorted(moves, key=lambda m: (-abs(_rank(m.after) - _rank(m.before)), -abs(m.total), m.key))
    return TierFlips(
        champion=champion.version,
        lines=len(examples),
        fraud=_table(before[examples.fraud], after[examples.fraud]),
        legitimate=_table(before[~examples.fraud], after[~examples.fraud]),
        explained=len(moves),
        causes=_causes(moves),
        examples=tuple(ranked[:MOST_EXAMPLES]),
    )


def _parts(
    champion: RiskModel,
    challenger: RiskModel,
    *,
    old_rows: Rows,
    new_rows: Rows,
    crossed: npt.NDArray[np.int8],
) -> tuple[list[str], Floats]:
    """What changed each line's distance from the cut point it crossed: names, and shape (n, names); rows sum exactly.

    Args:
        champion: What is live.
        challenger: What might replace it.
        old_rows: Rows of n lines as the champion wants them.
        new_rows: The same lines as the challenger wants them.
        crossed: Which cut point each line crossed, shape (n,); of several, the highest.
    """
    names = list(dict.fromkeys((*challenger.families, *champion.families)))
    if not len(crossed):
        return [*names, CUT_POINT], np.zeros((0, len(names) + 1))
    old, old_base = _by_family(champion, old_rows, names)
    new, new_base = _by_family(challenger, new_rows, names)
    old_cut = np.array([cut.margin for cut in champion.cuts])[crossed]
    new_cut = np.array([cut.margin for cut in challenger.cuts])[crossed]
    beginning = (new_base - new_cut) - (old_base - old_cut)
    return [*names, CUT_POINT], np.column_stack([new - old, beginning])


def _by_family(model: RiskModel, rows: Rows, names: list[str]) -> tuple[Floats, float]:
    """Contributions to the margin by family, shape (n, names), and the base."""
    values = model.shap_values(rows)
    of = np.array([column.family for column in model.columns])
    return np.column_stack([values[:, :-1][:, of == name].sum(axis=1) for name in names]), float(values[0, -1])


def _table(before: npt.NDArray[np.int8], after: npt.NDArray[np.int8]) -> Table:
    counts = np.zeros((len(TIERS), len(TIERS)), dtype=int)
    np.add.at(counts, (before, after), 1)
    return tuple(tuple(map(int, row)) for row in counts)


def _causes(moves: tuple[Moved, ...]) -> tuple[Cause, ...]:
    counted = Counter((move.cause, _rank(move.after) > _rank(move.before), move.fraud) for move in moves)
    causes = [
        Cause(
            name,
            up_fraud=counted[name, True, True],
            up_legitimate=counted[name, True, False],
            down_fraud=counted[name, False, True],
            down_legitimate=counted[name, False, False],
        )
        for name in {move.cause for move in moves}
    ]
    return tuple(sorted(causes, key=lambda cause: (-cause.moves, cause.cause)))


def _rank(tier: str) -> int:
    return [str(t) for t in TIERS].index(tier)
