"""All plots of a model, in the order of the page. Each says how to read it."""

from __future__ import annotations

import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import GateLimits
from linerisk.evaluation.importance import family_plot, feature_plot, feature_strengths
from linerisk.evaluation.plots.audit import audit_plot
from linerisk.evaluation.plots.groups import age_plot, archetype_groups, group_plot, subgroup_groups
from linerisk.evaluation.plots.ranking import margin_plot, precision_recall_plot, recall_plot, reliability_plot
from linerisk.evaluation.plots.style import Plot
from linerisk.evaluation.plots.tiers import evidence_plot
from linerisk.evaluation.plots.training import rolling_plot, tuning_plot
from linerisk.evaluation.tier_flips import aligned_rows
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices
from linerisk.training.search_trials import Tuned

HIGHEST_LINES = 2_000
"""Lines over which columns are weighed: the highest, where reasons are read."""


def draw(
    model: RiskModel,
    evaluation: Evaluation,
    slices: Slices,
    *,
    champion: RiskModel | None = None,
    tuned: Tuned | None = None,
) -> tuple[Plot, ...]:
    """Draw everything that there is evidence for.

    Args:
        model: The model.
        evaluation: What was measured of it.
        slices: Its calibration slice gave the cut points, its test slice the figures.
        champion: The model in use, drawn beside it where it can read the same rows.
        tuned: The search for the recipe.
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
    if archetypes := archetype_groups(evaluation, GateLimits()):
        plots.append(group_plot(archetypes, name="archetypes", title="Honest lines at or above medium_high"))
    if subgroups := subgroup_groups(evaluation):
        plots.append(group_plot(subgroups, name="subgroups", title="Legitimate lines in a raised tier, by group"))
    theirs = None if champion is None else aligned_rows(champion, slices.test)
    if champion is not None and theirs is not None:
        plots.append(recall_plot(margin, fraud, model, champion=champion, champion_margin=champion.margin(theirs)))
    if evaluation.audit is not None and not evaluation.audit.too_few:
        plots.append(audit_plot(evaluation, evaluation.audit))
    if evaluation.rolling is not None and (past := rolling_plot(evaluation.rolling)) is not None:
        plots.append(past)
    if tuned is not None:
        plots.append(tuning_plot(tuned))
    return tuple(plots)
