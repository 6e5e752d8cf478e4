"""Slices are laid out backwards from the day of training; later slices stand later, and no line is in two."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from linerisk.errors import EvidenceError
from linerisk.training.examples import Slices
from linerisk.training.splits import (
    CALIBRATION_SHARE,
    TRAIN_SHARE,
    line_position,
    plan_splits,
    rolling_plans,
    slice_of,
)

AS_OF = datetime(2024, 7, 26, tzinfo=UTC)


def days_before(number: int) -> date:
    return (AS_OF - timedelta(days=number)).date()


def test_dates_are_laid_out_backwards_from_the_day_of_training() -> None:
    plan = plan_splits(first_day=days_before(98), as_of=AS_OF)
    assert [f"{instant:%m-%d}" for instant in plan.train_at] == ["05-31", "05-24", "05-17"]
    assert f"{plan.calibration_at:%m-%d}" == "06-14"
    assert f"{plan.test_at:%m-%d}" == "06-28"
    assert plan.as_of == AS_OF


def test_instants_are_given_earliest_first_and_once() -> None:
    plan = plan_splits(first_day=days_before(98), as_of=AS_OF)
    assert list(plan.instants) == sorted({*plan.train_at, plan.calibration_at, plan.test_at})
    assert len(plan.instants) == 5


def test_each_slice_is_later_than_the_previous_one_with_time_for_labels() -> None:
    plan = plan_splits(first_day=days_before(98), as_of=AS_OF)
    assert max(plan.train_at) + timedelta(days=14) == plan.calibration_at
    assert plan.calibration_at + timedelta(days=14) == plan.test_at
    assert plan.test_at + timedelta(days=28) == plan.as_of


@pytest.mark.parametrize(("days", "dates"), [(84, 1), (90, 1), (91, 2), (98, 3), (400, 3)])
def test_a_training_date_needs_a_whole_observation_window_of_records(days: int, dates: int) -> None:
    plan = plan_splits(first_day=days_before(days), as_of=AS_OF)
    assert len(plan.train_at) == dates
    assert min(plan.train_at) - timedelta(days=28) >= AS_OF - timedelta(days=days)


def test_too_short_a_history_is_refused_with_the_number_of_days_needed() -> None:
    with pytest.raises(EvidenceError) as refused:
        plan_splits(first_day=days_before(83), as_of=AS_OF)
    assert refused.value.expected == "records from 2024-05-03 or earlier (84 days before as_of)"
    assert refused.value.found == "records from 2024-05-04"


def test_the_plan_describes_its_dates() -> None:
    words = plan_splits(first_day=days_before(98), as_of=AS_OF).describe()
    for named in ("2024-05-17, 2024-05-24, 2024-05-31", "2024-06-14", "2024-06-28", "2024-07-26", "no line in two"):
        assert named in words


# Rolling: as one would have trained before ---------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "steps"), [(98, 1), (125, 1), (126, 2), (400, 6)])
def test_there_are_as_many_past_trainings_as_the_records_allow(days: int, steps: int) -> None:
    plans = rolling_plans(first_day=days_before(days), as_of=AS_OF)
    assert len(plans) == steps
    assert [plan.as_of for plan in plans] == sorted(plan.as_of for plan in plans)
    assert plans[-1].as_of == AS_OF - timedelta(days=28)


def test_a_past_training_knows_what_was_known_then_and_is_tested_on_what_followed() -> None:
    for plan in rolling_plans(first_day=days_before(400), as_of=AS_OF):
        assert max(plan.train_at) + timedelta(days=14) == plan.calibration_at
        assert plan.calibration_at + timedelta(days=28) == plan.as_of == plan.test_at
        assert plan.test_known_by == plan.as_of + timedelta(days=28) <= AS_OF


def test_too_short_a_history_for_a_past_training_is_refused() -> None:
    with pytest.raises(EvidenceError) as refused:
        rolling_plans(first_day=days_before(97), as_of=AS_OF)
    assert refused.value.expected == "records from 2024-04-19 or earlier (98 days before as_of)"


def test_a_line_is_always_assigned_the_same_place() -> None:
    keys = np.array([0, 1, 2**62 + 12345], dtype=np.int64)
    assert slice_of(line_position(keys)).tolist() == [0, 2, 2]
    assert line_position(keys)[::-1].tolist() == line_position(keys[::-1].copy()).tolist()


def test_shares_of_lines_are_as_stated_even_within_one_bucket_of_keys() -> None:
    bucket = np.arange(50_000, dtype=np.int64) + 2**61
    shares = np.bincount(slice_of(line_position(bucket)), minlength=3) / len(bucket)
    assert shares == pytest.approx([TRAIN_SHARE, CALIBRATION_SHARE, 1 - TRAIN_SHARE - CALIBRATION_SHARE], abs=0.01)


def test_places_are_spread_evenly() -> None:
    place = line_position(np.random.default_rng(0).integers(0, 2**63, 100_000))
    counts, _ = np.histogram(place, bins=20, range=(0, 1))
    assert (place >= 0).all()
    assert (place < 1).all()
    assert counts == pytest.approx(np.full(20, 5_000), rel=0.06)


def test_the_slices_of_a_store_have_no_line_and_no_instant_in_common(store_slices: Slices) -> None:
    parts = (store_slices.train, store_slices.calibration, store_slices.test)
    keys = [set(part.line_key.tolist()) for part in parts]
    assert all(keys)
    assert not keys[0] & keys[1]
    assert not keys[1] & keys[2]
    assert not keys[0] & keys[2]
    instants = [part.as_of for part in parts if part.as_of is not None]
    assert instants[0].max() < instants[1].min() <= instants[1].max() < instants[2].min()


def test_calibration_and_test_have_one_row_per_line(store_slices: Slices) -> None:
    for part in (store_slices.calibration, store_slices.test):
        assert len(np.unique(part.line_key)) == len(part)


def test_a_line_may_be_learnt_from_at_several_instants(store_slices: Slices) -> None:
    assert len(np.unique(store_slices.train.line_key)) < len(store_slices.train)
