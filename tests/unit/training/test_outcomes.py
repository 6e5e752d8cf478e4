"""Which lines count as fraud, as legitimate, or are left out: one rule per test.

A line stands at day 0 and we train at day 60. The observation window is (-28, 0]; within 56 days around it a finding is
too near to call the line legitimate.
"""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from linerisk.tables.label_resolution import CLEARING_SOURCES, FIRM_SOURCES
from linerisk.tables.schemas import LABEL_SOURCES, Accounts, Labels
from linerisk.training.label_weights import NO_FINDING, WEIGHTS
from linerisk.training.outcomes import outcomes

AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
TRAINED = 60
FRAUD, LEGITIMATE, LEFT_OUT = {1: True}, {1: False}, {}

Finding = tuple[str, str, float, float]


def day(number: float) -> datetime:
    return AS_OF + timedelta(days=number)


def accounts(*rows: tuple[int, float, str]) -> pl.LazyFrame:
    """Accounts from (line, day from which known, status)."""
    names = Accounts.create_empty().schema
    table = pl.DataFrame(
        {
            "line_key": [line for line, _, _ in rows],
            "known_at": [day(known) for _, known, _ in rows],
            "activated_on": [day(-900).date() for _ in rows],
            "home_area": [440300 for _ in rows],
            "plan_kind": ["prepaid" for _ in rows],
            "status": [status for _, _, status in rows],
        }
    )
    absent = {name: pl.lit(None) for name in names if name not in table.columns}
    return table.with_columns(**absent).select(pl.col(name).cast(kind) for name, kind in names.items()).lazy()


def labels(*findings: Finding, line: int = 1) -> pl.LazyFrame:
    """Labels of one line from (label, source, day it is about, day it became known)."""
    names = Labels.create_empty().schema
    table = pl.DataFrame(
        {
            "line_key": [line for _ in findings],
            "label": [label for label, _, _, _ in findings],
            "source": [source for _, source, _, _ in findings],
            "occurred_at": [day(occurred) for _, _, occurred, _ in findings],
            "known_at": [day(known) for _, _, _, known in findings],
        },
        schema=names,
    )
    return table.lazy()


def outcome(*findings: Finding, rows: pl.LazyFrame | None = None) -> dict[int, bool]:
    """Outcome of line 1 at day 0, as known at day 60: {1: fraud?}, or nothing if it is left out."""
    lines = accounts((1, -100, "active")) if rows is None else rows
    found = outcomes(labels(*findings), lines, as_of=AS_OF, known_by=day(TRAINED))
    return dict(found.select("line_key", "fraud").iter_rows())


def source(*findings: Finding) -> list[str]:
    """The source of the outcome of line 1."""
    found = outcomes(labels(*findings), accounts((1, -100, "active")), as_of=AS_OF, known_by=day(TRAINED))
    return found["source"].to_list()


def test_a_finding_about_the_window_makes_a_line_fraud() -> None:
    assert outcome(("fraud", "police", -5, 20)) == FRAUD


def test_a_line_without_a_complaint_is_legitimate() -> None:
    assert outcome() == LEGITIMATE


def test_a_finding_of_good_makes_a_line_legitimate() -> None:
    assert outcome(("legitimate", "random_audit", -5, 20)) == LEGITIMATE


@pytest.mark.parametrize(("known", "expected"), [(59, FRAUD), (60, FRAUD), (60.001, LEGITIMATE)])
def test_a_label_that_comes_after_we_train_does_not_exist(known: float, expected: dict[int, bool]) -> None:
    assert outcome(("fraud", "police", -5, known)) == expected


@pytest.mark.parametrize(("occurred", "expected"), [(0, FRAUD), (-27.99, FRAUD), (-28, LEFT_OUT), (0.01, LEFT_OUT)])
def test_the_window_ends_at_the_instant_and_begins_28_days_before(occurred: float, expected: dict[int, bool]) -> None:
    assert outcome(("fraud", "police", occurred, 20)) == expected


@pytest.mark.parametrize("occurred", [-55, -40, 10, 56])
def test_fraud_near_the_window_leaves_a_line_out(occurred: float) -> None:
    assert outcome(("fraud", "police", occurred, 58)) == LEFT_OUT


@pytest.mark.parametrize("occurred", [-56, -200, 57])
def test_fraud_far_from_the_window_does_not_count(occurred: float) -> None:
    assert outcome(("fraud", "police", occurred, 58)) == LEGITIMATE


def test_fraud_in_the_window_counts_despite_fraud_near_it() -> None:
    assert outcome(("fraud", "police", -40, 20), ("fraud", "complaint", -3, 30)) == FRAUD


def test_a_line_already_found_to_be_fraud_is_left_out() -> None:
    assert outcome(("fraud", "police", -5, -1)) == LEFT_OUT


def test_a_line_found_to_be_fraud_long_ago_is_left_out() -> None:
    assert outcome(("fraud", "police", -400, -390)) == LEFT_OUT


@pytest.mark.parametrize("clearing", CLEARING_SOURCES)
@pytest.mark.parametrize("taken_back", sorted(set(LABEL_SOURCES) - set(FIRM_SOURCES)))
def test_a_clearing_revokes_a_finding_that_is_not_firm(clearing: str, taken_back: str) -> None:
    assert outcome(("fraud", taken_back, -5, 5), ("legitimate", clearing, -5, 30)) == LEGITIMATE


@pytest.mark.parametrize("firm", FIRM_SOURCES)
@pytest.mark.parametrize("clearing", CLEARING_SOURCES)
def test_a_firm_finding_cannot_be_revoked(firm: str, clearing: str) -> None:
    assert outcome(("fraud", firm, -5, 5), ("legitimate", clearing, -5, 30)) == FRAUD


def test_a_passed_verification_revokes_nothing() -> None:
    assert outcome(("fraud", "complaint", -5, 5), ("legitimate", "verification_passed", -5, 30)) == FRAUD


def test_a_complaint_after_the_clearing_counts() -> None:
    assert outcome(("legitimate", "dispute_cleared", -5, 10), ("fraud", "complaint", -3, 30)) == FRAUD


def test_a_clearing_that_comes_after_we_train_does_not_exist() -> None:
    assert outcome(("fraud", "complaint", -5, 5), ("legitimate", "dispute_cleared", -5, 61)) == FRAUD


def test_a_line_complained_of_and_cleared_before_the_instant_may_be_scored() -> None:
    assert outcome(("fraud", "complaint", -20, -15), ("legitimate", "dispute_cleared", -20, -10)) == LEGITIMATE


def test_a_line_under_complaint_at_the_instant_is_left_out_even_if_cleared_later() -> None:
    assert outcome(("fraud", "complaint", -20, -15), ("legitimate", "dispute_cleared", -20, 10)) == LEFT_OUT


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_a_line_that_is_not_active_is_left_out(status: str) -> None:
    assert outcome(rows=accounts((1, -100, status))) == LEFT_OUT


def test_the_last_account_row_known_at_the_instant_decides_whether_a_line_is_active() -> None:
    later = accounts((1, -100, "active"), (1, -10, "suspended"), (1, 1, "active"))
    assert outcome(rows=later) == LEFT_OUT
    assert outcome(rows=accounts((1, -100, "suspended"), (1, -10, "active"), (1, 1, "closed"))) == LEGITIMATE


def test_a_line_whose_account_is_not_known_yet_is_left_out() -> None:
    assert outcome(rows=accounts((1, 1, "active"))) == LEFT_OUT


def test_each_line_has_its_own_outcome_in_the_order_of_keys() -> None:
    lines = accounts((9, -100, "active"), (1, -100, "active"), (5, -100, "active"))
    table = outcomes(labels(("fraud", "police", -5, 5), line=5), lines, as_of=AS_OF, known_by=day(TRAINED))
    assert table.rows() == [(1, False, "no_finding"), (5, True, "police"), (9, False, "no_finding")]
    assert table.columns == ["line_key", "fraud", "source"]


# Who says so ---------------------------------------------------------------------------------------------------------


def test_an_outcome_has_its_source() -> None:
    assert source(("fraud", "complaint", -5, 5)) == ["complaint"]
    assert source(("legitimate", "verification_passed", -5, 5)) == ["verification_passed"]
    assert source() == ["no_finding"]


def test_the_most_trusted_of_agreeing_sources_is_named() -> None:
    assert source(("fraud", "complaint", -9, 5), ("fraud", "police", -5, 30)) == ["police"]


def test_a_source_of_the_contrary_finding_is_not_named() -> None:
    assert source(("fraud", "complaint", -5, 5), ("legitimate", "verification_passed", -5, 6)) == ["complaint"]


def test_a_finding_of_good_about_another_time_is_no_finding_about_the_window() -> None:
    assert source(("legitimate", "random_audit", -40, 5)) == ["no_finding"]


# We never label ourselves --------------------------------------------------------------------------------------------

CUT_OFF_LATER = ((1, -100, "active"), (1, 10, "suspended"))


def test_a_suspended_line_without_a_finding_is_left_out() -> None:
    assert outcome(rows=accounts(*CUT_OFF_LATER)) == LEFT_OUT


def test_a_suspended_line_has_the_outcome_of_an_outside_finding() -> None:
    assert outcome(("fraud", "police", -5, 20), rows=accounts(*CUT_OFF_LATER)) == FRAUD
    assert outcome(("legitimate", "dispute_cleared", -5, 20), rows=accounts(*CUT_OFF_LATER)) == LEGITIMATE


def test_a_suspension_after_we_train_is_not_known() -> None:
    assert outcome(rows=accounts((1, -100, "active"), (1, 61, "suspended"))) == LEGITIMATE


def test_a_line_suspended_and_restored_before_the_instant_may_be_scored() -> None:
    assert outcome(rows=accounts((1, -100, "suspended"), (1, -50, "active"))) == LEGITIMATE


def test_a_line_closed_by_its_holder_does_not_count_as_suspended() -> None:
    assert outcome(rows=accounts((1, -100, "active"), (1, 10, "closed"))) == LEGITIMATE


@pytest.mark.parametrize("own", ["model", "score", "tier", "suspension"])
def test_no_score_and_no_suspension_of_ours_is_a_source_of_labels(own: str) -> None:
    assert own not in LABEL_SOURCES
    assert set(WEIGHTS) == {*LABEL_SOURCES, NO_FINDING}
