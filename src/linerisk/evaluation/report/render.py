"""Renders the report page, the model card and the comparison page as self-contained files without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GateResult, Outcome
from linerisk.evaluation.plots.draw import draw_plots
from linerisk.evaluation.plots.style import TIER_COLOURS, Plot
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.model_card import OVERRIDES, CardSection, Override, card_sections, markdown
from linerisk.evaluation.report.tables import (
    evidence_sentences,
    figure_table,
    reliability_table,
    rolling_table,
    tier_table,
)
from linerisk.evaluation.tier_flips import TierFlips, tier_flips
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Slices

_PAGES = Environment(
    loader=PackageLoader("linerisk.evaluation.report", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.globals |= {"colours": TIER_COLOURS, "tier_names": list(map(str, TIERS))}
PAGE, CARD, FLIPS = "report.html", "card.md", "flips.json"
_OVERRIDES = re.compile(r"(<!-- overrides -->).*?(<!-- end of overrides -->)", re.DOTALL)
_VERDICT = re.compile(r"(<!-- verdict -->).*?(<!-- end of verdict -->)", re.DOTALL)
"""Parts of a stored page that overrides replace; escaped text from outside cannot contain these comments."""


@dataclass(frozen=True)
class Report:
    """The report on one model.

    Attributes:
        evaluation: Its measurements.
        gates: Results of its gates.
        plots: Plots, in the order of the page.
        flips: Lines that change tier against the champion; None without a champion that scores the same rows.
        card: Sections of the model card.
        reported: Facts about its training.
    """

    evaluation: Evaluation
    gates: tuple[GateResult, ...]
    plots: tuple[Plot, ...]
    flips: TierFlips | None
    card: tuple[CardSection, ...]
    reported: ReportFacts

    def page(self) -> str:
        """The page, as HTML."""
        rolling = self.evaluation.rolling
        return _PAGES.get_template("report.html.j2").render(
            evaluation=self.evaluation,
            figures=figure_table(self.evaluation),
            tiers=tier_table(self.evaluation),
            reliability=reliability_table(self.evaluation),
            evidence=evidence_sentences(self.evaluation),
            gates=self.gates,
            failed=[gate.code for gate in self.gates if gate.outcome is Outcome.FAILED],
            plots=self.plots,
            flips=self.flips,
            rolling=None if rolling is None else rolling_table(rolling),
            card=self.card,
            overrides_heading=OVERRIDES,
            reported=self.reported,
        )

    def card_text(self) -> str:
        """The model card, as Markdown."""
        return markdown(self.reported.title, self.card)

    def write(self, folder: Path) -> Path:
        """Write page, card and plots, and evaluation, gates and tier flips as JSON; returns the path of the page.

        Tier flips are `null` without a champion to compare with.
        """
        (folder / "plots").mkdir(parents=True, exist_ok=True)
        path = folder / PAGE
        path.write_text(self.page(), encoding="utf-8")
        (folder / CARD).write_text(self.card_text(), encoding="utf-8")
        (folder / "evaluation.json").write_text(json.dumps(asdict(self.evaluation), indent=1, sort_keys=True))
        (folder / "gates.json").write_text(json.dumps([asdict(gate) for gate in self.gates], indent=1))
        flips = None if self.flips is None else self.flips.as_dict()
        (folder / FLIPS).write_text(json.dumps(flips, indent=1))
        for plot in self.plots:
            (folder / "plots" / f"{plot.name}.svg").write_text(plot.svg, encoding="utf-8")
        return path


def make_report(
    model: RiskModel,
    slices: Slices,
    *,
    evaluation: Evaluation,
    gates: Sequence[GateResult],
    reported: ReportFacts,
    champion: RiskModel | None = None,
) -> Report:
    """Build a report: draw plots, compute tier flips, write the card.

    Args:
        model: The model.
        slices: Its calibration and test slices.
        evaluation: Its measurements.
        gates: Results of its gates.
        reported: Facts about its training.
        champion: The live model.
    """
    return Report(
        evaluation=evaluation,
        gates=tuple(gates),
        plots=draw_plots(model, evaluation, slices, champion=champion, tuned=reported.tuned),
        flips=None if champion is None else tier_flips(champion, model, slices.test),
        card=card_sections(model, evaluation, gates, reported),
        reported=reported,
    )


def page_with_overrides(page: str, overrides: Sequence[Override]) -> str:
    """The page of a model that was promoted despite failed gates, with each override and its reason.

    The verdict becomes "promoted with overrides" instead of whether the model may be promoted.

    Args:
        page: Output of `Report.page`, or of this function, whose overrides are replaced.
        overrides: At least one.
    """
    parts: Any = _PAGES.get_template("parts.html.j2").module
    for marked, html in ((_OVERRIDES, parts.overrides(overrides)), (_VERDICT, parts.promoted(overrides))):
        page = marked.sub(lambda match, html=html: f"{match[1]}{html}{match[2]}", page)  # type: ignore[misc]
    return page


def comparison_page(
    *,
    title: str,
    notices: Sequence[str],
    tested: str,
    figures: Sequence[Sequence[str]],
    gates: Sequence[GateResult],
    flips: TierFlips | None,
) -> str:
    """The page of `linerisk compare`, as HTML.

    Args:
        title: Names both models.
        notices: What is missing, how to get it, and what is out of date.
        tested: Whether the figures of both models are on the same lines.
        figures: Rows of figure, champion, challenger.
        gates: Gates of the challenger.
        flips: Lines that change tier.
    """
    template = _PAGES.get_template("compare.html.j2")
    return template.render(title=title, notices=notices, tested=tested, figures=figures, gates=gates, flips=flips)
