"""A model in a few lines of Markdown, for the pages of MLflow."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates import GateResult, Outcome
from linerisk.live import WHEN_EXPIRED
from linerisk.policy import Limits
from linerisk.registry import Described


def describe(
    name: str,
    evaluation: Evaluation,
    gates: Sequence[GateResult],
    *,
    limits: Limits,
    as_of: str | None,
    seed: int,
    notices: Sequence[str],
    again: str,
) -> Described:
    """What a reader of the registry should know before opening the report.

    Args:
        name: Name of the model.
        evaluation: What was measured.
        gates: What the gates answered.
        limits: Of `tiers.toml`.
        as_of: When it was trained; None where the table has no time.
        seed: Of its recipe.
        notices: What to know before believing a figure.
        again: The command that makes it again.
    """
    e = evaluation
    failed = [gate for gate in gates if gate.outcome is Outcome.FAILED]
    lines = [
        f"**{'Gates failed: ' + ', '.join(gate.code for gate in failed) if failed else 'All gates passed.'}**",
        f"{e.how}.",
        *(f"> {notice}" for notice in notices),
        f"Tested on {e.lines:,} lines, {e.fraud:,} of them fraud: average precision {e.average_precision}.",
        _table(("tier", "lines", "fraud", "legitimate at or above", "proven", "wished"), _tiers(e)),
        _table(
            ("gate", "", "answer", "finding"), [(g.code, g.title, g.outcome.value, _cell(g.finding)) for g in gates]
        ),
        f"Holds for {limits.model_valid_days} days from its promotion. After that {WHEN_EXPIRED}.",
        f"Made again by:\n\n    {again}",
    ]
    return Described(f"{name}, {as_of[:10] if as_of else 'table'}, seed {seed}", "\n\n".join(lines))


def _tiers(e: Evaluation) -> list[tuple[str, ...]]:
    return [
        (
            row.tier.value,
            f"{row.lines:,}",
            f"{row.fraud:,}",
            "" if row.legitimate_at_or_above is None else f"{row.legitimate_at_or_above:.1e}",
            "" if row.proven is None else f"{row.proven:.1e}",
            "" if row.wished is None else f"{row.wished:.0e}",
        )
        for row in e.tiers
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    every = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in every)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
