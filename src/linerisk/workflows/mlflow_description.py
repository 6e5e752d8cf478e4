"""Run names and version descriptions for MLflow's pages."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GateResult, Outcome
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.model_card import NEVER_SERVED
from linerisk.evaluation.report.tables import as_markdown, gate_table, tier_table
from linerisk.live import WHEN_EXPIRED
from linerisk.registry import Described


def run_name(name: str, evaluation: Evaluation, gates: Sequence[GateResult], *, as_of: str | None, how: str) -> str:
    """Name of a run: model, instant, how it was trained, average precision, failed gates.

    Args:
        name: Name of the model.
        evaluation: What was measured.
        gates: What the gates answered.
        as_of: When it was trained as of, ISO 8601; None for a table.
        how: What differed from the default, such as `tuned` or `seed 7`; empty if nothing.
    """
    failed = sum(gate.outcome is Outcome.FAILED for gate in gates)
    parts = (
        f"{name} as of {as_of[:10]}" if as_of else f"{name} from a table",
        how,
        f"AP {evaluation.average_precision.value:.3f}",
        "gates passed" if not failed else "1 gate failed" if failed == 1 else f"{failed} gates failed",
    )
    return ", ".join(part for part in parts if part)


def describe(run: str, evaluation: Evaluation, gates: Sequence[GateResult], reported: ReportFacts) -> Described:
    """Summary of a version in Markdown.

    Args:
        run: Name of the run.
        evaluation: What was measured.
        gates: What the gates answered.
        reported: Facts of the training run.
    """
    e = evaluation
    failed = [gate.code for gate in gates if gate.outcome is Outcome.FAILED]
    lines = [
        f"**{'Gates failed: ' + ', '.join(failed) if failed else 'All gates passed.'}**",
        f"{e.how}.",
        *(f"> {notice}" for notice in reported.notices),
        f"Tested on {e.lines:,} lines, {e.fraud:,} of them fraud: average precision {e.average_precision}.",
        as_markdown(tier_table(e)),
        as_markdown(gate_table(gates)),
        f"Holds for {reported.valid_days} days from its promotion. "
        + (f"After that {WHEN_EXPIRED}." if e.served else NEVER_SERVED),
        f"Reproduce with:\n\n    {reported.again}",
    ]
    return Described(run, "\n\n".join(lines))
