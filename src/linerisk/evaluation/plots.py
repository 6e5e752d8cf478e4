"""All plots of a model, in the order of the page. Each says how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from linerisk.evaluation.drawing import Plot
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.flips import aligned_rows
from linerisk.evaluation.group_plots import Group, age_plot, group_plot
from linerisk.evaluation.importance import family_plot, feature_plot, feature_strengths
from linerisk.evaluation.ranking_plots import margin_plot, precision_recall_plot, recall_plot, reliability_plot
from linerisk.evaluation.tier_plots import evidence_plot
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices

HIGHEST_LINES = 2_000
"""Lines over which columns are weighed: the highest, where reasons are read."""


def draw(
    model: RiskModel,
    evaluation: Evaluation,
    slices: Slices,
    *,
    champion: RiskModel | None = None,
    archetypes: Sequence[Group] = (),
    subgroups: Sequence[Group] = (),
) -> tuple[Plot, ...]:
    """Draw everything that there is evidence for.

    Args:
        model: The model.
        evaluation: What was measured of it.
        slices: Its calibration slice gave the cut points, its test slice the figures.
        champion: The model in use, drawn beside it where it can read the same rows.
        archetypes: Kinds of legitimate lines with the share of them suspended, and its ceiling.
        subgroups: Parts of the lines with a rate and the limit of its gap.
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
    if archetypes:
        plots.append(group_plot(archetypes, name="archetypes", title="Honest lines that look like fraud"))
    if subgroups:
        plots.append(group_plot(subgroups, name="subgroups", title="Parts of the network"))
    theirs = None if champion is None else aligned_rows(champion, slices.test)
    if champion is not None and theirs is not None:
        plots.append(recall_plot(margin, fraud, model, champion=champion, champion_margin=champion.margin(theirs)))
    return tuple(plots)
