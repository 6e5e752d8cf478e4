"""Draws all plots of a report, in the order of the page."""

from __future__ import annotations

import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import GateLimits
from linerisk.evaluation.plots.audit import audit_plot
from linerisk.evaluation.plots.groups import age_plot, archetype_rates, group_plot, subgroup_rates
from linerisk.evaluation.plots.importance import family_plot, feature_plot, feature_strengths
from linerisk.evaluation.plots.ranking import margin_plot, precision_recall_plot, recall_plot, reliability_plot
from linerisk.evaluation.plots.style import Plot
from linerisk.evaluation.plots.tiers import evidence_plot
from linerisk.evaluation.plots.training import rolling_plot, tuning_plot
from linerisk.evaluation.tier_flips import aligned_rows
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices
from linerisk.training.search_trials import Tuned

HIGHEST_LINES = 2_000
"""Compare columns over this many highest lines, because people read the reasons of those."""


def draw_plots(
    model: RiskModel,
    evaluation: Evaluation,
    slices: Slices,
    *,
    champion: RiskModel | None = None,
    tuned: Tuned | None = None,
) -> tuple[Plot, ...]:
    """Draw every plot that the evaluation has data for.

    Args:
        model: The model.
        evaluation: Its measurements.
        slices: The calibration slice gave the cut points, the test slice the figures.
        champion: The live model, added where the rows have its columns.
        tuned: The recipe search.
    """
    margin, fraud = model.margin(slices.test.rows), slices.test.fraud
    plots = [
        evidence_plot(model, slices),
        precision_recall_plot(margin, fraud, evaluation),
        recall_plot(margin, fraud, model),
        margin_plot(margin, fraud, model),
        reliability_plot(evaluation),
        family_plot(evaluation, model.families),
    ]
    highest = slices.test.rows[np.argsort(-margin, kind="stable")[:HIGHEST_LINES]]
    plots.append(feature_plot(feature_strengths(model, highest), model.families))
    if evaluation.ages:
        plots.append(age_plot(evaluation))
    if archetypes := archetype_rates(evaluation, GateLimits()):
        plots.append(group_plot(archetypes, name="archetypes", title="Honest lines at or above medium_high"))
    if subgroups := subgroup_rates(evaluation):
        plots.append(group_plot(subgroups, name="subgroups", title="Legitimate lines in a raised tier, by group"))
    rows = None if champion is None else aligned_rows(champion, slices.test)
    if champion is not None and rows is not None:
        plots.append(recall_plot(margin, fraud, model, champion=champion, champion_margin=champion.margin(rows)))
    if evaluation.audit is not None and not evaluation.audit.too_few:
        plots.append(audit_plot(evaluation, evaluation.audit))
    if evaluation.rolling is not None and (rolling := rolling_plot(evaluation.rolling)) is not None:
        plots.append(rolling)
    if tuned is not None:
        plots.append(tuning_plot(tuned))
    return tuple(plots)
