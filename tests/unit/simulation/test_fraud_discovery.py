"""Frauds match the prevalence, are found late or never, sometimes wrongly; found lines have no further records."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

c = pl.col


@pytest.fixture
def fraud_labels(labels: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    return labels.filter(c("label") == "fraud").join(truth, on="line_id", how="left")


def test_the_share_of_frauds_matches_the_prevalence(truth: pl.DataFrame) -> None:
    expected = 0.012 * truth.height * 56 / 14
    assert truth["is_fraud"].sum() == round(expected)
    last = truth["fraud_from"].max()
    middle = last - timedelta(days=14)
    begun = truth.filter(c("fraud_from") <= middle, c("fraud_until") > middle - timedelta(days=28))
    unfound = begun.filter(c("label_known_at").is_null() | (c("label_known_at") > middle)).height
    assert unfound / truth.height == pytest.approx(0.012, rel=0.4)


def test_most_frauds_are_found_and_more_reach_makes_it_likelier(truth: pl.DataFrame) -> None:
    frauds = truth.filter("is_fraud")
    assert 0.70 < frauds["found"].mean() < 0.93
    few, many = frauds.filter(c("people_reached") < 10), frauds.filter(c("people_reached") > 100)
    assert many["found"].mean() > 0.9
    assert few["found"].mean() < 0.7


def test_labels_become_known_after_1_to_30_days_and_mostly_within_20(labels: pl.DataFrame) -> None:
    delay = labels.filter(c("label") == "fraud").select(
        ((c("known_at") - c("occurred_at")).dt.total_minutes() / 1440).alias("days")
    )["days"]
    assert delay.min() >= 0.99
    assert delay.max() <= 30.01
    assert 5.0 < delay.median() < 13.0
    assert (delay < 20.0).mean() > 0.75


def test_fraud_labels_occurred_during_the_fraud(fraud_labels: pl.DataFrame) -> None:
    right = fraud_labels.filter("is_fraud")
    outside = right.filter((c("occurred_at") < c("fraud_from")) | (c("occurred_at") > c("fraud_until")))
    assert right.height > 50
    assert outside.height == 0


def test_label_sources_are_mixed_and_only_complaints_are_wrong(fraud_labels: pl.DataFrame) -> None:
    right, wrong = fraud_labels.filter("is_fraud"), fraud_labels.filter(~c("is_fraud"))
    assert set(right["source"]) == {"police", "complaint", "verification_failed", "random_audit"}
    assert set(wrong["source"]) <= {"complaint"}
    assert 0.0 < wrong.height / fraud_labels.height < 0.08


def test_a_random_audit_covers_few_lines_of_every_kind_and_is_always_right(
    labels: pl.DataFrame, truth: pl.DataFrame
) -> None:
    audited = labels.filter(c("source") == "random_audit").join(truth, on="line_id")
    assert 0.008 < audited.height / truth.height < 0.025
    under_way = c("is_fraud") & (c("fraud_from") <= c("occurred_at"))
    over = c("fraud_until") < c("occurred_at")
    assert audited.filter(c("label") == "fraud").select((under_way & ~over).all()).item()
    assert audited.filter(c("label") == "legitimate").select((~under_way | over).all()).item()
    assert audited.filter(c("is_fraud")).height > 0


def test_no_label_becomes_known_after_the_end(
    records: pl.DataFrame, accounts: pl.DataFrame, labels: pl.DataFrame
) -> None:
    end = records["started_at"].max() + timedelta(hours=1)
    assert labels["known_at"].max() < end
    assert accounts["known_at"].max() < end


def test_found_frauds_are_suspended_and_have_no_later_records(
    records: pl.DataFrame, accounts: pl.DataFrame, truth: pl.DataFrame
) -> None:
    cut = truth.filter(c("is_fraud"), c("suspended_at").is_not_null())
    late = records.join(cut.select("line_id", "suspended_at"), on="line_id").filter(
        c("started_at") >= c("suspended_at")
    )
    rows = accounts.filter(c("status") == "suspended").join(cut, on="line_id")
    assert cut.height > 40
    assert late.height == 0
    assert set(rows["line_id"]) == set(cut["line_id"])
    assert (cut["suspended_at"] >= cut["label_known_at"]).all()


def test_every_line_has_one_account_row_per_change_in_order(accounts: pl.DataFrame, truth: pl.DataFrame) -> None:
    first = accounts.group_by("line_id", maintain_order=True).first()
    assert first.height <= truth.height
    assert set(first["status"]) == {"active"}
    assert accounts.height > 1.1 * first.height
    changes = accounts.select(
        same_line=c("line_id") == c("line_id").shift(), later=c("known_at") >= c("known_at").shift()
    )
    assert changes.filter("same_line")["later"].all()


def test_some_lines_are_verified_again_or_declare_their_use(accounts: pl.DataFrame) -> None:
    last = accounts.group_by("line_id", maintain_order=True).last()
    assert 0.02 < last["last_verified_at"].is_not_null().mean() < 0.35
    assert 0.002 < last["declared_use"].is_not_null().mean() < 0.02
    assert (last.filter(c("declared_use").is_not_null())["declared_until"].is_not_null()).all()


def test_new_lines_are_mostly_legal_and_frauds_are_mostly_but_not_only_new(truth: pl.DataFrame) -> None:
    age = (c("fraud_from") - c("activated_at")).dt.total_days()
    frauds = truth.filter("is_fraud").select(age.alias("age"))["age"]
    assert 0.25 < (frauds < 30).mean() < 0.55
    assert 0.1 < (frauds > 365).mean() < 0.6
    recent = truth["activated_at"].max() - timedelta(days=30)
    new = truth.filter(c("activated_at") > recent)
    assert new["is_fraud"].mean() < 0.5


def test_most_holders_have_one_line_and_some_have_several(accounts: pl.DataFrame) -> None:
    held = accounts.group_by("line_id").first().group_by("holder_id").len()["len"]
    assert 1.05 < held.mean() < 1.6
    assert held.max() >= 3
