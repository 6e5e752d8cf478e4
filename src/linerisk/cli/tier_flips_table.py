"""Prints the tier-flip report: counts and causes, never a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from linerisk.cli.output import out, table

if TYPE_CHECKING:
    from linerisk.evaluation.tier_flips import TierFlips


def show_flips(flips: TierFlips) -> None:
    """Print how many lines change tier, from where to where, and why; examples are on the page only."""
    told = flips.as_dict(examples=False)
    names: list[str] = told["tiers"]
    table(
        f"Tier flips: {flips.moved:,} of {flips.lines:,} test lines change tier (fraud in brackets)",
        ["champion ↓  challenger →", *names],
        [
            [name, *(_cell(lines, fraud) for lines, fraud in zip(row, of_fraud, strict=True))]
            for name, row, of_fraud in zip(names, flips.all_lines, flips.fraud, strict=True)
        ],
        right=range(1, len(names) + 1),
    )
    counts = flips.counts
    out.print(
        f"up: {counts['up_fraud']:,} fraud, {counts['up_legitimate']:,} legitimate; "
        f"down: {counts['down_fraud']:,} fraud, {counts['down_legitimate']:,} legitimate"
    )
    if flips.causes:
        table(
            f"Because of what changed most, in {flips.explained:,} moves",
            ["cause", "moves", "fraud up", "legitimate up", "fraud down", "legitimate down"],
            [
                [c.cause, *map(str, (c.flips, c.up_fraud, c.up_legitimate, c.down_fraud, c.down_legitimate))]
                for c in flips.causes
            ],
            right=range(1, 6),
        )


def _cell(lines: int, fraud: int) -> str:
    return f"{lines:,} ({fraud:,})" if lines else "·"
