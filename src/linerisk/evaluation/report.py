"""One self-contained page per model: what was promised, what was proven, what was seen, and how to make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates import GateResult, Outcome
from linerisk.evaluation.plots import TIER_COLOURS

_PAGES = Environment(
    loader=PackageLoader("linerisk.evaluation", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Reported:
    """What the page shows besides the evaluation.

    Attributes:
        title: Name of the model.
        facts: Where it came from, in the order shown: label to text.
        notices: What the reader must know before believing a figure.
        again: The command that makes it again.
    """

    title: str
    facts: Mapping[str, str]
    notices: Sequence[str]
    again: str


def write_report(
    folder: Path,
    *,
    evaluation: Evaluation,
    gates: Sequence[GateResult],
    plots: Mapping[str, str],
    reported: Reported,
) -> Path:
    """Write `report.html`, `evaluation.json` and `gates.json` into a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = _PAGES.get_template("report.html.j2").render(
        evaluation=evaluation,
        gates=gates,
        plots=plots,
        reported=reported,
        colours=TIER_COLOURS,
        failed=[gate.code for gate in gates if gate.outcome is Outcome.FAILED],
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    (folder / "evaluation.json").write_text(json.dumps(asdict(evaluation), indent=1, sort_keys=True))
    (folder / "gates.json").write_text(json.dumps([asdict(gate) for gate in gates], indent=1))
    return path
