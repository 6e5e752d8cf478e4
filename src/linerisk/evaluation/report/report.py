"""One self-contained page per model, its card, and the page of a comparison: nothing is fetched, nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import GateResult, Outcome
from linerisk.evaluation.plots.plots import draw
from linerisk.evaluation.plots.style import TIER_COLOURS, Plot
from linerisk.evaluation.report.facts import Reported
from linerisk.evaluation.report.model_card import OVERRIDES, CardSection, Override, card_sections, markdown
from linerisk.evaluation.report.tables import (
    bin_rows,
    evidence_sentences,
    figure_rows,
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
PAGE, CARD, FLIPS = "report.html", "card.md", "flips.json"
_PLACE = re.compile(r"(<!-- overrides -->).*?(<!-- end of overrides -->)", re.DOTALL)
_VERDICT = re.compile(r"(<!-- verdict -->).*?(<!-- end of verdict -->)", re.DOTALL)
"""Where a page says what was set aside, and its verdict; words from outside cannot look like either, because they are
escaped."""


@dataclass(frozen=True)
class Report:
    """Everything that is told about one model.

    Attributes:
        evaluation: What was measured.
        gates: What the gates answered.
        plots: Drawings, in the order of the page.
        flips: Who changes tier against the champion; None where there is none that can read the same rows.
        card: Sections of the model card.
        reported: Where the model came from.
    """

    evaluation: Evaluation
    gates: tuple[GateResult, ...]
    plots: tuple[Plot, ...]
    flips: TierFlips | None
    card: tuple[CardSection, ...]
    reported: Reported

    def page(self) -> str:
        """The page, as HTML."""
        rolling = self.evaluation.rolling
        return _PAGES.get_template("report.html.j2").render(
            evaluation=self.evaluation,
            figures=figure_rows(self.evaluation),
            tiers=tier_table(self.evaluation),
            bins=bin_rows(self.evaluation),
            evidence=evidence_sentences(self.evaluation),
            gates=self.gates,
            failed=[gate.code for gate in self.gates if gate.outcome is Outcome.FAILED],
            plots=self.plots,
            flips=self.flips,
            rolling=None if rolling is None else rolling_table(rolling),
            card=self.card,
            overrides=OVERRIDES,
            reported=self.reported,
            colours=TIER_COLOURS,
            names=list(map(str, TIERS)),
        )

    def card_text(self) -> str:
        """The model card, as Markdown."""
        return markdown(self.reported.title, self.card)

    def write(self, folder: Path) -> Path:
        """Write page, card, plots, and figures, gates and tier flips as JSON into a folder; returns the page.

        Tier flips are `null` where there is nothing to flip against.
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
    reported: Reported,
    champion: RiskModel | None = None,
) -> Report:
    """Draw the plots, see who changes tier, and put it all together.

    Args:
        model: The model.
        slices: What it was calibrated and tested on.
        evaluation: What was measured.
        gates: What the gates answered.
        reported: Where it came from.
        champion: The model in use.
    """
    return Report(
        evaluation=evaluation,
        gates=tuple(gates),
        plots=draw(model, evaluation, slices, champion=champion, tuned=reported.tuned),
        flips=None if champion is None else tier_flips(champion, model, slices.test),
        card=card_sections(model, evaluation, gates, reported),
        reported=reported,
    )


def page_with_overrides(page: str, overrides: Sequence[Override]) -> str:
    """The page of a model that was promoted although gates had failed: who set which aside, and why.

    Its verdict is then that it was promoted so, and no longer that it may or may not be.

    Args:
        page: What `Report.page` made.
        overrides: At least one.
    """
    parts: Any = _PAGES.get_template("parts.html.j2").module
    for where, told in ((_PLACE, parts.overrides(overrides)), (_VERDICT, parts.promoted(overrides))):
        page = where.sub(lambda place, told=told: f"{place[1]}{told}{place[2]}", page)  # type: ignore[misc]
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
        title: What is compared with what.
        notices: What is missing and how to get it, and what no longer holds.
        tested: Whether the figures of both are about the same lines.
        figures: Figure, champion's, challenger's.
        gates: The challenger's gates.
        flips: Who changes tier.
    """
    told: dict[str, Any] = {"title": title, "notices": notices, "tested": tested, "figures": figures}
    told |= {"gates": gates, "flips": flips}
    return _PAGES.get_template("compare.html.j2").render(**told, colours=TIER_COLOURS, names=list(map(str, TIERS)))
