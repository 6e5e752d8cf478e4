"""Everything that is measured of a model, on lines it never saw, in one frozen value that gates and report read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linerisk.evaluation.audit import AuditMeasure, measure_audit
from linerisk.evaluation.metrics import (
    Estimate,
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
from linerisk.evaluation.rolling import RollingEvaluation
from linerisk.features.catalogue import BY_NAME
from linerisk.features.tenure import MAX_TENURE_DAYS
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples, Slices

Floats = npt.NDArray[np.float64]

AGE_BANDS_DAYS = (0, 30, 180, 730, 1825)
"""Where bands of tenure begin: a month, half a year, two years, five years."""
TENURE_STEPS_DAYS = (30.0, 365.0, 1825.0)
"""How much older the same line is made when asking whether age ever raises a tier."""
SAMPLE_FOR_FAMILIES = 2_000
_MOST_COLUMNS_SHOWN = 12
_LEAST_IN_BIN = 30


@dataclass(frozen=True, slots=True)
class Bin:
    """Predicted and observed rate of one bin of equally many lines."""

    predicted: float
    observed: Estimate
    lines: int


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ranking within one band of tenure; None where the band has too few of either kind."""

    from_days: int
    lines: int
    fraud: int
    average_precision: Estimate | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion on the same rows: difference of average precision, paired bootstrap."""

    champion: str
    champion_average_precision: float
    difference: Estimate


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
) -> Evaluation:
    """Measure a model on the test slice.

    Args:
        model: The model.
        slices: Where its test slice is.
        capacity: Lines that reviewers can look at per day.
        shuffled_average_precision: Of trees grown on shuffled labels, measured by whoever can grow trees.
        champion: The model in use, to compare with on the same rows.
        champion_problem: Why there is a model in use that cannot be compared with.
    """
    test = slices.test
    fraud = test.fraud
    margin = model.margin(test.rows)
    probability = model.probability(margin)
    comparison, problem = _compare(champion, test, margin)
    checked, raised = tenure_check(model, test)
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
        tiers=tier_rows(model.tier(margin), fraud, model.cuts),
        reliability=_reliability(probability, fraud),
        ages=_ages(test, margin),
        families=_families(model, test, margin),
        tenure_checked=checked,
        tenure_raised=raised,
        shuffled_average_precision=shuffled_average_precision,
        leaves=sum(tree["num_leaves"] for tree in model.booster.dump_model()["tree_info"]),
        comparison=comparison,
        comparison_problem=champion_problem or problem,
        audit=measure_audit(model, test),
    )


def tenure_check(model: RiskModel, test: Examples) -> tuple[int, int | None]:
    """Make every line older, other things equal, and count how often its tier rises.

    Every column that grows with age is raised by the same number of days, as an earlier activation would.

    Returns:
        Lines checked, and how many rose; None where no column speaks of tenure.
    """
    ageing = [
        index
        for index, column in enumerate(test.columns)
        if column.name in BY_NAME and BY_NAME[column.name].monotone == -1 and BY_NAME[column.name].unit == "days"
    ]
    if not ageing:
        return 0, None
    before = model.tier(model.margin(test.rows))
    raised = np.zeros(len(test), dtype=np.bool_)
    for days in TENURE_STEPS_DAYS:
        older = test.rows.copy()
        older[:, ageing] = np.minimum(older[:, ageing] + np.float32(days), np.float32(MAX_TENURE_DAYS))
        raised |= model.tier(model.margin(older)) > before
    return len(test), int(raised.sum())


def _reliability(probability: Floats, fraud: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Bins by rank that grow finer towards the top, where decisions are made; each of enough lines to say something."""
    lines = len(probability)
    starts = [round(lines * quantile) for quantile in (0, 0.25, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)]
    kept = [start for start in starts if start == 0 or lines - start >= _LEAST_IN_BIN]
    bins = []
    for part in np.split(np.argsort(probability, kind="stable"), kept[1:]):
        if len(part):
            observed = share(int(fraud[part].sum()), len(part))
            bins.append(Bin(float(probability[part].mean()), observed, len(part)))
    return tuple(bins)


def _ages(test: Examples, margin: Floats) -> tuple[AgeBand, ...]:
    if "tenure_days" not in [column.name for column in test.columns]:
        return ()
    tenure = test.column("tenure_days")
    edges: Sequence[float] = (*AGE_BANDS_DAYS, float("inf"))
    bands = []
    for start, end in itertools.pairwise(edges):
        inside = (tenure >= start) & (tenure < end)
        fraud = test.fraud[inside]
        own = margin[inside]
        enough = fraud.sum() >= 5 and (~fraud).sum() >= 5  # noqa: PLR2004 - below that an interval says nothing
        measured = (
            bootstrap(lambda rows, own=own, fraud=fraud: average_precision(own[rows], fraud[rows]), fraud)  # type: ignore[misc]
            if enough
            else None
        )
        bands.append(AgeBand(int(start), int(inside.sum()), int(fraud.sum()), measured))
    return tuple(bands)


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


def _compare(champion: RiskModel | None, test: Examples, margin: Floats) -> tuple[Comparison | None, str | None]:
    if champion is None:
        return None, None
    names = [column.name for column in test.columns]
    missing = [name for name in champion.feature_names if name not in names]
    if missing:
        return None, f"the champion needs columns that these rows do not have: {', '.join(missing[:5])}"
    rows = np.ascontiguousarray(test.rows[:, [names.index(name) for name in champion.feature_names]])
    theirs, fraud = champion.margin(rows), test.fraud
    difference = bootstrap(
        lambda r: average_precision(margin[r], fraud[r]) - average_precision(theirs[r], fraud[r]), fraud
    )
    return Comparison(champion.version, average_precision(theirs, fraud), difference), None
