"""Everything that is measured of a model, on lines it never saw, in one frozen value that gates and report read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linerisk.evaluation.archetypes import ArchetypeRows, ArchetypeShare, archetype_shares, knows_only_the_catalogue
from linerisk.evaluation.comparison import Comparison, compare
from linerisk.evaluation.leakage import ColumnAlone, columns_alone
from linerisk.evaluation.metrics import (
    Estimate,
    Flags,
    Floats,
    TierRow,
    auc,
    average_precision,
    bootstrap,
    equal_mass_calibration_error,
    log_loss_skill,
    precision_at_capacity,
    predicted_over_observed,
    recall_at_fpr,
    share,
    tier_rows,
)
from linerisk.evaluation.random_audit import AuditMeasure, measure_audit
from linerisk.evaluation.release_duties import ImpactAssessment, Latency
from linerisk.evaluation.reliability_bands import AgeBand, Bin, ages, reliability, tenure_check
from linerisk.evaluation.rolling import RollingEvaluation
from linerisk.evaluation.stability import ReasonStability
from linerisk.evaluation.subgroups import ATTRIBUTES, Groups, Subgroup, subgroups, tenure_groups
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS, Tier
from linerisk.training.examples import Examples, Slices

SAMPLE_FOR_FAMILIES = 2_000
_MOST_COLUMNS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class TierBudget:
    """How many of all tested lines, fraud or not, stand at or above a tier, and how many may.

    Attributes:
        tier: The tier.
        lines: Lines at or above it.
        share: Share of them, exact interval.
        most: Share that may be.
    """

    tier: Tier
    lines: int
    share: Estimate
    most: float


@dataclass(frozen=True)
class Evaluation:
    """What was measured. A figure that could not be measured is None, and a gate that needs it fails.

    Attributes:
        how: How the slices were split.
        lines: Lines tested.
        fraud: Fraud among them.
        average_precision: Ranking.
        auc: Ranking, insensitive to prevalence.
        recall_at_fpr: Share of fraud above all but 1 in 1,000 legitimate lines.
        log_loss_skill: Against always saying the prevalence.
        calibration_error: Equal-mass, absolute.
        predicted_over_observed: Fraud predicted in all over fraud observed, exact Poisson interval.
        capacity: Lines that reviewers can look at per day.
        precision_at_capacity: Fraud among that many.
        tiers: What was seen per tier.
        reliability: Predicted against observed.
        ages: Ranking by age of the line.
        families: Mean absolute contribution per family, log-odds of the margin; of the strongest columns by their own
            names where all are of one family, as in a table that somebody brings.
        tenure_checked: Lines made older.
        tenure_raised: How often that raised a tier; None where no column speaks of tenure.
        shuffled_average_precision: Of trees grown on shuffled labels.
        leaves: Leaves of all trees.
        comparison: Against the champion; None where there is none.
        comparison_problem: Why a champion could not be compared with.
        in_time: Whether the lines were looked at at an instant, as in operation; not so in a table that somebody
            brings.
        of_catalogue: Whether every column is one of the catalogue, so that lines can be made for the model.
        budget: Lines at or above the tiers that people have to deal with; None without stated shares.
        archetypes: What becomes of lines of people who were wrongly shut off; None if not measured.
        groupable: What lines can be grouped by: of a store `subgroups.ATTRIBUTES`, of a table what it has columns of.
        subgroups: False positives by group of lines; None if not measured.
        stability: Whether reasons would be the same had other lines been drawn.
        alone: What each column can do alone.
        latency: What a score and its reasons take; None if not measured.
        served: Whether the service may answer from the model; one of another name than that which is served, never.
        assessment: The impact assessment that covers the model.
        audit: What a random audit says; None where no tested line was audited.
        rolling: How the recipe did at past instants; None where that was not asked for.
    """

    how: str
    lines: int
    fraud: int
    average_precision: Estimate
    auc: Estimate
    recall_at_fpr: Estimate
    log_loss_skill: Estimate
    calibration_error: float
    predicted_over_observed: Estimate | None
    capacity: int
    precision_at_capacity: Estimate
    tiers: tuple[TierRow, ...]
    reliability: tuple[Bin, ...]
    ages: tuple[AgeBand, ...]
    families: dict[str, float]
    tenure_checked: int
    tenure_raised: int | None
    shuffled_average_precision: float | None
    leaves: int
    comparison: Comparison | None = None
    comparison_problem: str | None = None
    in_time: bool = False
    of_catalogue: bool = False
    budget: tuple[TierBudget, ...] | None = None
    archetypes: tuple[ArchetypeShare, ...] | None = None
    groupable: tuple[str, ...] = ATTRIBUTES
    subgroups: tuple[Subgroup, ...] | None = None
    stability: ReasonStability | None = None
    alone: tuple[ColumnAlone, ...] = ()
    latency: Latency | None = None
    served: bool = True
    assessment: ImpactAssessment | None = None
    audit: AuditMeasure | None = None
    rolling: RollingEvaluation | None = None

    @property
    def prevalence(self) -> float:
        """Share of fraud among tested lines."""
        return self.fraud / self.lines

    def figures(self) -> dict[str, float]:
        """The plain numbers, by the names under which they are logged."""
        estimates = {
            "average_precision": self.average_precision,
            "auc": self.auc,
            "recall_at_fpr_1e-3": self.recall_at_fpr,
            "log_loss_skill": self.log_loss_skill,
            "precision_at_capacity": self.precision_at_capacity,
        }
        out = {"test_lines": float(self.lines), "test_fraud": float(self.fraud), "test_prevalence": self.prevalence}
        for name, estimate in estimates.items():
            out |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        out["calibration_error"] = self.calibration_error
        if self.predicted_over_observed is not None:
            out["predicted_over_observed"] = self.predicted_over_observed.value
        for more in (self.audit, self.rolling):
            out |= {} if more is None else more.figures()
        return out


def evaluate(
    model: RiskModel,
    slices: Slices,
    *,
    capacity: int,
    shuffled_average_precision: float | None,
    champion: RiskModel | None = None,
    champion_problem: str | None = None,
    budget: Mapping[Tier, float] | None = None,
    suite: ArchetypeRows | None = None,
    groups: Groups | None = None,
    accounts: bool = True,
    stability: ReasonStability | None = None,
    latency: Latency | None = None,
    served: bool = True,
    assessment: ImpactAssessment | None = None,
) -> Evaluation:
    """Measure a model on the test slice.

    Args:
        model: The model.
        slices: Where its test slice is.
        capacity: Lines that reviewers can look at per day.
        shuffled_average_precision: Of trees grown on shuffled labels, measured by whoever can grow trees.
        champion: The model in use, to compare with on the same rows.
        champion_problem: Why there is a model in use that cannot be compared with.
        budget: Share of all lines that may stand at or above a tier.
        suite: Rows of the archetype suite.
        groups: Groups of the test lines besides bands of tenure, which are added where the columns have tenure.
        accounts: Whether the lines have accounts, so that groups must be given; a table that somebody brings has none.
        stability: From `reason_stability`, by whoever can grow trees.
        latency: Measured by whoever can score and explain.
        served: Whether the service may answer from the model.
        assessment: From `read_assessment`.
    """
    test = slices.test
    fraud = test.fraud
    margin = model.margin(test.rows)
    probability = model.probability(margin)
    comparison, problem = compare(champion, test, margin)
    checked, raised = tenure_check(model, test)
    tier = model.tier(margin)
    of_catalogue = knows_only_the_catalogue(model.feature_names)
    return Evaluation(
        how=slices.how,
        lines=len(test),
        fraud=int(fraud.sum()),
        average_precision=bootstrap(lambda rows: average_precision(margin[rows], fraud[rows]), fraud),
        auc=bootstrap(lambda rows: auc(margin[rows], fraud[rows]), fraud),
        recall_at_fpr=bootstrap(lambda rows: recall_at_fpr(margin[rows], fraud[rows]), fraud),
        log_loss_skill=bootstrap(lambda rows: log_loss_skill(probability[rows], fraud[rows]), fraud),
        calibration_error=equal_mass_calibration_error(probability, fraud),
        predicted_over_observed=predicted_over_observed(float(probability.sum()), int(fraud.sum())),
        capacity=min(capacity, len(test)),
        precision_at_capacity=precision_at_capacity(margin, fraud, capacity),
        tiers=tier_rows(tier, fraud, model.cuts),
        reliability=reliability(probability, fraud),
        ages=ages(test, margin),
        families=_families(model, test, margin),
        tenure_checked=checked,
        tenure_raised=raised,
        shuffled_average_precision=shuffled_average_precision,
        leaves=sum(tree["num_leaves"] for tree in model.booster.dump_model()["tree_info"]),
        comparison=comparison,
        comparison_problem=champion_problem or problem,
        in_time=test.as_of is not None,
        of_catalogue=of_catalogue,
        budget=None if budget is None else _budget(tier, budget),
        archetypes=archetype_shares(model, suite) if suite is not None and of_catalogue else None,
        groupable=_groupable(test, accounts=accounts),
        subgroups=_subgroups(tier > 0, test, groups, accounts=accounts),
        stability=stability,
        alone=columns_alone(slices),
        latency=latency,
        served=served,
        assessment=assessment,
        audit=measure_audit(model, test),
    )


def _budget(tier: npt.NDArray[np.int8], most: Mapping[Tier, float]) -> tuple[TierBudget, ...]:
    above = {level: int((tier >= TIERS.index(level)).sum()) for level in most}
    return tuple(TierBudget(level, above[level], share(above[level], len(tier)), most[level]) for level in most)


def _groupable(test: Examples, *, accounts: bool) -> tuple[str, ...]:
    return ATTRIBUTES if accounts else ATTRIBUTES[:1] if _aged(test) else ()


def _aged(test: Examples) -> bool:
    return "tenure_days" in [column.name for column in test.columns]


def _subgroups(raised: Flags, test: Examples, groups: Groups | None, *, accounts: bool) -> tuple[Subgroup, ...] | None:
    if accounts and groups is None:
        return None
    tenure = {"tenure": tenure_groups(test.column("tenure_days"))} if _aged(test) else {}
    every = {**tenure, **(groups or {})}
    return subgroups(raised, test.fraud, every) if every else None


def _families(model: RiskModel, test: Examples, margin: Floats) -> dict[str, float]:
    """Mean absolute contributions over the highest lines, where reasons are read."""
    top = np.argsort(-margin, kind="stable")[:SAMPLE_FOR_FAMILIES]
    values = model.shap_values(test.rows[top])[:, :-1]
    if len(model.families) == 1:
        strength = np.abs(values).mean(axis=0)
        strongest = np.argsort(-strength, kind="stable")[:_MOST_COLUMNS_SHOWN]
        return {model.feature_names[column]: float(strength[column]) for column in strongest}
    families = np.array([column.family for column in model.columns])
    return {family: float(np.abs(values[:, families == family].sum(axis=1)).mean()) for family in model.families}
