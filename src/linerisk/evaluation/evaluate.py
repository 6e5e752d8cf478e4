"""Measures a model on its test slice: one frozen `Evaluation` that gates, report and card read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linerisk.evaluation.archetypes import ArchetypeRows, ArchetypeShare, archetype_shares, has_only_catalogue_columns
from linerisk.evaluation.champion_comparison import Comparison, compare_with_champion
from linerisk.evaluation.leakage import SingleColumn, measure_single_columns
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
    share_estimate,
    tier_rows,
)
from linerisk.evaluation.random_audit import AuditMeasure, measure_audit
from linerisk.evaluation.release_duties import ImpactAssessment, Latency
from linerisk.evaluation.reliability_bands import AgeBand, ReliabilityBin, age_bands, reliability, tenure_check
from linerisk.evaluation.rolling import RollingEvaluation
from linerisk.evaluation.stability import ReasonStability
from linerisk.evaluation.subgroups import ATTRIBUTES, Groups, Subgroup, measure_subgroups, tenure_groups
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS, Tier
from linerisk.training.examples import Examples, Slices

SAMPLE_FOR_FAMILIES = 2_000
_MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class TierBudget:
    """Share of all tested lines, fraud or not, at or above a tier, and its maximum.

    Attributes:
        tier: The tier.
        lines: Lines at or above it.
        share: Share of all tested lines, exact interval.
        most: Maximum of this share.
    """

    tier: Tier
    lines: int
    share: Estimate
    most: float


@dataclass(frozen=True)
class Evaluation:
    """All measurements of one model. A figure that could not be measured is None, and a gate that needs it fails.

    Attributes:
        how: How the slices were split.
        lines: Lines tested.
        fraud: Fraud among them.
        average_precision: Ranking.
        auc: Ranking, insensitive to prevalence.
        recall_at_fpr: Share of fraud above all but 1 in 1,000 legitimate lines.
        log_loss_skill: Against always predicting the prevalence.
        calibration_error: Equal-mass, absolute.
        predicted_over_observed: Total fraud predicted over fraud observed, exact Poisson interval.
        capacity: Lines that reviewers can look at per day.
        precision_at_capacity: Share of fraud among the `capacity` highest lines.
        tiers: Counts and rates per tier.
        reliability: Predicted against observed, by bin.
        ages: Ranking by tenure band.
        families: Mean absolute contribution per family, log-odds of the margin. Where all columns are of one family, as
            in an external table: of the strongest columns, by name.
        tenure_checked: Lines made older.
        tenure_raised: Lines whose tier rose when older; None where no column measures tenure.
        shuffled_average_precision: Of trees grown on shuffled labels.
        leaves: Leaves of all trees.
        comparison: With the champion; None where there is none.
        comparison_problem: Why the comparison with the champion was impossible.
        in_time: Whether the lines have an observation instant, as in operation; an external table has none.
        of_catalogue: Whether every column is a catalogue feature, so that lines can be simulated for the model.
        budget: Lines at or above the tiers that people handle; None without configured shares.
        archetypes: Share of each archetype's lines in raised tiers; None if not measured.
        groupable: Attributes to group lines by: `subgroups.ATTRIBUTES` for a store; for a table, those it has columns
            for.
        subgroups: False positives by group of lines; None if not measured.
        stability: Agreement of refits on the reasons.
        alone: How well each single column separates fraud.
        latency: Time of a score and its reasons; None if not measured.
        served: Whether the service may use the model; it serves one model name only.
        assessment: The impact assessment that covers the model.
        audit: Measures on a random audit; None where no tested line was audited.
        rolling: Results of the recipe at past instants; None if not requested.
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
    reliability: tuple[ReliabilityBin, ...]
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
    alone: tuple[SingleColumn, ...] = ()
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
        """The numbers by metric name, as logged to MLflow."""
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
        for part in (self.audit, self.rolling):
            out |= {} if part is None else part.figures()
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
        slices: Training slice for single columns; test slice for everything else.
        capacity: Lines that reviewers can look at per day.
        shuffled_average_precision: Of trees grown on shuffled labels; the caller measures it.
        champion: The live model, to compare with on the same rows.
        champion_problem: Why the live model cannot be compared with.
        budget: Maximum share of all lines at or above a tier.
        suite: Rows of the archetype suite.
        groups: Groups of the test lines. Tenure bands are added where the columns include tenure.
        accounts: Whether the lines have accounts, which makes `groups` required; an external table has none.
        stability: From `reason_stability`.
        latency: Time of a score and its reasons; the caller measures it.
        served: Whether the service may use the model.
        assessment: From `read_assessment`.
    """
    test = slices.test
    fraud = test.fraud
    margin = model.margin(test.rows)
    probability = model.probability(margin)
    comparison, problem = compare_with_champion(champion, test, margin)
    checked, raised = tenure_check(model, test)
    tier = model.tier(margin)
    of_catalogue = has_only_catalogue_columns(model.feature_names)
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
        ages=age_bands(test, margin),
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
        alone=measure_single_columns(slices),
        latency=latency,
        served=served,
        assessment=assessment,
        audit=measure_audit(model, test),
    )


def _budget(tier: npt.NDArray[np.int8], most: Mapping[Tier, float]) -> tuple[TierBudget, ...]:
    above = {level: int((tier >= TIERS.index(level)).sum()) for level in most}
    return tuple(
        TierBudget(level, above[level], share_estimate(above[level], len(tier)), most[level]) for level in most
    )


def _groupable(test: Examples, *, accounts: bool) -> tuple[str, ...]:
    return ATTRIBUTES if accounts else ATTRIBUTES[:1] if _has_tenure(test) else ()


def _has_tenure(test: Examples) -> bool:
    return "tenure_days" in [column.name for column in test.columns]


def _subgroups(raised: Flags, test: Examples, groups: Groups | None, *, accounts: bool) -> tuple[Subgroup, ...] | None:
    if accounts and groups is None:
        return None
    tenure = {"tenure": tenure_groups(test.column("tenure_days"))} if _has_tenure(test) else {}
    all_groups = {**tenure, **(groups or {})}
    return measure_subgroups(raised, test.fraud, all_groups) if all_groups else None


def _families(model: RiskModel, test: Examples, margin: Floats) -> dict[str, float]:
    """Mean absolute contributions over the highest lines, which are those whose reasons people read."""
    top = np.argsort(-margin, kind="stable")[:SAMPLE_FOR_FAMILIES]
    values = model.shap_values(test.rows[top])[:, :-1]
    if len(model.families) == 1:
        strength = np.abs(values).mean(axis=0)
        strongest = np.argsort(-strength, kind="stable")[:_MOST_COLUMNS]
        return {model.feature_names[column]: float(strength[column]) for column in strongest}
    families = np.array([column.family for column in model.columns])
    return {family: float(np.abs(values[:, families == family].sum(axis=1)).mean()) for family in model.families}
