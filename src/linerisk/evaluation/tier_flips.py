"""Tier flips: which lines change tier when a challenger replaces the champion, in which direction and why.

A flipped line crossed a cut point. The distance of its margin from that cut point changes by the contributions of the
families, the base and the cut point itself; these parts sum exactly. The cause of a flip is the largest part in the
direction of the flip.
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
"""Maximum flipped lines to explain, the highest first, because contributions are expensive."""
MOST_EXAMPLES = 12
CUT_POINT = "cut point and base"
"""The cause of a flip where the cut point and the base changed more than any family."""
_KEY_DIGITS = 8

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class FlipCause:
    """Number of explained flips with one cause, by direction and outcome."""

    cause: str
    up_fraud: int
    up_legitimate: int
    down_fraud: int
    down_legitimate: int

    @property
    def flips(self) -> int:
        """Flips in both directions."""
        return self.up_fraud + self.up_legitimate + self.down_fraud + self.down_legitimate


@dataclass(frozen=True, slots=True)
class FlippedLine:
    """One line that changed tier.

    Attributes:
        key: First hexadecimal digits of the line's pseudonymous key; enough to find it in the store, and no id.
        fraud: Its label.
        before: Tier under the champion.
        after: Tier under the challenger.
        cause: The largest part of the change in the direction of the flip.
        change: That part of the change of the distance from the cut point, log-odds.
        total: The whole change of that distance, log-odds.
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
        lines: Lines that both models scored.
        fraud: Fraud lines by champion's tier (row) and challenger's (column), in the order of `TIERS`.
        legitimate: Legitimate lines likewise.
        explained: Flips with a computed cause.
        causes: The most frequent first.
        examples: Flips across most tiers first.
    """

    champion: str
    lines: int
    fraud: Table
    legitimate: Table
    explained: int
    causes: tuple[FlipCause, ...]
    examples: tuple[FlippedLine, ...]

    @property
    def moved(self) -> int:
        """Lines that changed tier."""
        return sum(self.counts.values())

    @property
    def counts(self) -> dict[str, int]:
        """Flips by direction and outcome."""
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
        """All lines, fraud and legitimate."""
        return tuple(
            tuple(a + b for a, b in zip(of_fraud, of_others, strict=True))
            for of_fraud, of_others in zip(self.fraud, self.legitimate, strict=True)
        )

    def as_dict(self, *, examples: bool = True) -> dict[str, Any]:
        """As JSON; leave examples out where it may be logged, because they name keys of lines."""
        report = asdict(self) | {"moved": self.moved, "counts": self.counts, "tiers": [str(tier) for tier in TIERS]}
        return report if examples else {key: value for key, value in report.items() if key != "examples"}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TierFlips:
        """Read what `as_dict` returned, with examples."""
        return cls(
            champion=stored["champion"],
            lines=stored["lines"],
            fraud=tuple(map(tuple, stored["fraud"])),
            legitimate=tuple(map(tuple, stored["legitimate"])),
            explained=stored["explained"],
            causes=tuple(FlipCause(**cause) for cause in stored["causes"]),
            examples=tuple(FlippedLine(**line) for line in stored["examples"]),
        )


def aligned_rows(model: RiskModel, examples: Examples) -> Rows | None:
    """Rows with a model's columns in its order, shape (n, features); None where the examples lack a column."""
    position = {column.name: index for index, column in enumerate(examples.columns)}
    if not set(model.feature_names) <= position.keys():
        return None
    return np.ascontiguousarray(examples.rows[:, [position[name] for name in model.feature_names]])


def tier_flips(champion: RiskModel, challenger: RiskModel, examples: Examples) -> TierFlips | None:
    """Score the same lines with both models and report which change tier.

    Args:
        champion: The live model.
        challenger: The model that may replace it.
        examples: Lines that neither model was trained on; one row per line.

    Returns:
        The report; None where the examples lack a column of either model.
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
    flipped = tuple(
        FlippedLine(
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
    ranked = sorted(flipped, key=lambda f: (-abs(_rank(f.after) - _rank(f.before)), -abs(f.total), f.key))
    return TierFlips(
        champion=champion.version,
        lines=len(examples),
        fraud=_table(before[examples.fraud], after[examples.fraud]),
        legitimate=_table(before[~examples.fraud], after[~examples.fraud]),
        explained=len(flipped),
        causes=_causes(flipped),
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
    """Split the change of each line's distance from its crossed cut point: part names, and parts, shape (n, names).

    Args:
        champion: The live model.
        challenger: The model that may replace it.
        old_rows: Rows of n lines in the champion's columns.
        new_rows: The same lines in the challenger's columns.
        crossed: Index of the cut point that each line crossed, shape (n,); of several, the highest.
    """
    names = list(dict.fromkeys((*challenger.families, *champion.families)))
    if not len(crossed):
        return [*names, CUT_POINT], np.zeros((0, len(names) + 1))
    old, old_base = _by_family(champion, old_rows, names)
    new, new_base = _by_family(challenger, new_rows, names)
    old_cut = np.array([cut.margin for cut in champion.cuts])[crossed]
    new_cut = np.array([cut.margin for cut in challenger.cuts])[crossed]
    base_and_cut = (new_base - new_cut) - (old_base - old_cut)
    return [*names, CUT_POINT], np.column_stack([new - old, base_and_cut])


def _by_family(model: RiskModel, rows: Rows, names: list[str]) -> tuple[Floats, float]:
    """Contributions to the margin by family, shape (n, names), and the base."""
    values = model.shap_values(rows)
    of = np.array([column.family for column in model.columns])
    return np.column_stack([values[:, :-1][:, of == name].sum(axis=1) for name in names]), float(values[0, -1])


def _table(before: npt.NDArray[np.int8], after: npt.NDArray[np.int8]) -> Table:
    counts = np.zeros((len(TIERS), len(TIERS)), dtype=int)
    np.add.at(counts, (before, after), 1)
    return tuple(tuple(map(int, row)) for row in counts)


def _causes(flipped: tuple[FlippedLine, ...]) -> tuple[FlipCause, ...]:
    counted = Counter((line.cause, _rank(line.after) > _rank(line.before), line.fraud) for line in flipped)
    causes = [
        FlipCause(
            name,
            up_fraud=counted[name, True, True],
            up_legitimate=counted[name, True, False],
            down_fraud=counted[name, False, True],
            down_legitimate=counted[name, False, False],
        )
        for name in {line.cause for line in flipped}
    ]
    return tuple(sorted(causes, key=lambda cause: (-cause.flips, cause.cause)))


def _rank(tier: str) -> int:
    return [str(t) for t in TIERS].index(tier)
