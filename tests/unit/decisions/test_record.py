"""A decision record says the same thing, bit for bit, after any journey through JSON."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from ulid import ULID

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import DecisionRecord, RecordedReason
from linerisk.decisions.recorded_features import frozen_features, matrix_row, named_features
from linerisk.errors import DecisionLogError
from linerisk.features.records_summary import RecordsSummary

MakeRecord = Callable[..., DecisionRecord]

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


def test_a_record_reads_back_as_itself(make_record: MakeRecord) -> None:
    record = make_record()
    assert DecisionRecord.from_json(record.to_json()) == record


def test_json_is_canonical_whatever_the_order_of_its_parts(make_record: MakeRecord) -> None:
    one = make_record(decision_id="x", contributions={"a": 1.0, "b": 2.0})
    other = make_record(decision_id="x", contributions={"b": 2.0, "a": 1.0})
    assert one.to_json() == other.to_json()
    assert list(json.loads(one.to_json())) == sorted(json.loads(one.to_json()))


def test_an_answer_has_the_shape_of_the_contract_and_what_adds_up(make_record: MakeRecord) -> None:
    answer = make_record(as_of=NOON).to_answer_json()
    assert json.loads(json.dumps(answer)) == answer
    assert answer["as_of"] == "2024-07-01T12:00:00Z"
    assert answer["model"] == {"name": "linerisk", "version": "7"}
    assert answer["action"] == {
        "kind": "verify",
        "policy": "shenzhen-2024-07-b",
        "steps": ["online_real_person"],
        "held_by": None,
    }
    assert set(answer["reasons"][0]) == {"code", "family", "direction", "zh", "en", "contribution", "facts"}
    log_odds = answer["base"] + answer["calibration"] + sum(answer["contributions"].values())
    assert log_odds == pytest.approx(math.log(0.0196 / 0.9804), abs=0.01)


def test_an_answer_does_not_tell_who_asked_nor_the_features(make_record: MakeRecord) -> None:
    assert not {"scored_by", "features", "last_verified_at"} & set(make_record().to_answer_json())


@pytest.mark.parametrize(
    "field", ["margin", "probability", "probability_low", "probability_high", "base", "calibration"]
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_cannot_be_recorded(make_record: MakeRecord, field: str, value: float) -> None:
    with pytest.raises(DecisionLogError, match="not finite"):
        make_record(**{field: value})


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_feature_cannot_be_recorded(value: float) -> None:
    with pytest.raises(DecisionLogError, match="infinite feature"):
        frozen_features(["calls_7d"], np.array([[value]], dtype=np.float32))


def test_features_are_kept_as_the_bytes_that_were_scored(make_record: MakeRecord) -> None:
    row = np.array([[0.1, np.nan]], dtype=np.float32)
    [features] = frozen_features(["a", "b"], row)
    record = DecisionRecord.from_json(make_record(features=features).to_json())
    assert features.values == "zczMPQAAwH8="
    np.testing.assert_array_equal(matrix_row(record.features, ["a", "b"]), row, strict=True)
    assert named_features(record.features, ["a", "b"]) == {"a": 0.10000000149011612, "b": None}


@pytest.mark.parametrize("names", [["b", "a"], ["a"], ["a", "b", "c"]])
def test_features_are_read_with_the_names_they_were_made_of_only(names: list[str]) -> None:
    [features] = frozen_features(["a", "b"], np.array([[1.0, 2.0]], dtype=np.float32))
    with pytest.raises(DecisionLogError, match="other columns"):
        matrix_row(features, names)


@pytest.mark.parametrize("values", ["", "zczM", "zczMPQAAwH8", "zczMPQAAwH8=="])
def test_features_that_lost_bytes_are_refused(values: str) -> None:
    [features] = frozen_features(["a", "b"], np.array([[1.0, 2.0]], dtype=np.float32))
    with pytest.raises(DecisionLogError):
        matrix_row(msgspec.structs.replace(features, values=values), ["a", "b"])


def test_numbers_in_facts_read_back_as_they_were_so_that_a_repeated_answer_is_the_same(make_record: MakeRecord) -> None:
    reason = RecordedReason(
        code="A", family="f", direction="raises", zh="", en="", contribution=0.5, facts={"calls": 3.0, "share": 0.25}
    )
    record = make_record(reasons=(reason,))
    assert json.dumps(DecisionRecord.from_json(record.to_json()).to_answer_json()) == json.dumps(
        record.to_answer_json()
    )


def test_numbers_of_numpy_are_written_as_numbers(make_record: MakeRecord) -> None:
    reason = RecordedReason(
        code="A", family="f", direction="raises", zh="", en="", contribution=np.float64(0.5), facts={"n": np.float32(2)}
    )
    back = DecisionRecord.from_json(make_record(margin=np.float64(-1.5), reasons=(reason,)).to_json())
    assert (back.margin, back.reasons[0].contribution, back.reasons[0].facts) == (-1.5, 0.5, {"n": 2.0})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"decision_id": 3}'])
def test_what_is_not_a_record_is_refused(text: str) -> None:
    with pytest.raises(DecisionLogError, match="not a decision record"):
        DecisionRecord.from_json(text)


def test_ids_sort_as_time_does_and_within_a_request_as_given() -> None:
    earlier, later = decision_ids(NOON, 1_000), decision_ids(NOON + timedelta(milliseconds=1), 1_000)
    assert sorted(set(earlier + later)) == earlier + later


SUMMARY = RecordsSummary(
    until=NOON,
    out_calls=bytes(range(224)) * 3,
    peers_by_kind={"mobile": 31},
    peers_by_area={"4403": 30, "5101": 1},
    devices=1,
    cells_by_area={"4403": 4},
)


def test_a_summary_of_records_reads_back_and_a_record_without_one_does_not_name_it(make_record: MakeRecord) -> None:
    kept, none = make_record(records=SUMMARY), make_record()
    assert DecisionRecord.from_json(kept.to_json()) == kept
    assert DecisionRecord.from_json(kept.to_json()).to_json() == kept.to_json()
    assert b'"records"' not in none.to_json()
    assert DecisionRecord.from_json(none.to_json()).records is msgspec.UNSET


def test_a_record_of_the_format_before_reads_and_writes_as_it_stands(make_record: MakeRecord) -> None:
    old = make_record().to_json().replace(b'"format":3', b'"format":2')
    assert DecisionRecord.from_json(old).format == 2
    assert DecisionRecord.from_json(old).to_json() == old


def test_a_summary_of_records_is_told_to_nobody_who_asks_for_a_score(make_record: MakeRecord) -> None:
    assert "records" not in make_record(records=SUMMARY).to_answer_json()


def test_ids_are_spelled_as_ulids_are() -> None:
    for told in decision_ids(NOON, 1_000):
        read = ULID.from_str(told)
        assert str(read) == told
        assert read.datetime == NOON
