"""Result of a training run: text, JSON, and the command that reproduces it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linerisk.evaluation.cross_validation import CrossValidated
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GateResult, passed
from linerisk.model.risk_model import RiskModel
from linerisk.registry import Version
from linerisk.training.search_trials import Tuned


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        version: The registered challenger.
        model: The model.
        evaluation: What was measured.
        gates: What the gates answered.
        report: The report page.
        notices: What to know before believing a figure.
        cross_validation: By name (`all columns`, `without shortcut columns`); only for tables.
        again: The command that makes it again, byte for byte.
        provenance: What that needs: fingerprints of model and data, commit, lock.
        tuned: The search for the recipe; None where there was none.
    """

    version: Version
    model: RiskModel
    evaluation: Evaluation
    gates: tuple[GateResult, ...]
    report: Path
    notices: tuple[str, ...]
    cross_validation: Mapping[str, CrossValidated]
    again: str
    provenance: Mapping[str, str]
    tuned: Tuned | None = None

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable result."""
        return {
            "name": self.version.name,
            "version": self.version.version,
            "fingerprint": self.model.fingerprint,
            "gates": "passed" if passed(self.gates) else "failed",
            "gate_results": [asdict(gate) for gate in self.gates],
            "figures": self.evaluation.figures(),
            "tiers": [asdict(row) for row in self.evaluation.tiers],
            "cross_validation": {name: asdict(value) for name, value in self.cross_validation.items()},
            "notices": list(self.notices),
            "report": str(self.report),
            "again": self.again,
            "provenance": dict(self.provenance),
            "tuning": None if self.tuned is None else self.tuned.as_dict(),
            "rolling": None if self.evaluation.rolling is None else asdict(self.evaluation.rolling),
            "audit": None if self.evaluation.audit is None else asdict(self.evaluation.audit),
        }


def measured(evaluation: Evaluation) -> dict[str, str]:
    """What a random audit and past trainings say, label to text."""
    audit, rolling = evaluation.audit, evaluation.rolling
    out = {"random audit": "no tested line was audited" if audit is None else audit.describe()}
    steps = () if rolling is None else rolling.steps
    return out | {f"as trained on {step.trained_at[:10]}": step.describe() for step in steps}
