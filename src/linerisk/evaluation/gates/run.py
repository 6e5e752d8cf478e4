"""Runs the promotion gates. They fail closed: a missing figure fails the gate that needs it.

Each gate passes, fails or does not apply, and reports its limit and finding as text. A model may be promoted when no
gate failed.
"""

from __future__ import annotations

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.people import PEOPLE_GATES
from linerisk.evaluation.gates.quality import QUALITY_GATES
from linerisk.evaluation.gates.release import RELEASE_GATES
from linerisk.evaluation.gates.types import Gate, GateLimits, GateResult, Outcome

__all__ = ["GATES", "GateLimits", "GateResult", "Outcome", "passed", "run_gates"]

GATES: tuple[Gate, ...] = (*QUALITY_GATES, *PEOPLE_GATES, *RELEASE_GATES)


def run_gates(evaluation: Evaluation, limits: GateLimits | None = None) -> tuple[GateResult, ...]:
    """Run every gate on an evaluation, in the order of the codes."""
    chosen = limits or GateLimits()
    return tuple(GateResult(code, title, *check(evaluation, chosen)) for code, title, check in GATES)


def passed(results: tuple[GateResult, ...]) -> bool:
    """Whether a model may be promoted: every known gate has a result, and none failed."""
    return {result.code for result in results} == {code for code, _, _ in GATES} and all(
        result.outcome is not Outcome.FAILED for result in results
    )
