"""Splits by time and by line, with time for labels to mature in between.

    train dates ... | gap | calibration date | gap | test date | label maturity | as_of

No line is in two slices, and each later slice stands at a later date: a model is judged on lines that it never saw, at
a time after everything it learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from linerisk.errors import EvidenceError
from linerisk.features.stages import OBSERVATION

TRAIN_SHARE = 0.4
CALIBRATION_SHARE = 0.3
"""Shares of lines in the training and calibration slices; the rest tests."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The instants of each slice.

    Attributes:
        train_at: Instants of the training slice, latest first.
        calibration_at: Instant of the calibration slice.
        test_at: Instant of the test slice.
        as_of: When we train: only labels known by then exist.
        test_known_by: When outcomes of the test slice were looked up, if later than we train; None means `as_of`.
    """

    train_at: tuple[datetime, ...]
    calibration_at: datetime
    test_at: datetime
    as_of: datetime
    test_known_by: datetime | None = None

    @property
    def instants(self) -> tuple[datetime, ...]:
        """All instants, earliest first."""
        return tuple(sorted({*self.train_at, self.calibration_at, self.test_at}))

    def describe(self) -> str:
        """The split in words.

        Returns:
            One sentence with the dates.
        """
        train = ", ".join(f"{instant:%Y-%m-%d}" for instant in sorted(self.train_at))
        return (
            f"split by time and by line: trained at {train}; calibrated at {self.calibration_at:%Y-%m-%d}; "
            f"tested at {self.test_at:%Y-%m-%d}, with labels known by {self.as_of:%Y-%m-%d}; no line in two slices"
        )


LABEL_MATURITY = timedelta(days=28)
"""Time that labels are given to come in."""
GAP = timedelta(days=14)
"""Time between slices."""
STEP = timedelta(days=7)
MOST_TRAIN_DATES = 3
"""Training instants, and how far apart: a line that stays the same teaches little more."""
ROLLING_STEPS = 6
"""Past instants at most at which a rolling evaluation trains, a label's maturity apart."""


def plan_splits(
    *,
    first_day: date,
    as_of: datetime,
    label_maturity: timedelta = LABEL_MATURITY,
    gap: timedelta = GAP,
    step: timedelta = STEP,
    most_train_dates: int = MOST_TRAIN_DATES,
) -> SplitPlan:
    """Lay the slices out backwards from `as_of`.

    Args:
        first_day: First day with records.
        as_of: When we train.
        label_maturity: How long labels are given to come in after the test instant.
        gap: Time between slices.
        step: Time between training instants.
        most_train_dates: Training instants at most; a line that stays the same teaches little more.

    Raises:
        EvidenceError: The records do not reach back to one training instant with a whole observation window.
    """
    test_at = as_of - label_maturity
    calibration_at = test_at - gap
    usable = _train_instants(first_day, calibration_at - gap, step=step, most=most_train_dates)
    if not usable:
        needed = label_maturity + 2 * gap + OBSERVATION
        raise EvidenceError(
            "the records do not reach back far enough to train and test at different times",
            expected=f"records from {(as_of - needed):%Y-%m-%d} or earlier ({needed.days} days before as_of)",
            found=f"records from {first_day}",
            todo="ingest earlier records, or train at a later --as-of",
        )
    return SplitPlan(train_at=usable, calibration_at=calibration_at, test_at=test_at, as_of=as_of)


def rolling_plans(*, first_day: date, as_of: datetime) -> tuple[SplitPlan, ...]:
    """As many past trainings as the records allow, earliest first; each uses what was known then and is tested later.

    A training at T calibrates on lines as they stood a label's maturity before T, trains on earlier instants, all with
    the labels known by T, and is tested on lines as they stood at T and were not found out yet, with what became known
    of them within a label's maturity.

    Args:
        first_day: First day with records.
        as_of: Today: labels known later do not exist.

    Raises:
        EvidenceError: The records do not reach back to one such training.
    """
    plans: list[SplitPlan] = []
    trained_at = as_of - LABEL_MATURITY
    while len(plans) < ROLLING_STEPS:
        calibration_at = trained_at - LABEL_MATURITY
        train_at = _train_instants(first_day, calibration_at - GAP, step=STEP, most=MOST_TRAIN_DATES)
        if not train_at:
            break
        plans.append(SplitPlan(train_at, calibration_at, trained_at, trained_at, trained_at + LABEL_MATURITY))
        trained_at -= LABEL_MATURITY
    if not plans:
        needed = 2 * LABEL_MATURITY + GAP + OBSERVATION
        raise EvidenceError(
            "the records do not reach back far enough to have trained and tested once before",
            expected=f"records from {(as_of - needed):%Y-%m-%d} or earlier ({needed.days} days before as_of)",
            found=f"records from {first_day}",
            todo="leave out --rolling, or ingest earlier records",
        )
    return tuple(reversed(plans))


def _train_instants(first_day: date, latest: datetime, *, step: timedelta, most: int) -> tuple[datetime, ...]:
    """Training instants, latest first, that have a whole observation window of records."""
    start = datetime.combine(first_day, datetime.min.time(), tzinfo=latest.tzinfo) + OBSERVATION
    instants = (latest - step * back for back in range(most))
    return tuple(instant for instant in instants if instant >= start)


def line_position(line_key: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Position of each line in [0, 1), fixed by its key; shape (n,).

    Keys are hashes already, but buckets use their high digits: mixing makes this one independent of those.
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = line_key.astype(np.uint64) * golden
        mixed = (mixed ^ (mixed >> np.uint64(29))) * golden
    return (mixed >> np.uint64(11)).astype(np.float64) / float(2**53)


def slice_of(position: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """0 for training, 1 for calibration, 2 for test; shape (n,)."""
    return ((position >= TRAIN_SHARE).astype(np.int8) + (position >= TRAIN_SHARE + CALIBRATION_SHARE)).astype(np.int8)
